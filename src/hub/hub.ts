import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { mayPass, TidingsError } from '../errors.ts';
import type { Entry } from '../events/event.ts';
import { logKey, type EventStore, type LogName } from '../store/store.ts';
import { BacklogMemory } from './backlog-memory.ts';
import { Channel, noCounts, type ChannelOptions, type HubCounts } from './channel.ts';
import { Delivery } from './delivery.ts';
import type { Operation } from './operation.ts';
import { PastPages } from './past-pages.ts';
import { ResultCache } from './result-cache.ts';
import { RingMemory } from './ring.ts';
import type { Route } from './route.ts';
import type { Sink } from './sink.ts';
import type { Subscription } from './subscription.ts';

export interface HubOptions {
  readonly store: EventStore;
  readonly schema: GraphQLSchema;
  /** Turns an execution's result into what clients may see. */
  readonly present: (result: ExecutionResult) => object;
  /** Unexpected failures; nothing is lost by them. */
  readonly onError: (error: unknown) => void;
  /** An entry was handed to the connections of so many live subscriptions, which write it by the end of this turn of the event loop. */
  readonly onDispatched?: (entry: Entry, deliveries: number) => void;
  /** Bytes of recent entries kept of all logs that somebody listens to, and as many of older ones. Default 32 MiB. */
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

export interface HubStats extends Readonly<HubCounts> {
  /** By the Subscription field. */
  readonly subscriptions: Readonly<Record<string, number>>;
  readonly sharedOperations: number;
  readonly live: number;
  readonly parked: number;
}

/** Routes what is appended to the logs to those who listen. One a process. */
export class Hub {
  readonly #options: ChannelOptions;
  /** By logKey; a promise while it opens. Kept as long as anybody listens. */
  readonly #channels = new Map<string, Promise<Channel>>();
  readonly #open = new Map<string, Channel>();
  readonly #users = new Map<string, number>();

  constructor(options: HubOptions) {
    this.#options = {
      positionCheckMs: 10_000,
      retryMs: 500,
      ...options,
      rings: new RingMemory(options.ringBytes ?? 32 * 1_024 * 1_024),
      pages: new PastPages(options.ringBytes ?? 32 * 1_024 * 1_024),
      cache: new ResultCache(options.resultBytes ?? 32 * 1_024 * 1_024),
      memory: new BacklogMemory(options.backlogBytes),
      counts: noCounts(),
    };
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
    const counts: HubCounts = this.#options.counts;
    let { logReads } = counts;
    for (const { log, feed, operations } of this.#open.values()) {
      logReads += feed.logReads;
      if (workspace !== undefined && log.workspace !== workspace) continue;
      for (const { operation, deliveries, live: upToDate } of operations) {
        sharedOperations++;
        subscriptions[operation.field] = (subscriptions[operation.field] ?? 0) + deliveries.size;
        live += upToDate.size;
        for (const delivery of deliveries) if (delivery.phase === 'congested') parked++;
      }
    }
    return { ...counts, subscriptions, sharedOperations, live, parked, logReads };
  }

  /** Ends every subscription with SHUTTING_DOWN. */
  close(): void {
    for (const channel of this.#open.values()) channel.fail(new TidingsError('SHUTTING_DOWN'));
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
    for (;;) {
      try {
        const channel = await Channel.open(this.#options, log);
        this.#open.set(key, channel);
        // All have left while it opened.
        if (!this.#users.has(key)) this.#closeChannel(key);
        return channel;
      } catch (error) {
        // Clients don't come back for an error of their operation: they wait here, as those do that came before.
        if (!mayPass(error) || !this.#users.has(key)) {
          this.#channels.delete(key);
          throw error;
        }
      }
      await pause(this.#options.retryMs);
    }
  }

  #release(key: string): void {
    const left = (this.#users.get(key) ?? 1) - 1;
    if (left > 0) return void this.#users.set(key, left);
    this.#users.delete(key);
    if (this.#open.has(key)) this.#closeChannel(key);
  }

  #closeChannel(key: string): void {
    this.#open.get(key)?.close();
    this.#open.delete(key);
    this.#channels.delete(key);
  }
}
