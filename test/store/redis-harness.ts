import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { Feed } from '../../src/hub/feed.ts';
import { PastPages } from '../../src/hub/past-pages.ts';
import { RingMemory } from '../../src/hub/ring.ts';
import type { RedisTiming } from '../../src/store/redis/clients.ts';
import { RedisEventStore, type RedisStoreOptions } from '../../src/store/redis/redis-store.ts';
import type { AppendResult, EventStore, LogName, Retention } from '../../src/store/store.ts';
import type { StoreHarness } from './conformance.ts';
import { expectConsistent } from './redis-keys.ts';
import { content, keyed } from './sample.ts';
import { Clock, keepEverything } from './support.ts';

/** The log of tests that need only one. */
export const log: LogName = { workspace: 'default', stream: 'events' };

/** Quick to give a link up, and quick to come back. */
export const impatient: RedisTiming = {
  pingMs: 100,
  silenceMs: 600,
  commandMs: 1_000,
  connectMs: 500,
  reconnectMs: 50,
  returnMs: 1_000,
};

/** Data of its own, under a prefix of its own, in a Redis that others use too. */
export class RedisHarness implements StoreHarness {
  readonly clock = new Clock();
  readonly prefix = `test-${randomUUID()}`;
  /** What stores reported. A test that expects something takes it out. */
  readonly errors: Error[] = [];
  readonly #url: string;
  readonly #opened: EventStore[] = [];
  readonly #feeds: Feed[] = [];
  #client: Redis | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /** An ordinary connection, to look at what is stored and to meddle with it. */
  get client(): Redis {
    // An outage is for the stores to notice.
    this.#client ??= new Redis(this.#url, { maxRetriesPerRequest: 5 }).on('error', () => undefined);
    return this.#client;
  }

  async open(retention: (log: LogName) => Retention = () => keepEverything): Promise<RedisEventStore> {
    return this.openWith({ retention });
  }

  /** Like another process, where one is open already. */
  async openWith(options: Partial<RedisStoreOptions>): Promise<RedisEventStore> {
    const store = await RedisEventStore.open({
      redis: this.#url,
      prefix: this.prefix,
      retention: () => keepEverything,
      now: this.clock.now,
      onError: (error) => this.errors.push(error),
      ...options,
    });
    this.#opened.push(store);
    return store;
  }

  /** What a feed of the log does, in order: the offsets that it passes on, and why it had to begin anew. */
  async follow(store: EventStore, checkMs = 60_000): Promise<(number | string)[]> {
    const history: (number | string)[] = [];
    const feed = await Feed.open({
      store,
      log,
      checkMs,
      retryMs: 20,
      rings: new RingMemory(1e6),
      pages: new PastPages(1e6),
      onEntry: ({ position }) => history.push(position.offset),
      onReset: ({ reason, head }) => history.push(`${reason}, now at ${head.offset}`),
      onError: () => undefined,
    });
    this.#feeds.push(feed);
    return history;
  }

  async dispose(): Promise<void> {
    for (const feed of this.#feeds) feed.close();
    await Promise.all(this.#opened.map(async (store) => store.close()));
    await expectConsistent(this.client, this.prefix);
    const keys = await this.client.keys(`${this.prefix}:*`);
    if (keys.length > 0) await this.client.del(keys);
    this.client.disconnect();
    expect(this.errors).toEqual([]);
  }
}

/** Two events, tried again with the same key as clients do, until they are there. */
export async function appendUntilDone(store: EventStore, key: string): Promise<AppendResult> {
  for (;;) {
    try {
      return await store.append(log, keyed(key, content(key), content(key)));
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Whether something goes well now. */
export async function succeeds(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}

/** The slot of a cluster that a key belongs to: CRC16 of its hash tag. */
export function hashSlot(key: string): number {
  const tag = /\{([^}]+)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0x3fff;
}
