import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import { follows, type LogName } from '../../src/store/store.ts';
import { anyRedis } from '../support/redis.ts';
import { describeEventStore } from './conformance.ts';
import { hashSlot, log, RedisHarness } from './redis-harness.ts';
import { batch, change, content, contents, keyed } from './sample.ts';
import { conflictOf, Heard, HOUR_MS, offsetsOf, readAll, until } from './support.ts';

let redis: Awaited<ReturnType<typeof anyRedis>>;
beforeAll(async () => {
  redis = await anyRedis();
});
afterAll(async () => redis[Symbol.asyncDispose]());

describeEventStore('the Redis store', async () => new RedisHarness(redis.url));

describe('the Redis store alone', () => {
  let harness: RedisHarness;

  beforeEach(() => {
    harness = new RedisHarness(redis.url);
  });
  afterEach(async () => harness.dispose());

  describe('two processes', () => {
    it('hear each other, and themselves, in the order of the log', async () => {
      const stores = [await harness.open(), await harness.open()] as const;
      const heard = await Promise.all(
        stores.map(async (store) => {
          const each = new Heard();
          await store.watch(log, each.listener);
          return each;
        }),
      );
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => stores[index % 2]!.append(log, batch(...contents(3)))),
      );
      const entries = await readAll(stores[0], log);
      expect(entries).toHaveLength(120);
      for (const each of heard) {
        await each.offset(120);
        expect(each.entries).toEqual(entries);
      }
      expect(await readAll(stores[1], log)).toEqual(entries);
    });

    it('share idempotency keys, revisions, positions and the epoch of a log that neither has written to', async () => {
      const [one, two] = [await harness.open(), await harness.open()];
      const [head] = await Promise.all([one.head(log), two.head(log)]);
      expect(await two.head(log)).toEqual(head);
      const first = await one.append(log, keyed('key', change('a'), content()));
      expect(await two.append(log, keyed('key', content()))).toEqual({ ...first, duplicate: true });
      expect(await conflictOf(two.append(log, batch(change('a'))))).toMatchObject({
        current: { entry: { revision: 1 } },
      });
      await two.append(log, batch(change('a', { on: 1 })));
      const { entries } = await one.read(log, first.appended[1]!.position, 10);
      expect(entries.map(({ revision }) => revision)).toEqual([2]);
    });

    it('share records', async () => {
      const [one, two] = [await harness.open(), await harness.open()];
      await one.records.put('a', new Map([['b', 'c']]), HOUR_MS);
      expect(await two.records.get('a', 'b')).toBe('c');
      await two.records.remove('a', 'b');
      expect(await one.records.all('a')).toEqual(new Map());
    });

    it('let exactly one win who saw the same state', async () => {
      const stores = [await harness.open(), await harness.open()] as const;
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, async (_, index) => stores[index % 2]!.append(log, batch(change('a')))),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });
  });

  describe('keys', () => {
    const names = [
      'default',
      'a}{b',
      '{}',
      '}{',
      '',
      ' ',
      'ä/🎉',
      'a\u0000',
      '%',
      '\uD800',
      '\uDC00',
      '\uFFFD',
    ];

    it('of a log share a hash slot, whatever the name of its workspace', async () => {
      const store = await harness.open();
      for (const workspace of names) {
        const named: LogName = { workspace, stream: 'events' };
        const before = new Set(await harness.client.keys(`${harness.prefix}:{*`));
        await store.append(named, keyed(names, change('a', { topics: ['all', 'project:}{'] })));
        await store.append(named, batch(content()));
        const made = (await harness.client.keys(`${harness.prefix}:{*`)).filter((key) => !before.has(key));
        // Log, entries, entities and filed; a receipt for each key, and one for the batch without.
        expect(made).toHaveLength(4 + names.length + 1);
        expect(new Set(made.map((key) => hashSlot(key))).size).toBe(1);
      }
    });

    it('keep workspaces and idempotency keys apart that a hash tag or UTF-8 would not', async () => {
      const store = await harness.open();
      for (const [index, workspace] of names.entries()) {
        for (const key of names) {
          const title = `${index}`;
          expect(
            (await store.append({ workspace, stream: 'events' }, keyed(key, content(title)))).duplicate,
          ).toBe(false);
        }
      }
      for (const [index, workspace] of names.entries()) {
        const entries = await readAll(await harness.open(), { workspace, stream: 'events' });
        expect(entries.map(({ data }) => ('title' in data ? data.title : ''))).toEqual(
          names.map(() => `${index}`),
        );
      }
    });

    it('that hold something else make appends fail, and nothing is half-written', async () => {
      const store = await harness.open();
      await store.append(log, keyed('first', change('a'), change('b', { lifetime: 'log' })));
      const { client } = harness;
      const [stored] = await client.keys(`${harness.prefix}:{*}:log`);
      const tag = stored!.slice(0, -':log'.length);
      const everything = async (): Promise<(readonly [string, string])[]> =>
        Promise.all(
          (await client.keys(`${tag}:*`))
            .toSorted()
            .map(async (key) => [key, (await client.dump(key)) ?? ''] as const),
        );
      for (const name of ['log', 'entries', 'entities', 'kept', 'filed']) {
        const key = `${tag}:${name}`;
        const backup = await client.dumpBuffer(key);
        await client.set(key, 'something else');
        const before = await everything();
        await expect(
          store.append(log, keyed('second', content(), change('a', { on: 1, topics: ['project:x'] }))),
        ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        expect(await everything(), name).toEqual(before);
        if (backup === null) await client.del(key);
        else await client.restore(key, 0, backup, 'REPLACE');
        expect(harness.errors.splice(0).map(({ message }) => message)).toEqual([
          expect.stringContaining('WRONGTYPE'),
        ]);
      }
      const result = await store.append(log, keyed('second', change('a', { on: 1, topics: ['project:x'] })));
      expect(offsetsOf(result)).toEqual([3]);
    });
  });

  describe('time', () => {
    it('is Redis’ own, in the format of JavaScript, whatever the clock of the process', async () => {
      const store = await harness.openWith({ now: undefined as never });
      const [before] = await harness.client.time();
      const { appended } = await store.append(log, batch(content()));
      const [after] = await harness.client.time();
      const { recordedAt } = appended[0]!;
      expect(new Date(recordedAt).toISOString()).toBe(recordedAt);
      expect(Date.parse(recordedAt)).toBeGreaterThanOrEqual(Number(before) * 1_000);
      expect(Date.parse(recordedAt)).toBeLessThan(Number(after) * 1_000 + 1_000);
    });

    it('is part of the chain, on every day of the calendar', async () => {
      const store = await harness.open();
      const DAY_MS = 24 * HOUR_MS;
      let after = await store.head(log);
      // A leap day, the ends of years and centuries, and a millisecond to midnight.
      for (const day of [
        '2026-12-31',
        '2028-02-28',
        '2028-02-29',
        '2028-03-01',
        '2096-02-29',
        '2100-02-28',
        '2400-02-29',
      ]) {
        for (const time of [Date.parse(day), Date.parse(day) + DAY_MS - 1]) {
          harness.clock.advance(time - harness.clock.now());
          const { appended } = await store.append(log, batch(content()));
          expect(appended[0]!.recordedAt).toBe(new Date(time).toISOString());
          const [entry] = (await store.read(log, after, 1)).entries;
          expect(follows(entry!, after)).toBe(true);
          after = entry!.position;
        }
      }
    });
  });

  it('tells watchers of large batches without their entries, which are in the log', async () => {
    const store = await harness.open();
    const calls: (readonly Entry[])[] = [];
    await store.watch(log, (entries) => calls.push(entries));
    await store.append(log, batch(content('x'.repeat(300_000))));
    await store.append(log, batch(content()));
    await until(() => calls.length === 2);
    expect(calls.map((entries) => entries.map(({ position }) => position.offset))).toEqual([[], [2]]);
  });

  it('tells watchers to look where a message is none of its own', async () => {
    const store = await harness.open();
    const calls: (readonly Entry[])[] = [];
    await store.watch(log, (entries) => calls.push(entries));
    const messages = [
      '',
      'text',
      'null',
      '5',
      '{}',
      '{"entries":[1]}',
      '{"epoch":"a","entries":[[1,"b","c",1,{}]]}',
    ];
    for (const message of messages) {
      await harness.client.publish(`${harness.prefix}:{events/default}:appended`, message);
    }
    await until(() => calls.length === messages.length);
    expect(calls.flat()).toEqual([]);
  });

  it('reports a watcher that throws, and tells the others', async () => {
    const store = await harness.open();
    const heard = new Heard();
    await store.watch(log, () => {
      throw new Error('from a watcher');
    });
    await store.watch(log, heard.listener);
    await store.append(log, batch(content()));
    await heard.offset(1);
    expect(harness.errors.splice(0).map(({ message }) => message)).toEqual(['from a watcher']);
  });

  it('subscribes a log once, as long as anybody watches', async () => {
    const store = await harness.open();
    const subscribers = async (): Promise<number> => {
      const counts = await harness.client.pubsub('NUMSUB', `${harness.prefix}:{events/default}:appended`);
      return Number(counts[1]);
    };
    const leave = await Promise.all([1, 2, 3].map(async () => store.watch(log, () => undefined)));
    expect(await subscribers()).toBe(1);
    leave.slice(1).forEach((each) => each());
    await store.ping();
    expect(await subscribers()).toBe(1);
    leave[0]!();
    await until(async () => (await subscribers()) === 0);
    const heard = new Heard();
    const [gone] = await Promise.all([store.watch(log, () => undefined), store.watch(log, heard.listener)]);
    gone();
    await store.append(log, batch(content()));
    await heard.offset(1);
  });
});
