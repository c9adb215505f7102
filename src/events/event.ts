import {
  deletions,
  isKnownKind,
  kinds,
  subjectOf,
  type Kind,
  type StateOf,
  type SubjectName,
} from './catalogue.ts';
import { encodeCursor, type Position } from './position.ts';
import type { Lifetime } from './subject.ts';
import { topic, type Topic } from './topics.ts';

/** Why an event was sent. SNAPSHOT is never stored: it marks the current state at the start of a subscription. */
export const changeReasons = [
  'REPORTED',
  'OPENED',
  'EDITED',
  'STATE',
  'DRAFT',
  'COMMITS',
  'REVIEW',
  'REVIEWERS',
  'PIPELINE',
  'INSIGHTS',
  'LABELS',
  'ASSIGNEES',
  'MILESTONE',
  'LOCK',
  'COMMENT',
  'PROGRESS',
  'REPOSITORY',
  'MOVED',
  'DELETED',
  'SNAPSHOT',
] as const;
export type ChangeReason = (typeof changeReasons)[number];

/** What belongs to one event and not to the state of its entity. */
export interface EventDetail {
  /** issue.commented: the comment. */
  readonly comment?: {
    readonly id: string | null;
    readonly author: string | null;
    readonly body: string;
    readonly url: string | null;
    readonly action: 'CREATED' | 'EDITED' | 'DELETED';
  };
  /** workflow.*: lines of output that came with this report. */
  readonly logs?: readonly string[];
}

/** An event as it is stored: plain JSON, the same for every reader. */
export interface EventFacts<Name extends SubjectName = SubjectName> {
  readonly kind: Kind;
  readonly reason: ChangeReason;
  readonly projectId: string | null;
  /** The one user who may see it, else null. */
  readonly userId: string | null;
  /** Id of the entity that it changed, null for a content that leaves no state. */
  readonly entityId: string | null;
  /** The person or program that did it, as the source names it. */
  readonly actor: string | null;
  /** Who told us: `api`, `github` or `cloudevents`. */
  readonly source: string;
  /** When it happened, by the source's clock: ISO 8601, UTC. */
  readonly occurredAt: string;
  /** The entity's state after the change, or the content. */
  readonly data: StateOf<Name>;
  /** Names of the fields of `data` that the change altered. */
  readonly changed: readonly string[];
  readonly detail: EventDetail;
  /** By aspect of the state, the newest source time that was merged into it. */
  readonly asOf: Readonly<Record<string, string>>;
  /** What it was published in the course of, as W3C Trace Context writes it. Only where that is traced. */
  readonly traceparent?: string;
}

/** An event in its place in the log. */
export interface Entry<Name extends SubjectName = SubjectName> extends EventFacts<Name> {
  readonly position: Position;
  /** When the store wrote it, by the store's clock: ISO 8601, UTC. */
  readonly recordedAt: string;
  /** How many events have changed the entity, this one included; 0 for a content that leaves no state. */
  readonly revision: number;
}

/** Which subject an event is about, as a type guard. */
export function isAbout<Name extends SubjectName>(facts: EventFacts, name: Name): facts is EventFacts<Name> {
  return kinds[facts.kind] === name;
}

export function isDeletion(facts: EventFacts): boolean {
  return deletions.has(facts.kind);
}

/** Every topic that an event is filed under, without repetition. None for one of a kind that nobody here can show. */
export function topicsOf(facts: EventFacts): Topic[] {
  if (!isKnownKind(facts.kind)) return [];
  const topics = new Set<Topic>(facts.userId === null ? ['all'] : []);
  if (facts.projectId !== null && facts.userId === null) topics.add(topic('project', facts.projectId));
  for (const each of subjectOf(facts.kind).topics?.(facts.data) ?? []) topics.add(each);
  return [...topics];
}

export function lifetimeOf(facts: EventFacts): Lifetime {
  return isDeletion(facts) ? 'log' : (subjectOf(facts.kind).lifetime?.(facts.data) ?? 'log');
}

const cursors = new WeakMap<Entry, string>();

/** The entry's cursor, encoded once however many read it. */
export function cursorOf(entry: Entry): string {
  let cursor = cursors.get(entry);
  if (cursor === undefined) {
    cursor = encodeCursor(entry.position);
    cursors.set(entry, cursor);
  }
  return cursor;
}

/** An entity's latest event as an item of a snapshot, with the cursor that says where to continue from there. */
export function asSnapshot(entry: Entry, cursor: string): Entry {
  const item: Entry = { ...entry, reason: 'SNAPSHOT', changed: [], detail: {} };
  cursors.set(item, cursor);
  return item;
}
