/**
 * The contract of an event store: durable, ordered logs and, beside each, the latest event of every entity.
 *
 * The state of an entity *is* its latest event, so a snapshot is made of entries like everything else, and always comes
 * with the position that it is true at. test/store/conformance.ts says the same as tests; every backend passes them.
 */
import { hash } from 'node:crypto';
import { TidingsError } from '../errors.ts';
import type { SubjectName } from '../events/catalogue.ts';
import type { Entry, EventFacts } from '../events/event.ts';
import type { Position } from '../events/position.ts';
import type { Lifetime } from '../events/subject.ts';
import type { Topic } from '../events/topics.ts';

/** Names one log. A workspace has two, which share nothing: its events, and its presence changes (short retention). */
export interface LogName {
  readonly workspace: string;
  readonly stream: 'events' | 'presence';
}

export function logKey(log: LogName): string {
  return `${log.stream}/${log.workspace}`;
}

/** An entity as the writer of a batch took it to be. Where another state is stored, that is a conflict. */
export interface Expectation {
  readonly type: SubjectName;
  /** Well-formed Unicode, as are the topics: backends store UTF-8, which has no unpaired surrogates. */
  readonly id: string;
  /** 0 when the entity was not there. */
  readonly expectedRevision: number;
  /**
   * `fingerprintOf` the event that made this revision. Needed where that was still on its way to the store: should it have
   * failed, another writer's event may have got its revision.
   */
  readonly expectedFacts?: string;
}

/** What an event does to the state of its entity. */
export interface EntityWrite extends Expectation {
  /** Topics under which `entities` finds it; empty when it is deleted. */
  readonly topics: readonly Topic[];
  /** `log`: the state goes when its last event is trimmed. */
  readonly lifetime: Lifetime;
  /** The state stays only to answer late changes; `entities` passes it over. */
  readonly deleted: boolean;
  /** Entities of every type filed under this topic are forgotten with it, silently, but for the entity itself. */
  readonly purge?: Topic;
}

export interface NewEvent {
  readonly facts: EventFacts;
  /** Null for a content that leaves no state. */
  readonly write: EntityWrite | null;
}

/** What the writer of a batch found under a topic: the first ids of one type, in order. Others stored are a conflict. */
export interface Finding {
  readonly type: SubjectName;
  readonly topic: Topic;
  /** How many it asked for, at least one: fewer `ids` say that there were no more. */
  readonly limit: number;
  readonly ids: readonly string[];
}

export interface Batch {
  /** At least one. They get consecutive offsets; several may change the same entity, one after the other. */
  readonly events: readonly NewEvent[];
  /**
   * What the batch relies on beside the entities that it changes. It has to hold when the batch is appended, before the first
   * event; it is only compared, so that batches which rely on the same don't get into each other's way.
   */
  readonly guards?: readonly (Expectation | Finding)[];
  /** Any of them known, and not older than 7 days: nothing is appended and the first result is returned. */
  readonly idempotencyKeys: readonly string[];
}

export interface Appended {
  readonly position: Position;
  readonly recordedAt: string;
  readonly revision: number;
}

export interface AppendResult {
  /** One an event, in order. */
  readonly appended: readonly Appended[];
  /** The batch was appended before; `appended` is what it got then. */
  readonly duplicate: boolean;
}

export interface Page {
  /** Consecutive, oldest first. Fewer than the limit where they are large: only `head` tells whether there are more. */
  readonly entries: readonly Entry[];
  /** Where the log ended when the page was read. */
  readonly head: Position;
}

/** An entity's latest event, `deleted` where that removed it. */
export interface EntityRecord {
  readonly entry: Entry;
  readonly deleted: boolean;
}

export interface EntityQuery {
  readonly type: SubjectName;
  readonly topic: Topic;
  /** Only ids that sort behind this one, by UTF-8 bytes. */
  readonly afterId?: string;
  readonly limit: number;
}

export interface EntityPage {
  /** Ordered by id. Deleted entities are left out. Fewer than the limit where they are large. */
  readonly entries: readonly Entry[];
  readonly hasMore: boolean;
  /** Exactly the events up to here are in `entries`. */
  readonly at: Position;
}

/**
 * Retention of one log: whichever bound is reached first. Trimming follows the writes in small steps, so that a log may
 * exceed its bounds for a moment. The position of the last trimmed entry can still be continued.
 */
