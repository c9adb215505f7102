import { errorCatalogue, TidingsError } from '../errors.ts';
import { kinds } from '../events/catalogue.ts';
import { asSnapshot, isDeletion, type Entry } from '../events/event.ts';
import { decodeCursor, encodeCursor, PositionLost, type Position } from '../events/position.ts';
import type { Topic } from '../events/topics.ts';
import type { EntityPage, EventStore } from '../store/store.ts';
import type { Feed } from './feed.ts';
import type { RouteStart } from './route.ts';
import type { SharedOperation } from './shared-operation.ts';
import type { EncodedResult, Sink } from './sink.ts';
import { isFiledUnder } from './topic-index.ts';

/**
 * - `starting`: finds out where to begin
 * - `catchingUp`: reads on from its position until nothing is left
 * - `live`: gets each event as it comes
 * - `congested`: waits for its connection, and remembers nothing but its position
 * - `ended`: for good
 */
export type Phase = 'starting' | 'catchingUp' | 'live' | 'congested' | 'ended';

export interface DeliveryOptions {
  readonly store: EventStore;
  readonly feed: Feed;
  readonly shared: SharedOperation;
  readonly start: RouteStart;
  readonly sink: Sink;
  /** Called once, at the end; with what ended it, if that was not the subscriber. */
  readonly onEnd: (error: unknown) => void;
  readonly onDelivered: () => void;
  /** Resolves when a failed read of the store may be tried again. */
  readonly pause: () => Promise<void>;
}

/** A snapshot is read in pages of so many entities, or of what the store gives at once (about 4 MiB). It has to fit into memory. */
const SNAPSHOT_PAGE = 1_000;
const MAX_FULL_PAGES = 16;
/** With LATEST, so many entries are gathered before they are written: what a client is behind must not all be held in memory. */
const MAX_PENDING = 256;

