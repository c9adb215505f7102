import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { errorCatalogue, TidingsError } from '../errors.ts';
import type { Entry } from '../events/event.ts';
import { logKey, type EventStore, type LogName } from '../store/store.ts';
import { BacklogMemory } from './backlog-memory.ts';
import { Delivery, type DeliveryChannel } from './delivery.ts';
import { Feed, type FeedOptions } from './feed.ts';
import type { Operation } from './operation.ts';
import { ResultCache } from './result-cache.ts';
import type { Route } from './route.ts';
import { SharedOperation } from './shared-operation.ts';
import type { Sink } from './sink.ts';
import { TopicIndex } from './topic-index.ts';

export interface HubOptions {
  readonly store: EventStore;
  readonly schema: GraphQLSchema;
  /** Turns an execution's result into what clients may see. */
  readonly present: (result: ExecutionResult) => object;
  /** Unexpected failures; nothing is lost by them. */
  readonly onError: (error: unknown) => void;
  /** An entry was handed to the connections of so many live subscriptions, which write it by the end of this turn of the event loop. */
  readonly onDispatched?: (entry: Entry, deliveries: number) => void;
  /** Bytes of recent entries kept for each log that somebody listens to. Default 8 MiB. */
  readonly ringBytes?: number;
  /** Bytes of encoded results kept for those who catch up. Default 32 MiB. */
  readonly resultBytes?: number;
  /** Bytes of what waits for slow connections, and as many of snapshots that are being read and written. */
  readonly backlogBytes: number;
  /** Default 10 s. */
  readonly positionCheckMs?: number;
  /** How long to wait before a failed read of the store is tried again. Default 500 ms. */
  readonly retryMs?: number;
}

/** A subscription as its transport sees it. */
export type Subscription = Pick<Delivery, 'state' | 'stop' | 'fail' | 'reroute'>;

/** One log that somebody listens to. */
interface Channel extends DeliveryChannel {
  readonly log: LogName;
  readonly index: TopicIndex<SharedOperation>;
  readonly operations: Map<string, SharedOperation>;
}

export interface HubStats {
  readonly subscriptions: Readonly<Record<string, number>>;
  readonly sharedOperations: number;
  readonly eventsSeen: number;
  readonly executions: number;
  readonly deliveries: number;
  readonly live: number;
  readonly parked: number;
  /** How often a subscription had to read on from ring or log. */
  readonly catchUps: number;
  /** How often one had to wait for its slow connection. */
  readonly parkings: number;
  /** How often a log turned out to be another one than was followed. */
  readonly resets: number;
  readonly logReads: number;
}

