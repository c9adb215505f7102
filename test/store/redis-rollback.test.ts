/** Logs that are gone, or not the ones that they were: nobody may go on with one as if nothing had happened. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PositionLost, type Position } from '../../src/events/position.ts';
import type { RedisEventStore } from '../../src/store/redis/redis-store.ts';
import type { EventStore } from '../../src/store/store.ts';
import { RedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { impatient, log, RedisHarness } from './redis-harness.ts';
import { batch, content, keyed } from './sample.ts';
import { readAll } from './support.ts';

let redis: RedisServer;
let harness: RedisHarness;

beforeEach(async () => {
  redis = await RedisServer.start();
  harness = new RedisHarness(redis.url);
});
afterEach(async () => {
  try {
    harness.errors.splice(0);
    await harness.dispose();
  } finally {
    await redis[Symbol.asyncDispose]();
  }
});

/** The keys of the log as they are now, to be put back later: what a restored backup does, without the loss of connections. */
async function backup(): Promise<() => Promise<void>> {
  const { client, prefix } = harness;
  const keys = await client.keys(`${prefix}:{*`);
  const dumps = await Promise.all(keys.map(async (key) => client.dumpBuffer(key)));
  return async () => {
    const all = await client.keys(`${prefix}:{*`);
    const restored = client.multi().del(all);
    for (const [index, key] of keys.entries()) {
      const ttl = key.includes(':receipt:') || key.includes(':resent:') ? 60_000 : 0;
      restored.restore(key, ttl, dumps[index]!);
    }
    await restored.exec();
  };
}

let titles = 0;

/** Events that were never there before: a history that repeats itself to the letter and millisecond is the same one. */
async function append(store: EventStore, count: number): Promise<Position> {
  const events = Array.from({ length: count }, () => content(`event ${++titles}`));
  const { appended } = await store.append(log, batch(...events));
  return appended.at(-1)!.position;
}

async function expectLost(store: EventStore, position: Position, reason: string): Promise<void> {
  const error = await store.read(log, position, 10).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PositionLost);
  expect(error).toMatchObject({ reason });
}

describe('a log that was flushed', () => {
  it('is another one: positions and keys of before are not of it, and feeds begin anew', async () => {
    const store = await harness.open();
    const history = await harness.follow(store, 20);
    const first = await store.append(log, keyed('key', content(), content()));
    await until(() => history.length === 2);
    await harness.client.flushall();
    await until(() => history.length === 3);
    expect(history).toEqual([1, 2, 'epoch, now at 0']);
    await expectLost(store, first.appended[1]!.position, 'epoch');
    const again = await store.append(log, keyed('key', content()));
    expect(again).toMatchObject({ duplicate: false, appended: [{ position: { offset: 1 } }] });
    await until(() => history.length === 4);
  });

  it('is noticed by the next message, where no check comes before', async () => {
    const store = await harness.open();
    await append(store, 2);
    const history = await harness.follow(store);
    await harness.client.flushall();
    await append(store, 5);
    await until(() => history.length > 0);
    expect(history).toEqual(['epoch, now at 5']);
  });

  it('in parts, is another one too, with nothing left of the old', async () => {
    const store = await harness.open();
    const { appended } = await store.append(log, keyed('key', content(), content()));
    await harness.client.del(`${harness.prefix}:{events/default}:log`);
    expect(await store.head(log)).toMatchObject({ offset: 0 });
    await expectLost(store, appended[1]!.position, 'epoch');
    expect(await store.recall(log, ['key'])).toBeUndefined();
    const again = await store.append(log, keyed('key', content()));
    expect(again).toMatchObject({ duplicate: false, appended: [{ position: { offset: 1 } }] });
    expect(await readAll(store, log)).toHaveLength(1);
  });
});

describe('a log that was rolled back', () => {
  let store: RedisEventStore;
  let restore: () => Promise<void>;
  let position: Position;
  let isDeaf: boolean;
  /** Offsets that were not heard. */
  let missed: number[];

  /** What reading the log waits for. */
  let readable: Promise<void>;

  /** The store, whose wake-ups are lost while isDeaf. */
  const hardOfHearing = (): EventStore =>
    new Proxy<EventStore>(store, {
      get: (target, name) => {
        if (name === 'watch') {
          const watch: EventStore['watch'] = async (watched, onAppended) =>
            target.watch(watched, (entries) => {
              if (isDeaf) missed.push(...entries.map((entry) => entry.position.offset));
              else onAppended(entries);
            });
          return watch;
        }
        if (name === 'read') {
          const read: EventStore['read'] = async (...question) => {
            await readable;
            return target.read(...question);
          };
          return read;
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });

  beforeEach(async () => {
    isDeaf = false;
    missed = [];
    readable = Promise.resolve();
    store = await harness.open();
    await append(store, 3);
    restore = await backup();
    position = await append(store, 2);
  });

  it('is not continued from where it was ahead', async () => {
    await restore();
    await expectLost(store, position, 'ahead');
    await append(store, 2);
    await expectLost(store, position, 'chain');
    await append(store, 2);
    await expectLost(store, position, 'chain');
    expect(await readAll(store, log)).toHaveLength(7);
  });

  it('is noticed by a feed at its next check', async () => {
    const history = await harness.follow(store, 20);
    await restore();
    await until(() => history.length > 0);
    expect(history).toEqual(['ahead, now at 3']);
  });

  it('and grew as long again is noticed by a feed at its next check', async () => {
    const history = await harness.follow(hardOfHearing(), 20);
    isDeaf = true;
    let release = (): void => undefined;
    readable = new Promise((resolve) => (release = resolve));
    await restore();
    await append(store, 2);
    release();
    await until(() => history.length > 0);
    expect(history).toEqual(['chain, now at 5']);
  });

  it('is noticed by its next message, although the feed had an entry with that offset', async () => {
    const history = await harness.follow(store);
    // Live before: the feed has the entries.
    await append(store, 1);
    await until(() => history.length === 1);
    await restore();
    await append(store, 1);
    await until(() => history.length === 2);
    expect(history).toEqual([6, 'ahead, now at 4']);
  });

  it('and has grown again is noticed although the next message has just the offset that is due', async () => {
    const history = await harness.follow(hardOfHearing());
    isDeaf = true;
    await restore();
    await append(store, 2);
    await until(() => missed.length === 2);
    isDeaf = false;
    // Offset 6, and the feed is at 5: of another history.
    await append(store, 1);
    await until(() => history.length > 0);
    expect(history).toEqual(['chain, now at 6']);
    await append(store, 1);
    await until(() => history.length > 1);
    expect(history.slice(1)).toEqual([7]);
  });
});

it('Redis that comes back with an older dump makes feeds begin anew, in the same process', async () => {
  const store = await harness.openWith({ timing: impatient });
  const history = await harness.follow(store);
  await append(store, 3);
  await harness.client.save();
  const position = await append(store, 2);
  await until(() => history.length === 5);
  await redis.kill();
  await redis.restart();
  await until(() => history.length === 6);
  expect(history).toEqual([1, 2, 3, 4, 5, 'ahead, now at 3']);
  await expectLost(store, position, 'ahead');
  await append(store, 3);
  await expectLost(store, position, 'chain');
  await until(() => history.length === 9);
  expect(history.slice(6)).toEqual([4, 5, 6]);
});
