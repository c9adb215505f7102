/** What a store does without being asked, and what it leaves alone. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectRedis } from '../../src/store/redis/clients.ts';
import type { LogName } from '../../src/store/store.ts';
import { RedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { impatient, log, RedisHarness } from './redis-harness.ts';
import { batch, change, content, contents } from './sample.ts';
import { Heard, HOUR_MS, idsOf, keepEverything } from './support.ts';

// Of its own, as it is configured.
let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(async () => redis[Symbol.asyncDispose]());

describe('the Redis store', () => {
  let harness: RedisHarness;

  beforeEach(() => {
    harness = new RedisHarness(redis.url);
  });
  afterEach(async () => harness.dispose());

  it('leaves clients that it was given to who made them', async () => {
    const clients = connectRedis(redis.url, impatient);
    const store = await harness.openWith({ redis: clients });
    const heard = new Heard();
    await store.watch(log, heard.listener);
    await store.append(log, batch(content()));
    await heard.offset(1);
    await store.close();
    expect(await clients.commands.ping()).toBe('PONG');
    expect(await clients.subscriber.ping()).toBe('PONG');
    clients.commands.disconnect();
    clients.subscriber.disconnect();
  });

  it('has no record that is over once others are put, and no collection that is over', async () => {
    const { records } = await harness.open();
    const tag = `${harness.prefix}:{records/a}`;
    const sizes = async () => [
      await harness.client.hlen(`${tag}:values`),
      await harness.client.zcard(`${tag}:due`),
    ];
    const many = new Map(Array.from({ length: 100 }, (_, index) => [`${index}`, '']));
    await records.put('a', many, HOUR_MS);
    expect(await sizes()).toEqual([100, 100]);
    harness.clock.advance(HOUR_MS);
    for (let put = 0; put < 4; put++) await records.put('a', new Map([['new', '']]), 2 * HOUR_MS);
    expect(await sizes()).toEqual([1, 1]);
    for (const key of await harness.client.keys(`${harness.prefix}:*`)) {
      const left = await harness.client.pttl(key);
      expect(left, key).toBeGreaterThan(HOUR_MS);
      expect(left, key).toBeLessThanOrEqual(2 * HOUR_MS);
    }
  });

  describe('while nobody writes', () => {
    const retention = () => ({ ...keepEverything, hours: 1 });

    it('trims what has become too old, in every log that anybody ever used, many steps if need be', async () => {
      const logs = ['a', 'b', 'c'].map((workspace): LogName => ({ workspace, stream: 'events' }));
      const before = await harness.openWith({ maintenanceMs: 5 });
      await Promise.all(logs.map(async (each) => before.append(each, batch(...contents(500)))));
      await before.append(logs[0]!, batch(change('kept'), change('passing', { lifetime: 'log' })));
      const registry = `${harness.prefix}:logs`;
      await until(async () => (await harness.client.scard(registry)) === 3);
      await before.close();
      harness.clock.advance(HOUR_MS + 1);
      await harness.openWith({ retention, maintenanceMs: 5 });
      const reader = await harness.open(retention);
      for (const each of logs) await until(async () => (await reader.size(each)).events === 0);
      expect(await idsOf(reader, logs[0]!, { type: 'issue', topic: 'all', limit: 10 })).toEqual(['kept']);
    });

    it('warns where Redis is set to lose what it was told to keep', async () => {
      const before = await harness.client.config('GET', 'maxmemory*');
      await harness.client.config('SET', 'maxmemory', 1e10, 'maxmemory-policy', 'volatile-lru');
      await harness.openWith({ maintenanceMs: 5 });
      await until(() => harness.errors.length > 0);
      await harness.client.config('SET', 'maxmemory', 0, 'maxmemory-policy', 'noeviction');
      expect(before).toContain('noeviction');
      expect(harness.errors.splice(0).map(({ message }) => message)).toEqual([
        expect.stringContaining('maxmemory-policy volatile-lru'),
      ]);
    });

    it('has one process at a time do it', async () => {
      const held = `${harness.prefix}:caretaker`;
      await harness.client.set(held, 'another process');
      const store = await harness.openWith({ retention, maintenanceMs: 2 });
      await store.append(log, batch(...contents(5)));
      harness.clock.advance(HOUR_MS + 1);
      const rounds = async (): Promise<number> => {
        const stats = await harness.client.info('commandstats');
        return Number(/cmdstat_set:calls=(\d+)/.exec(stats)![1]);
      };
      const start = await rounds();
      await until(async () => (await rounds()) > start + 3);
      expect((await store.size(log)).events).toBe(5);
      await harness.client.del(held);
      await until(async () => (await store.size(log)).events === 0);
    });
  });
});
