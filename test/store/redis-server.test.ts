import { afterEach, describe, expect, it } from 'vitest';
import type { AppendResult } from '../../src/store/store.ts';
import { RedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { appendUntilDone, impatient, log, RedisHarness, succeeds } from './redis-harness.ts';
import { batch, change, content, keyed } from './sample.ts';
import { Heard, HOUR_MS, keepEverything, offsetsOf, readAll } from './support.ts';

const unavailable = { code: 'STORE_UNAVAILABLE' };

let redis: RedisServer;
let harness: RedisHarness;

async function start(...config: string[]): Promise<void> {
  redis = await RedisServer.start({ config });
  harness = new RedisHarness(redis.url);
}

afterEach(async () => {
  try {
    harness.errors.splice(0);
    await harness.dispose();
  } finally {
    await redis[Symbol.asyncDispose]();
  }
});

describe('Redis', () => {
  it('that is away makes calls fail at once; back again, all goes on in the same process', async () => {
    await start('appendonly yes', 'appendfsync always');
    const store = await harness.openWith({ timing: impatient });
    const history = await harness.follow(store);
    const { appended } = await store.append(log, batch(content()));
    await redis.kill();
    // Two connections, which learn of it one after the other.
    await until(async () => !(await succeeds(store.ping())));
    await until(async () => !(await succeeds(store.watch(log, () => undefined))));
    const calls: (() => Promise<unknown>)[] = [
      () => store.append(log, batch(content())),
      () => store.recall(log, ['key']),
      () => store.read(log, 'oldest', 1),
      () => store.readBefore(log, 'newest', 1),
      () => store.head(log),
      () => store.entity(log, 'issue', 'a'),
      () => store.entities(log, { type: 'issue', topic: 'all', limit: 1 }),
      () => store.watch(log, () => undefined),
      () => store.size(log),
      () => store.ping(),
    ];
    const started = performance.now();
    for (const call of calls) await expect(call()).rejects.toMatchObject(unavailable);
    expect(performance.now() - started, 'without waiting for anything').toBeLessThan(500);
    // Reported once for each of the two connections, however often they try.
    expect(harness.errors.length).toBeLessThanOrEqual(2);
    await redis.restart();
    await appendUntilDone(store, 'key');
    expect((await store.read(log, appended[0]!.position, 9)).entries).toHaveLength(2);
    await until(() => history.length === 3);
    expect(history).toEqual([1, 2, 3]);
  });

  it('that is away from the start is waited for', async () => {
    await start();
    await redis.kill();
    const store = await harness.openWith({ timing: impatient });
    await expect(store.head(log)).rejects.toMatchObject(unavailable);
    await redis.restart();
    await appendUntilDone(store, 'key');
    const heard = new Heard();
    await until(async () => succeeds(store.watch(log, heard.listener)));
    await store.append(log, batch(content()));
    await heard.offset(3);
  });

  it('that is stopped makes calls fail in bounded time, and what it takes up later is stored once', async () => {
    await start();
    const store = await harness.openWith({ timing: impatient });
    await store.ping();
    await redis.signal('SIGSTOP');
    const stopped = Promise.allSettled(
      Array.from({ length: 20 }, async (_, index) => store.append(log, keyed(`${index}`, content()))),
    );
    for (const result of await stopped) expect(result).toMatchObject({ reason: unavailable });
    await redis.signal('SIGCONT');
    for (let index = 0; index < 20; index++) await appendUntilDone(store, `${index}`);
    const entries = await readAll(store, log);
    // One event where the first attempt was taken up, two where the second was.
    const titles = entries.map(({ data }) => ('title' in data ? data.title : ''));
    for (let index = 0; index < 20; index++) {
      const second = titles.filter((title) => title === `${index}`).length;
      expect([0, 2]).toContain(second);
    }
    expect(entries.length).toBe(20 + titles.filter((title) => title !== 'content').length / 2);
  });

  it('that is killed loses nothing that was acknowledged, with appendfsync always', async () => {
    await start('appendonly yes', 'appendfsync always');
    const store = await harness.openWith({ timing: impatient });
    const acknowledged = new Map<string, AppendResult>();
    let isWriting = true;
    const writing = Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let turn = 0; isWriting; turn++) {
          const key = `${writer} ${turn}`;
          acknowledged.set(key, await appendUntilDone(store, key));
        }
      }),
    );
    for (let kill = 0; kill < 3; kill++) {
      const before = acknowledged.size;
      await until(() => acknowledged.size > before + 100);
      await redis.kill();
      await redis.restart();
    }
    isWriting = false;
    await writing;
    const entries = await readAll(store, log);
    const stored = new Map(entries.map((entry) => [entry.position.offset, entry]));
    for (const [key, { appended }] of acknowledged) {
      for (const { position, recordedAt } of appended) {
        expect(stored.get(position.offset)).toMatchObject({ position, recordedAt, data: { title: key } });
      }
    }
    expect(entries.map(({ position }) => position.offset)).toEqual(entries.map((_, index) => index + 1));
    expect(entries).toHaveLength(2 * acknowledged.size);
    console.log(`3 × kill -9, ${acknowledged.size} batches acknowledged: 0 lost, 0 stored twice`);
  });

  describe('that refuses to write', () => {
    const large = (on: number) => keyed(`${on}`, content('x'.repeat(1_000)), change('a', { on }));

    it('for lack of memory is full, and makes room by what becomes too old', async () => {
      await start();
      const retention = () => ({ ...keepEverything, hours: 1 });
      const store = await harness.openWith({ retention, maintenanceMs: 10 });
      for (let on = 0; on < 5; on++) await store.append(log, large(on));
      await harness.client.config('SET', 'maxmemory', 1);
      await expect(store.append(log, large(5))).rejects.toMatchObject({ code: 'STORE_FULL' });
      await expect(store.head({ workspace: 'new', stream: 'events' })).rejects.toMatchObject({
        code: 'STORE_FULL',
      });
      expect(await readAll(store, log)).toHaveLength(10);
      expect(await store.recall(log, ['5'])).toBeUndefined();
      harness.clock.advance(HOUR_MS + 1);
      await until(async () => (await store.size(log)).events === 0);
      await harness.client.config('SET', 'maxmemory', 0);
      expect(offsetsOf(await store.append(log, large(5)))).toEqual([11, 12]);
      expect(harness.errors).toEqual([]);
    });

    it('for lack of disk is full, and goes on when there is some', async () => {
      await start('save 3600 1000000', 'enable-protected-configs yes');
      const store = await harness.openWith({});
      await store.append(log, large(0));
      // A directory that nobody can write to, root neither.
      await harness.client.config('SET', 'dir', '/proc');
      await harness.client.bgsave().catch(() => undefined);
      const saves = async (): Promise<string> =>
        /rdb_last_bgsave_status:(\w+)/.exec(await harness.client.info('persistence'))![1]!;
      await until(async () => (await saves()) === 'err');
      await expect(store.append(log, large(1))).rejects.toMatchObject({ code: 'STORE_FULL' });
      expect(await readAll(store, log)).toHaveLength(2);
      await harness.client.config('SET', 'dir', redis.directory);
      await harness.client.bgsave();
      await until(async () => (await saves()) === 'ok');
      expect(offsetsOf(await store.append(log, large(1)))).toEqual([3, 4]);
    });

    it('as it was demoted is unavailable until there is a master', async () => {
      await start();
      const store = await harness.openWith({ timing: impatient });
      await store.append(log, large(0));
      await harness.client.replicaof('127.0.0.1', 1);
      await expect(store.append(log, large(1))).rejects.toMatchObject(unavailable);
      await harness.client.replicaof('NO', 'ONE');
      await until(async () => succeeds(store.append(log, large(1))));
      expect(await readAll(store, log)).toHaveLength(4);
    });
  });
});
