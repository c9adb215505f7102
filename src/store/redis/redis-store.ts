import { randomBytes, randomUUID } from 'node:crypto';
import type { SubjectName } from '../../events/catalogue.ts';
import type { Entry } from '../../events/event.ts';
import { PositionLost, type LossReason, type Position } from '../../events/position.ts';
import { Calls } from '../calls.ts';
import {
  logKey,
  type AppendResult,
  type Batch,
  type EntityPage,
  type EntityQuery,
  type EntityRecord,
  type EventStore,
  type LogName,
  type Page,
  type Retention,
  type Unwatch,
} from '../store.ts';
import {
  appendResultOf,
  valuesOfEvents,
  valuesOfGuards,
  valuesOfRetention,
  type AppendAnswer,
} from './append.ts';
import { Caretaker } from './caretaker.ts';
import { connectRedis, defaultTiming, type RedisClients, type RedisTiming } from './clients.ts';
import { keysOf, type LogKeys } from './keys.ts';
import { isReadyWithin, Link } from './link.ts';
import { RedisRecords } from './redis-records.ts';
import { defineScripts, type RunScript, type ScriptName } from './scripts.ts';
import {
  appendedIn,
  entryOf,
  positionOf,
  recordOf,
  type StoredEntry,
  type StoredPosition,
  type StoredState,
} from './stored.ts';
import { Wakeups } from './wakeups.ts';

export interface RedisStoreOptions {
  /**
   * A URL, in a form that parseRedisUrl describes; or clients from connectRedis, which it is up to their maker to end. The one
   * for commands may have other users too.
   */
  readonly redis: string | RedisClients;
  /** How all keys and channels begin; `tidings` when absent. Servers with the same one share their logs. */
  readonly prefix?: string;
  /** Asked once a log and process. */
  readonly retention: (log: LogName) => Retention;
  /** For tests: the clock of recordedAt and of all ages, in milliseconds. Redis' own when absent, the same for all processes. */
  readonly now?: () => number;
  /** How often what is too old is looked for in logs that nobody writes to; 10 s when absent. */
  readonly maintenanceMs?: number;
  readonly timing?: Partial<RedisTiming>;
  /** Told what nobody waits for: the beginning of an outage, refusals that don't pass, a watcher that threw. */
  readonly onError?: (error: Error) => void;
}

/** How long a batch without an idempotency key is known, in case that it is sent again: longer than that takes. */
const RESENT_MS = 60_000;
const RECEIPT_MS = 7 * 24 * 60 * 60 * 1_000;

interface Log {
  readonly keys: LogKeys;
  readonly retention: Retention;
}

/**
 * The event store of many servers that share a Redis. Every call is one Lua script, and so sees or makes one state of its log.
 *
 * Redis' configuration decides what survives its own end: `appendfsync always` loses nothing that was acknowledged. A log
 * that is lost or rolled back is noticed by its epoch and its chain.
 */
export class RedisEventStore implements EventStore {
  readonly records: RedisRecords;
  readonly #options: RedisStoreOptions;
  readonly #prefix: string;
  readonly #clients: RedisClients;
  readonly #calls = new Calls();
  readonly #link: Link;
  readonly #run: RunScript;
  readonly #wakeups: Wakeups;
  readonly #caretaker: Caretaker;
  readonly #logs = new Map<string, Log>();
  /** Tells the batches of this process from those of others, and from each other. */
  readonly #sender = randomBytes(9).toString('base64url');
  #sent = 0;
  #closed: Promise<void> | undefined;

  /**
   * Resolves when it is connected, or when that takes too long: then calls fail with STORE_UNAVAILABLE until it is.
   *
   * @throws TidingsError STORE_UNAVAILABLE: the URL is none
   */
  static async open(options: RedisStoreOptions): Promise<RedisEventStore> {
    const timing = { ...defaultTiming, ...options.timing };
    const clients = typeof options.redis === 'string' ? connectRedis(options.redis, timing) : options.redis;
    const store = new RedisEventStore(options, clients, timing);
    await Promise.all([
      isReadyWithin(clients.commands, timing.connectMs),
      isReadyWithin(clients.subscriber, timing.connectMs),
    ]);
    store.#caretaker.start();
    return store;
  }

