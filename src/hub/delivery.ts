import { mayPass } from '../errors.ts';
import type { Entry } from '../events/event.ts';
import {
  decodeCursor,
  PositionLost,
  samePosition,
  type LossReason,
  type Position,
} from '../events/position.ts';
import { SnapshotBacklog, type Backlog } from './backlog.ts';
import type { Holder } from './backlog-memory.ts';
import type { Channel } from './channel.ts';
import { LatestEntries } from './latest.ts';
import type { Operation } from './operation.ts';
import type { Route, RouteStart } from './route.ts';
import type { SharedOperation } from './shared-operation.ts';
import type { EncodedResult, Sink } from './sink.ts';
import type { Phase, Subscription, SubscriptionState } from './subscription.ts';

/**
 * One subscription: a position in the log that moves forward. Whatever happens, the entries behind the position are exactly those that the
 * sink has not been given yet.
 */
export class Delivery implements Subscription, Holder {
  readonly #operation: Operation;
  readonly #sink: Sink;
  readonly #onEnd: (error: unknown) => void;
  /** Until it has a shared operation, whose route it is then. */
  #route: Route | undefined;
  readonly #start: RouteStart;
  #channel: Channel | undefined;
  #shared: SharedOperation | undefined;
  #phase: Phase = 'starting';
  /** While live it stays where it went live: the feed's position is the delivery's. */
  #position: Position | undefined;
  #needsSnapshot = false;
  /** Why the snapshot is another than the one that its client has: it is told with the first result. */
  #restarted: LossReason | undefined;
  /** To be written before it goes live: what is left of a snapshot, or, with LATEST, what it wants of the entries up to the position. */
  #backlog: Backlog | undefined;
  #isMoving = false;
  #delivered = 0;

  /** `onEnd` is called once, at the end; with what ended it, if that was not the subscriber. */
  constructor(operation: Operation, route: Route, sink: Sink, onEnd: (error: unknown) => void) {
    this.#operation = operation;
    this.#route = route;
    this.#start = route.start;
    this.#sink = sink;
    this.#onEnd = onEnd;
  }

  state(): SubscriptionState {
    return {
      field: this.#operation.field,
      route: this.#shared?.route ?? this.#route!,
      phase: this.#phase,
      position: this.#phase === 'live' ? this.#channel!.feed.position : this.#restingPosition(),
      delivered: this.#delivered,
    };
  }

  get phase(): Phase {
    return this.#phase;
  }

  #restingPosition(): Position | null {
    if (this.#needsSnapshot || this.#phase === 'starting') return null;
    return this.#backlog === undefined ? (this.#position ?? null) : this.#backlog.position;
  }

