import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { TidingsError } from '../errors.ts';
import type { Entry } from '../events/event.ts';
import type { PositionLost } from '../events/position.ts';
import type { EventStore, LogName } from '../store/store.ts';
import type { BacklogMemory } from './backlog-memory.ts';
import { Feed } from './feed.ts';
import type { Operation } from './operation.ts';
import type { ResultCache } from './result-cache.ts';
import type { PastPages } from './past-pages.ts';
import type { RingMemory } from './ring.ts';
import type { Route } from './route.ts';
import { SharedOperation } from './shared-operation.ts';
import { TopicIndex } from './topic-index.ts';

/** What happened so far, in all logs. */
export interface HubCounts {
  eventsSeen: number;
  executions: number;
  deliveries: number;
  /** How often a subscription had to read on from ring or log. */
  catchUps: number;
  /** How often one had to wait for its slow connection. */
  parkings: number;
  /** How often a log turned out to be another one than was followed. */
  resets: number;
  logReads: number;
}

export function noCounts(): HubCounts {
  return { eventsSeen: 0, executions: 0, deliveries: 0, catchUps: 0, parkings: 0, resets: 0, logReads: 0 };
}

/** What the channels of a hub have in common. */
export interface ChannelOptions {
  readonly store: EventStore;
  readonly schema: GraphQLSchema;
  readonly present: (result: ExecutionResult) => object;
  readonly onError: (error: unknown) => void;
  readonly onDispatched?: (entry: Entry, deliveries: number) => void;
  readonly rings: RingMemory;
  readonly pages: PastPages;
  readonly positionCheckMs: number;
  readonly retryMs: number;
  readonly cache: ResultCache;
  readonly memory: BacklogMemory;
  readonly counts: HubCounts;
}

/** One log that somebody listens to, with what they have asked for. */
export class Channel {
  readonly log: LogName;
  readonly counts: HubCounts;
  readonly memory: BacklogMemory;
  readonly #options: ChannelOptions;
  readonly #index = new TopicIndex<SharedOperation>();
  readonly #operations = new Map<string, SharedOperation>();
  #feed: Feed | undefined;

  private constructor(options: ChannelOptions, log: LogName) {
    this.log = log;
    this.counts = options.counts;
    this.memory = options.memory;
    this.#options = options;
  }

  /** @throws TidingsError STORE_UNAVAILABLE */
  static async open(options: ChannelOptions, log: LogName): Promise<Channel> {
    const channel = new Channel(options, log);
    channel.#feed = await Feed.open({
      ...options,
      log,
      checkMs: options.positionCheckMs,
      onEntry: (entry) => channel.#dispatch(entry),
      onReset: (lost) => channel.#reset(lost),
    });
    return channel;
  }

  get feed(): Feed {
    return this.#feed!;
  }

  get operations(): Iterable<SharedOperation> {
    return this.#operations.values();
  }

  /** The shared operation for an operation with an access. */
  share(operation: Operation, route: Route): SharedOperation {
    const key = `${route.scope.key}\n${operation.key}`;
    let shared = this.#operations.get(key);
    if (shared === undefined) {
      const onExecute = (): void => void this.counts.executions++;
      shared = new SharedOperation({ ...this.#options, key, operation, route, onExecute });
      this.#operations.set(key, shared);
      this.#index.add(route, shared);
    }
    return shared;
  }

  /** A delivery of it has left. */
  unshare(shared: SharedOperation): void {
    if (shared.deliveries.size > 0 || this.#operations.get(shared.key) !== shared) return;
    this.#operations.delete(shared.key);
    this.#index.remove(shared.route, shared);
  }

  /** Resolves when a failed read of the store may be tried again. */
  async pause(): Promise<void> {
    await pause(this.#options.retryMs);
  }

  /** Ends every subscription. */
  fail(error: unknown): void {
    for (const { deliveries } of this.operations) for (const delivery of deliveries) delivery.fail(error);
  }

  close(): void {
    this.feed.close();
    this.counts.logReads += this.feed.logReads;
  }

  #dispatch(entry: Entry): void {
    this.counts.eventsSeen++;
    let deliveries = 0;
    for (const shared of this.#index.find(entry)) {
      try {
        deliveries += shared.deliver(entry);
      } catch (error) {
        // A result that can't be made is this operation's trouble: its subscribers are told rather than left with a gap.
        this.#options.onError(error);
        for (const delivery of shared.deliveries) delivery.fail(new TidingsError('INTERNAL_SERVER_ERROR'));
      }
    }
    if (deliveries > 0) this.#options.onDispatched?.(entry, deliveries);
  }

  #reset(lost: PositionLost): void {
    this.counts.resets++;
    const deliveries = [...this.operations].flatMap((shared) => [...shared.deliveries]);
    for (const delivery of deliveries) delivery.reset(lost);
  }
}