/**
 * One subscription: a position in the log that moves forward. Whatever happens, the entries behind the position are exactly those that the
 * sink has not been given yet.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  #shared: SharedOperation;
  #phase: Phase = 'starting';
  /** While live it stays where it went live: the feed's position is the delivery's. */
  #position: Position;
  #needsSnapshot = false;
  /**
   * What is to be delivered before reading on: the items of a snapshot, and with LATEST the newest entry of each entity up to the position. By
   * entity, in the order of delivery.
   */
  readonly #pending = new Map<string, Entry>();
  #isMoving = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#shared = options.shared;
    this.#position = options.feed.position;
    this.#shared.deliveries.add(this);
  }

  get phase(): Phase {
    return this.#phase;
  }

  get shared(): SharedOperation {
    return this.#shared;
  }

  /** Finds its first position and delivers from there. Throws nothing: what goes wrong ends it. */
  start(): void {
    const { after, snapshot } = this.#options.start;
    try {
      const cursor = after === null ? null : decodeCursor(after);
      this.#needsSnapshot = cursor === null ? snapshot : cursor.inSnapshot;
      if (cursor !== null) this.#position = cursor.position;
      if (cursor === null && !this.#needsSnapshot) this.#goLive();
      else this.#catchUp();
    } catch (error) {
      this.#end(error);
    }
  }

  /** A live entry; its result is the same for all. */
  deliverLive(entry: Entry, result: EncodedResult): void {
    // A snapshot may be ahead of the feed.
    if (entry.position.offset <= this.#position.offset) return;
    this.#write(result);
    if (!this.#options.sink.isCongested) return;
    this.#position = entry.position;
    this.#shared.live.delete(this);
    this.#catchUp();
  }

  /** The log is not the one that was followed: start again from a snapshot where that was asked for, else say so and end. */
  reset(lost: PositionLost): void {
    if (this.#phase === 'ended') return;
    const { start } = this.#options;
    if (!start.snapshot || this.#shared.route.snapshotOf === null) return this.#end(lost);
    this.#needsSnapshot = true;
    this.#pending.clear();
    this.#shared.live.delete(this);
    this.#catchUp();
  }

  /** Goes on with another access from exactly where it is. */
  reroute(shared: SharedOperation): void {
    if (this.#phase === 'ended' || shared === this.#shared) return;
    const wasLive = this.#shared.live.delete(this);
    this.#shared.deliveries.delete(this);
    this.#shared = shared;
    shared.deliveries.add(this);
    if (wasLive) shared.live.add(this);
    // What the new access doesn't cover must not wait to be sent.
    for (const [key, entry] of this.#pending) if (!shared.accepts(entry)) this.#pending.delete(key);
  }

  /** Ends it with an error that the subscriber is told. */
  fail(error: TidingsError): void {
    this.#end(error);
  }

  /** The subscriber has left. */
  stop(): void {
    this.#end(undefined);
  }

  #end(error: unknown): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#pending.clear();
    this.#shared.live.delete(this);
    this.#shared.deliveries.delete(this);
    this.#options.onEnd(error instanceof PositionLost ? error.toTidingsError() : error);
  }

  #write(result: EncodedResult): void {
    this.#options.sink.next(result);
    this.#options.onDelivered();
  }

  #goLive(): void {
    this.#phase = 'live';
    this.#shared.live.add(this);
  }

  /** Ends live or ended. One at a time. */
  #catchUp(): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'catchingUp';
    if (this.#isMoving) return;
    this.#isMoving = true;
    void this.#moveOn()
      .catch((error: unknown) => this.#end(error))
      .finally(() => {
        this.#isMoving = false;
        // Went live and fell behind again before the run had ended.
        if (this.#phase === 'catchingUp') this.#catchUp();
      });
  }

  async #moveOn(): Promise<void> {
    while (this.#phase !== 'ended') {
      try {
        if (await this.#step()) return;
      } catch (error) {
        if (error instanceof PositionLost) this.reset(error);
        else if (error instanceof TidingsError && errorCatalogue[error.code].retryable)
          await this.#options.pause();
        else throw error;
      }
    }
  }

  /** One step forward. True when there is nothing left to do, and it went live in the same synchronous step that found that out. */
  async #step(): Promise<boolean> {
    const { sink, start, feed } = this.#options;
    if (sink.isCongested) {
      this.#phase = 'congested';
      await new Promise<void>((resolve) => sink.whenDrained(resolve));
      if (this.#isEnded()) return true;
      this.#phase = 'catchingUp';
    }
    if (this.#needsSnapshot) await this.#takeSnapshot();
    if (this.#isEnded()) return true;
    const conflates = start.delivery === 'LATEST';
    if (this.#pending.size > 0 && (!conflates || this.#pending.size >= MAX_PENDING)) {
      this.#writePending();
      await new Promise(setImmediate);
      return false;
    }
    const read = feed.after(this.#position);
    const entries = read instanceof Promise ? await read : read;
    if (this.#isEnded() || this.#needsSnapshot) return this.#isEnded();
    if (entries.length > 0) {
      this.#take(entries, conflates);
      // A long way to catch up must not keep everybody else waiting.
      await new Promise(setImmediate);
      return false;
    }
    if (this.#pending.size > 0) {
      this.#writePending();
      return false;
    }
    if (this.#position.offset < feed.position.offset) return false;
    this.#goLive();
    return true;
  }

  /** Moves over entries of the log, writing what concerns this subscription, until it is congested or they are used up. */
  #take(entries: readonly Entry[], conflates: boolean): void {
    for (const entry of entries) {
      if (isFiledUnder(this.#shared.route, entry) && this.#shared.accepts(entry)) {
        if (conflates) {
          const key = keyOf(entry);
          this.#pending.delete(key);
          this.#pending.set(key, entry);
        } else {
          this.#write(this.#shared.result(entry));
        }
      }
      this.#position = entry.position;
      if (!conflates && this.#options.sink.isCongested) return;
    }
  }

  /** Some of it: whoever has much to write lets others in between. */
  #writePending(): void {
    let left = MAX_PENDING;
    for (const [key, entry] of this.#pending) {
      this.#pending.delete(key);
      this.#write(this.#shared.result(entry));
      if (--left === 0 || this.#options.sink.isCongested) return;
    }
  }

  /** State and position together, so that going on from the position neither misses nor repeats anything. */
  async #takeSnapshot(): Promise<void> {
    const { feed } = this.#options;
    const { topics } = this.#shared.route;
    const shown = new Map<string, Entry>();
    let at: Position | undefined;
    let end: Position | undefined;
    let fullPages = 0;
    for (const topic of topics) {
      for (let afterId: string | undefined, hasMore = true; hasMore;) {
        const page = await this.#readEntities(topic, afterId);
        if (this.#isEnded()) return;
        at ??= page.at;
        end = page.at;
        for (const entry of page.entries) shown.set(keyOf(entry), entry);
        afterId = page.entries.at(-1)?.entityId ?? undefined;
        hasMore = page.hasMore;
        if (hasMore && ++fullPages > MAX_FULL_PAGES) throw new TidingsError('SNAPSHOT_TOO_LARGE');
      }
    }
    if (at !== undefined && end !== undefined) await this.#bringForward(shown, at, end);
    if (this.#isEnded()) return;

    const position = end ?? feed.position;
    // Only the last item's cursor continues behind the snapshot: what is left of it at any other is nowhere in the log.
    const inside = encodeCursor(position, true);
    this.#pending.clear();
    let last: Entry | undefined;
    for (const [key, entry] of shown) {
      const item = asSnapshot(entry, inside);
      if (this.#shared.accepts(item)) this.#pending.set(key, (last = item));
    }
    if (last !== undefined) this.#pending.set(keyOf(last), asSnapshot(last, encodeCursor(position)));
    this.#position = position;
    this.#needsSnapshot = false;
  }

  async #readEntities(topic: Topic, afterId: string | undefined): Promise<EntityPage> {
    const { log, snapshotOf: type } = this.#shared.route;
    if (type === null) throw new TidingsError('BAD_CURSOR');
    const query = { type, topic, limit: SNAPSHOT_PAGE };
    return this.#options.store.entities(log, afterId === undefined ? query : { ...query, afterId });
  }

  /** Pages read one after the other are true at different positions: what happened between them makes all of them true at the last. */
  async #bringForward(shown: Map<string, Entry>, from: Position, to: Position): Promise<void> {
    const { route } = this.#shared;
    for (let at = from; at.offset < to.offset && !this.#isEnded();) {
      const { entries } = await this.#options.store.read(route.log, at, SNAPSHOT_PAGE);
      for (const entry of entries) {
        at = entry.position;
        if (at.offset > to.offset) break;
        // What was in a deleted project goes with it, without events of its own.
        if (entry.kind === 'project.deleted') {
          for (const [key, { projectId }] of shown) if (projectId === entry.entityId) shown.delete(key);
        }
        if (kinds[entry.kind] !== route.snapshotOf) continue;
        if (!isDeletion(entry) && isFiledUnder(route, entry)) shown.set(keyOf(entry), entry);
        else shown.delete(keyOf(entry));
      }
    }
  }

  // A method, because the compiler would take a look at the field for settled across an await.
  #isEnded(): boolean {
    return this.#phase === 'ended';
  }
}

/** The entity of an entry, or the entry itself where it has none. */
function keyOf(entry: Entry): string {
  return entry.entityId === null ? `at ${entry.position.offset}` : `${kinds[entry.kind]} ${entry.entityId}`;
}