  /** Finds its first position and delivers from there. Throws nothing: what goes wrong ends it. */
  begin(channel: Channel): void {
    if (this.#phase === 'ended') return;
    this.#channel = channel;
    const shared = channel.share(this.#operation, this.#route!);
    shared.deliveries.add(this);
    this.#shared = shared;
    this.#route = undefined;
    this.#position = channel.feed.position;
    const { after, snapshot } = this.#start;
    try {
      const cursor = after === null ? null : decodeCursor(after);
      this.#needsSnapshot = cursor === null ? snapshot : cursor.inSnapshot;
      if (cursor !== null) this.#position = cursor.position;
      if (cursor?.inSnapshot === true) this.#restarted = 'incomplete';
      if (cursor !== null || this.#needsSnapshot) return this.#catchUp();
      this.#goLive();
      this.#sink.begins?.(this.#position);
    } catch (error) {
      this.#end(error);
    }
  }

  /** A live entry; its result is the same for all. */
  deliverLive(entry: Entry, result: EncodedResult): void {
    this.#write(result);
    if (!this.#sink.isCongested) return;
    this.#position = entry.position;
    this.#shared!.live.delete(this);
    this.#catchUp();
  }

  /** The log is not the one that was followed: start again from a snapshot where that was asked for, else say so and end. */
  reset(lost: PositionLost): void {
    if (this.#phase === 'ended') return;
    if (!this.#start.snapshot || this.#shared!.route.snapshotOf === null) return this.#end(lost);
    this.#beginAnew(lost.reason);
    this.#shared!.live.delete(this);
    this.#catchUp();
  }

  reroute(route: Route): void {
    if (this.#phase === 'ended') return;
    const before = this.#shared;
    if (before === undefined) return void (this.#route = route);
    const shared = this.#channel!.share(this.#operation, route);
    if (shared === before) return;
    if (before.live.delete(this)) shared.live.add(this);
    before.deliveries.delete(this);
    this.#channel!.unshare(before);
    this.#shared = shared;
    shared.deliveries.add(this);
  }

  fail(error: unknown): void {
    this.#end(error);
  }

  stop(): void {
    this.#end(undefined);
  }

  #end(error: unknown): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#forgetBacklog();
    const shared = this.#shared;
    if (shared !== undefined) {
      shared.live.delete(this);
      shared.deliveries.delete(this);
      this.#channel!.unshare(shared);
    }
    this.#onEnd(error instanceof PositionLost ? error.toTidingsError() : error);
  }

  letGo(): void {
    const backlog = this.#backlog;
    if (backlog instanceof SnapshotBacklog) return this.#beginAnew(backlog.restarted ?? 'incomplete');
    if (backlog !== undefined) this.#position = backlog.position!;
    this.#forgetBacklog();
  }

  /** With another snapshot; its client is told why, if it has anything of the one before. */
  #beginAnew(reason: LossReason): void {
    const isFirst = this.#needsSnapshot || this.#backlog instanceof SnapshotBacklog;
    const hasNothing = isFirst && this.#delivered === 0 && this.#start.after === null;
    if (!hasNothing) this.#restarted = reason;
    this.#needsSnapshot = true;
    this.#forgetBacklog();
  }

  #forgetBacklog(): void {
    this.#channel?.memory.forget(this);
    this.#backlog = undefined;
  }

  #write(result: EncodedResult): void {
    this.#delivered++;
    this.#sink.next(result);
    this.#channel!.counts.deliveries++;
  }

  #goLive(): void {
    this.#phase = 'live';
    this.#shared!.live.add(this);
  }

  /** Ends live or ended. One at a time. */
  #catchUp(): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'catchingUp';
    if (this.#isMoving) return;
    this.#isMoving = true;
    this.#channel!.counts.catchUps++;
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
        else if (mayPass(error)) await this.#channel!.pause();
        else throw error;
      }
    }
  }

  /** One step forward. True when there is nothing left to do, and it went live in the same synchronous step that found that out. */
  async #step(): Promise<boolean> {
    const { feed, memory, counts } = this.#channel!;
    const sink = this.#sink;
    if (sink.isCongested) {
      this.#phase = 'congested';
      counts.parkings++;
      if (this.#backlog !== undefined) memory.waits(this, this.#backlog.held);
      await new Promise<void>((resolve) => sink.whenDrained(resolve));
      if (this.#isEnded()) return true;
      if (this.#backlog !== undefined) memory.writes(this, this.#backlog.held);
      this.#phase = 'catchingUp';
    }
    if (this.#needsSnapshot) {
      await this.#takeSnapshot();
      return this.#isEnded();
    }
    if (this.#backlog?.isDue === true) {
      this.#writeBacklog(this.#backlog);
      // A long way to catch up must not keep everybody else waiting.
      await new Promise(setImmediate);
      return false;
    }
    const read = feed.after(this.#position!);
    const entries = read instanceof Promise ? await read : read;
    if (this.#isEnded() || this.#needsSnapshot) return this.#isEnded();
    if (entries.length > 0) {
      if (this.#start.delivery === 'LATEST') this.#gather(entries);
      else this.#take(entries);
      await new Promise(setImmediate);
      return false;
    }
    if (this.#backlog !== undefined) {
      this.#writeBacklog(this.#backlog);
      return false;
    }
    if (samePosition(this.#position!, feed.position)) {
      this.#goLive();
      return true;
    }
    // The log was read before the feed came so far, which it may not overtake: should the log be rolled back, only the feed would notice.
    const before = feed.position;
    await feed.look();
    if (feed.position === before) await this.#channel!.pause();
    return false;
  }

  /** Moves over entries of the log, writing what concerns this subscription, until it is congested or they are used up. */
  #take(entries: readonly Entry[]): void {
    const shared = this.#shared!;
    for (const entry of entries) {
      const result = shared.resultFor(entry);
      if (result !== undefined) this.#write(result);
      this.#position = entry.position;
      if (this.#sink.isCongested) return;
    }
  }

  /** Moves over entries of the log with LATEST, until there is enough to be written. */
  #gather(entries: readonly Entry[]): void {
    const latest = (this.#backlog as LatestEntries | undefined) ?? new LatestEntries(this.#position!);
    for (const entry of entries) {
      if (this.#shared!.wants(entry)) latest.add(entry);
      this.#position = entry.position;
      if (latest.isDue) break;
    }
    this.#backlog = latest.isEmpty ? undefined : latest;
  }

  /** Until congested. */
  #writeBacklog(backlog: Backlog): void {
    for (const result of backlog.take(this.#shared!)) {
      this.#write(result);
      if (this.#sink.isCongested) break;
    }
    if (backlog.isEmpty) this.#forgetBacklog();
  }

  /** State and position together, so that going on from the position neither misses nor repeats anything. */
  async #takeSnapshot(): Promise<void> {
    const shared = this.#shared!;
    const snapshot = await shared.snapshot();
    // It may show less, or more, than what may be read by now.
    if (this.#isEnded() || shared !== this.#shared) return;
    this.#position = snapshot.position ?? this.#channel!.feed.position;
    const backlog = new SnapshotBacklog(snapshot, this.#position, this.#restarted);
    this.#forgetBacklog();
    this.#needsSnapshot = false;
    this.#restarted = undefined;
    if (backlog.isEmpty) return;
    this.#backlog = backlog;
    this.#channel!.memory.writes(this, snapshot);
  }

  // A method, because the compiler would take a look at the field for settled across an await.
  #isEnded(): boolean {
    return this.#phase === 'ended';
  }
}