  private constructor(options: RedisStoreOptions, clients: RedisClients, timing: RedisTiming) {
    const onError = (error: Error): void => {
      // At the end connections break off, which is as it should be.
      if (this.#closed === undefined) options.onError?.(error);
    };
    this.#options = options;
    this.#prefix = options.prefix ?? 'tidings';
    this.#clients = clients;
    this.#run = defineScripts(clients.commands);
    this.#link = new Link(clients.commands, timing, onError);
    this.#wakeups = new Wakeups(clients, timing, onError);
    this.records = new RedisRecords({
      client: clients.commands,
      link: this.#link,
      prefix: this.#prefix,
      now: options.now,
      calls: this.#calls,
    });
    this.#caretaker = new Caretaker({
      client: clients.commands,
      link: this.#link,
      prefix: this.#prefix,
      everyMs: options.maintenanceMs ?? 10_000,
      trim: (log, limit) => this.#trim(log, limit),
      onError,
    });
  }

  append(name: LogName, { events, guards = [], idempotencyKeys }: Batch): Promise<AppendResult> {
    return this.#calls.make(async () => {
      const { keys, retention } = this.#log(name);
      const nonce = `${this.#sender}.${(this.#sent += 1)}`;
      const isKeyed = idempotencyKeys.length > 0;
      const receipts = isKeyed ? idempotencyKeys.map((key) => keys.receipt(key)) : [keys.resent(nonce)];
      const values = [
        nonce,
        keys.channel,
        ...valuesOfRetention(retention),
        isKeyed ? RECEIPT_MS : RESENT_MS,
        ...valuesOfGuards(guards),
        ...valuesOfEvents(events),
      ];
      const characters = values.reduce<number>((sum, value) => sum + String(value).length, 0);
      return this.#calls.write(characters, async () =>
        appendResultOf((await this.#script('append', name, values, receipts)) as AppendAnswer),
      );
    });
  }

  recall(name: LogName, idempotencyKeys: readonly string[]): Promise<AppendResult | undefined> {
    return this.#calls.make(async () => {
      const receipts = idempotencyKeys.map((key) => this.#log(name).keys.receipt(key));
      const [receipt] = (await this.#script('recall', name, [], receipts)) as [string?];
      return receipt === undefined ? undefined : { appended: appendedIn(receipt), duplicate: true };
    });
  }

  read(name: LogName, after: Position | 'oldest', limit: number): Promise<Page> {
    return this.#calls.make(async () =>
      pageOf(await this.#read(name, 'after', after === 'oldest' ? null : after, limit)),
    );
  }

  readBefore(name: LogName, before: Position | 'newest', limit: number): Promise<Page> {
    return this.#calls.make(async () =>
      pageOf(await this.#read(name, 'before', before === 'newest' ? null : before, limit)),
    );
  }

  head(name: LogName): Promise<Position> {
    return this.#calls.make(async () => (await this.#read(name, 'after', null, 0)).head);
  }

  entity(name: LogName, type: SubjectName, id: string): Promise<EntityRecord | undefined> {
    return this.#calls.make(async () =>
      recordOf((await this.#script('entity', name, [`${type}\0${id}`])) as StoredState),
    );
  }

  entities(name: LogName, { type, topic, afterId, limit }: EntityQuery): Promise<EntityPage> {
    return this.#calls.make(async () => {
      const values = [type, topic, afterId === undefined ? '' : `>${afterId}`, limit];
      const answer = await this.#script('entities', name, values);
      const [epoch, offset, chain, hasMore, entries] = answer as [...StoredPosition, number, StoredEntry[]];
      return {
        entries: entries.map((entry) => entryOf(epoch, entry)),
        hasMore: hasMore === 1,
        at: positionOf([epoch, offset, chain]),
      };
    });
  }

  watch(name: LogName, onAppended: (entries: readonly Entry[]) => void): Promise<Unwatch> {
    return this.#calls.make(() => this.#wakeups.watch(this.#log(name).keys.channel, onAppended));
  }

  size(name: LogName): Promise<{ readonly events: number; readonly bytes: number }> {
    return this.#calls.make(async () => (await this.#read(name, 'after', null, 0)).size);
  }

  ping(): Promise<void> {
    return this.#calls.make(async () => {
      await this.#link.call(() => this.#clients.commands.ping());
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    await Promise.all([this.#calls.end(), this.#caretaker.stop()]);
    this.#wakeups.close();
    this.#link.close();
    if (typeof this.#options.redis !== 'string') return;
    this.#clients.commands.disconnect();
    this.#clients.subscriber.disconnect();
  }

  #log(name: LogName): Log {
    const key = logKey(name);
    let log = this.#logs.get(key);
    if (log === undefined) {
      log = { keys: keysOf(this.#prefix, name), retention: this.#options.retention(name) };
      this.#logs.set(key, log);
      this.#caretaker.remember(name);
    }
    return log;
  }

  async #script(
    script: ScriptName,
    name: LogName,
    values: readonly (string | number)[],
    receipts: readonly string[] = [],
  ) {
    const keys = [...this.#log(name).keys.structures, ...receipts];
    const now = this.#options.now === undefined ? '' : Math.trunc(this.#options.now());
    // Taken if the log has to be created; its last part is nothing but random.
    const epoch = randomUUID().slice(-12);
    return this.#link.call(() => this.#run(script, keys, [epoch, now, ...values]));
  }

  /** What is behind a position, or before it. */
  async #read(name: LogName, direction: 'after' | 'before', from: Position | null, limit: number) {
    const position = from === null ? ['', 0, ''] : [from.epoch, from.offset, from.chain];
    const answer = await this.#script('read', name, [...position, limit, direction]);
    const [lost, epoch, offset, chain, events, bytes, entries] = answer as [
      LossReason | '',
      ...StoredPosition,
      number,
      number,
      StoredEntry[],
    ];
    return {
      lost,
      head: positionOf([epoch, offset, chain]),
      size: { events, bytes },
      entries: entries.map((entry) => entryOf(epoch, entry)),
    };
  }

  async #trim(name: LogName, limit: number): Promise<number> {
    const { retention } = this.#log(name);
    return (await this.#script('trim', name, [...valuesOfRetention(retention), limit])) as number;
  }
}

/** @throws PositionLost */
function pageOf({ lost, head, entries }: Page & { readonly lost: LossReason | '' }): Page {
  if (lost !== '') throw new PositionLost(lost, head);
  return { entries, head };
}