export interface Retention {
  readonly events: number;
  readonly hours: number;
  /** Of the events' JSON. */
  readonly bytes: number;
}

/** Something else is stored than a batch relied on; nothing of it was written. */
export class RevisionConflict extends Error {
  override readonly name = 'RevisionConflict';
  /** Index of the event in the batch; those of its guards follow on the events'. */
  readonly index: number;
  /** The entity as it is stored now; undefined when there is none, or for a finding. */
  readonly current: EntityRecord | undefined;

  constructor(index: number, current: EntityRecord | undefined) {
    super(`number ${index} of the events and guards relied on another state than is stored`);
    this.index = index;
    this.current = current;
  }
}

export type Unwatch = () => void;

export interface EventStore {
  /**
   * Durable when it resolves; all or nothing. Writers of one process that wait at the same time share one commit, and what
   * they append to one log is taken in the order of the calls.
   *
   * @throws RevisionConflict the first guard that doesn't hold, or the first event whose entity has moved on
   * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL: nothing was written, or, where the answer to a write was lost,
   *   the idempotency key tells
   */
  append(log: LogName, batch: Batch): Promise<AppendResult>;

  /** The result, as a duplicate, of the batch that was appended with one of these idempotency keys, if it is still known. */
  recall(log: LogName, idempotencyKeys: readonly string[]): Promise<AppendResult | undefined>;

  /**
   * Entries behind a position, at most `limit`. `oldest` starts with the oldest one that is retained.
   *
   * @throws PositionLost when epoch or chain differ, the range was trimmed, or the position is ahead of the log
   */
  read(log: LogName, after: Position | 'oldest', limit: number): Promise<Page>;

  /**
   * Entries before the one at a position, the latest `limit` of them; the page is still oldest first. `newest` ends with
   * the newest one. Empty where nothing before is retained.
   *
   * @throws PositionLost as `read`
   */
  readBefore(log: LogName, before: Position | 'newest', limit: number): Promise<Page>;

  /** Where the log ends. A log that was never written to has offset 0 and already its epoch. */
  head(log: LogName): Promise<Position>;

  /** Undefined when it was never there, or is forgotten. */
  entity(log: LogName, type: SubjectName, id: string): Promise<EntityRecord | undefined>;

  entities(log: LogName, query: EntityQuery): Promise<EntityPage>;

  /**
   * Calls back with what is appended from the moment this resolves on. Calls may be lost, doubled, late or out of order,
   * and a log may have been rolled back and have grown again: whoever watches checks that entries follow each other, and
   * reads what is missing. A call without entries says that some may have been lost. The callback must not throw.
   */
  watch(log: LogName, onAppended: (entries: readonly Entry[]) => void): Promise<Unwatch>;

  /** What is retained now. */
  size(log: LogName): Promise<{ readonly events: number; readonly bytes: number }>;

  /** @throws TidingsError STORE_UNAVAILABLE */
  ping(): Promise<void>;

  /** Waits for what is under way; afterwards every call fails with STORE_UNAVAILABLE. */
  close(): Promise<void>;
}

/** Hexadecimal digits of a chain: 48 bits, plenty against chance; it is no signature. */
const CHAIN_DIGITS = 12;

/**
 * Whether an entry is the one right behind a position, in the same history. In every store an entry's chain is the SHA-1 of
 * the chain before it, its recordedAt and the JSON of its facts, a line each.
 */
export function follows(entry: Entry, { epoch, offset, chain }: Position): boolean {
  const { position, recordedAt, revision: _, ...facts } = entry;
  if (position.epoch !== epoch || position.offset !== offset + 1) return false;
  const digest = hash('sha1', `${chain}\n${recordedAt}\n${JSON.stringify(facts)}`, 'hex');
  return position.chain === digest.slice(0, CHAIN_DIGITS);
}

/** What tells an event from all others that may get the same revision: stores have the JSON of its facts, as it is. */
export function fingerprintOf(facts: EventFacts): string {
  return hash('sha1', JSON.stringify(facts), 'hex');
}

export function storeUnavailable(cause?: unknown): TidingsError {
  return new TidingsError('STORE_UNAVAILABLE', undefined, {}, { cause });
}
