import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { RedisTiming } from '../../src/store/redis/clients.ts';
import { RedisEventStore, type RedisStoreOptions } from '../../src/store/redis/redis-store.ts';
import type { EventStore, LogName, Retention } from '../../src/store/store.ts';
import type { StoreHarness } from './conformance.ts';
import { expectConsistent } from './redis-keys.ts';
import { Clock, keepEverything } from './support.ts';

/** Quick to give a link up, and quick to come back. */
export const impatient: RedisTiming = {
  pingMs: 100,
  silenceMs: 600,
  commandMs: 1_500,
  connectMs: 1_000,
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
  #client: Redis | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /** An ordinary connection, to look at what is stored and to meddle with it. */
  get client(): Redis {
    this.#client ??= new Redis(this.#url);
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

  async dispose(): Promise<void> {
    await Promise.all(this.#opened.map(async (store) => store.close()));
    await expectConsistent(this.client, this.prefix);
    const keys = await this.client.keys(`${this.prefix}:*`);
    if (keys.length > 0) await this.client.del(keys);
    this.client.disconnect();
    expect(this.errors).toEqual([]);
  }
}