/** Routes what is appended to the logs to those who listen. One a process. */
export class Hub {
  readonly #options: HubOptions;
  /** By logKey; a promise while the feed opens. Kept as long as anybody listens. */
  readonly #channels = new Map<string, Promise<Channel>>();
  readonly #open = new Map<string, Channel>();
  readonly #users = new Map<string, number>();
  readonly #counts = {
    eventsSeen: 0,
    executions: 0,
    deliveries: 0,
    catchUps: 0,
    parkings: 0,
    resets: 0,
    logReads: 0,
  };
  readonly #cache: ResultCache;
  readonly #memory: BacklogMemory;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#cache = new ResultCache(options.resultBytes ?? 32 * 1_024 * 1_024);
    this.#memory = new BacklogMemory(options.backlogBytes);
  }

  /** Starts delivering, never before it returns. `onEnd` is called once, at the end; with what ended it, if that was not the subscriber. */
  subscribe(operation: Operation, route: Route, sink: Sink, onEnd: (error: unknown) => void): Subscription {
    const key = logKey(route.log);
    this.#users.set(key, (this.#users.get(key) ?? 0) + 1);
    const delivery = new Delivery(operation, route, sink, (error) => {
      this.#release(key);
      onEnd(error);
    });
    this.#channel(route.log).then(
      (channel) => delivery.begin(channel),
      (error: unknown) => delivery.fail(error),
    );
    return delivery;
  }

  /** Gauges are those of one workspace, where one is given. */
  stats(workspace?: string): HubStats {
    const subscriptions: Record<string, number> = {};
    let sharedOperations = 0;
    let live = 0;
    let parked = 0;
    let logReads = this.#counts.logReads;
    for (const { log, feed, operations } of this.#open.values()) {
      logReads += feed.logReads;
      if (workspace !== undefined && log.workspace !== workspace) continue;
      sharedOperations += operations.size;
      for (const { operation, deliveries, live: upToDate } of operations.values()) {
        subscriptions[operation.field] = (subscriptions[operation.field] ?? 0) + deliveries.size;
        live += upToDate.size;
        for (const delivery of deliveries) if (delivery.phase === 'congested') parked++;
      }
    }
    return { ...this.#counts, subscriptions, sharedOperations, live, parked, logReads };
  }

  /** Ends every subscription with SHUTTING_DOWN. */
  close(): void {
    for (const { operations } of this.#open.values()) {
      for (const { deliveries } of operations.values()) {
        for (const delivery of deliveries) delivery.fail(new TidingsError('SHUTTING_DOWN'));
      }
    }
  }

  async #channel(log: LogName): Promise<Channel> {
    const key = logKey(log);
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = this.#openChannel(log, key);
      this.#channels.set(key, channel);
    }
    return channel;
  }

  async #openChannel(log: LogName, key: string): Promise<Channel> {
    const index = new TopicIndex<SharedOperation>();
    const operations = new Map<string, SharedOperation>();
    const options: FeedOptions = {
      store: this.#options.store,
      log,
      ringBytes: this.#options.ringBytes ?? 8 * 1024 * 1024,
      checkMs: this.#options.positionCheckMs ?? 10_000,
      retryMs: this.#options.retryMs ?? 500,
      onEntry: (entry) => this.#dispatch(index, entry),
      onReset: (lost) => {
        this.#counts.resets++;
        const deliveries = [...operations.values()].flatMap((shared) => [...shared.deliveries]);
        for (const delivery of deliveries) delivery.reset(lost);
      },
      onError: this.#options.onError,
    };
    for (;;) {
      try {
        const channel = this.#channelOf(log, await Feed.open(options), index, operations);
        this.#open.set(key, channel);
        // All have left while it opened.
        if (!this.#isUsed(key)) this.#closeChannel(key);
        return channel;
      } catch (error) {
        const mayPass = error instanceof TidingsError && errorCatalogue[error.code].retryable;
        // Clients don't come back for an error of their operation: they wait here, as those do that came before.
        if (!mayPass || !this.#isUsed(key)) {
          this.#channels.delete(key);
          throw error;
        }
      }
      await this.#pause();
    }
  }

  #isUsed(key: string): boolean {
    return (this.#users.get(key) ?? 0) > 0;
  }

  #dispatch(index: TopicIndex<SharedOperation>, entry: Entry): void {
    this.#counts.eventsSeen++;
    let deliveries = 0;
    for (const shared of index.find(entry)) {
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

  #channelOf(
    log: LogName,
    feed: Feed,
    index: TopicIndex<SharedOperation>,
    operations: Map<string, SharedOperation>,
  ): Channel {
    const { schema, store, present } = this.#options;
    const counts = this.#counts;
    const cache = this.#cache;
    const memory = this.#memory;
    const onExecute = (): void => void counts.executions++;
    return {
      log,
      feed,
      memory,
      index,
      operations,
      share(operation, route) {
        const key = `${route.scope.key}\n${operation.key}`;
        let shared = operations.get(key);
        if (shared === undefined) {
          shared = new SharedOperation({
            key,
            schema,
            store,
            operation,
            route,
            cache,
            memory,
            present,
            onExecute,
          });
          operations.set(key, shared);
          index.add(route, shared);
        }
        return shared;
      },
      unshare(shared) {
        if (shared.deliveries.size > 0 || operations.get(shared.key) !== shared) return;
        operations.delete(shared.key);
        index.remove(shared.route, shared);
      },
      onDelivered: () => void counts.deliveries++,
      onBehind: (phase) => void counts[phase === 'congested' ? 'parkings' : 'catchUps']++,
      pause: async () => this.#pause(),
    };
  }

  #release(key: string): void {
    const left = (this.#users.get(key) ?? 1) - 1;
    if (left > 0) return void this.#users.set(key, left);
    this.#users.delete(key);
    if (this.#open.has(key)) this.#closeChannel(key);
  }

  #closeChannel(key: string): void {
    const channel = this.#open.get(key);
    if (channel === undefined) return;
    channel.feed.close();
    this.#counts.logReads += channel.feed.logReads;
    this.#open.delete(key);
    this.#channels.delete(key);
  }

  async #pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#options.retryMs ?? 500));
  }
}
