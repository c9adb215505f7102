import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectRedis } from '../../src/store/redis/clients.ts';
import type { RedisEventStore } from '../../src/store/redis/redis-store.ts';
import { RedisServer } from '../support/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { appendUntilDone, impatient, log, RedisHarness, succeeds } from './redis-harness.ts';
import { batch, change, content, contents, keyed } from './sample.ts';
import { Heard, offsetsOf } from './support.ts';

const unavailable = { code: 'STORE_UNAVAILABLE' };

let redis: RedisServer;
let proxy: TcpProxy;
let harness: RedisHarness;

beforeEach(async () => {
  redis = await RedisServer.start();
  proxy = await TcpProxy.start(redis.url);
  harness = new RedisHarness(redis.url);
});
afterEach(async () => {
  try {
    proxy.release();
    proxy.accept();
    harness.errors.splice(0);
    await harness.dispose();
  } finally {
    await proxy[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  }
});

/** A store whose connections go through the proxy. */
async function openBehindProxy(): Promise<RedisEventStore> {
  return harness.openWith({ redis: proxy.url.replace('http', 'redis'), timing: impatient });
}

describe('a link to Redis', () => {
  describe('that loses the answer to an append', () => {
    const entries = async (): Promise<number> =>
      harness.client.xlen(`${harness.prefix}:{events/default}:entries`);

    for (const [name, given] of [
      ['with an idempotency key', keyed('key', content())],
      ['without', batch(content())],
    ] as const) {
      it(`has it stored once and acknowledged, ${name}`, async () => {
        const store = await openBehindProxy();
        await store.append(log, batch(content()));
        proxy.hold('answers');
        const appending = store.append(log, given);
        await until(async () => (await entries()) === 2);
        proxy.cut();
        proxy.release();
        expect(await appending).toMatchObject({ duplicate: false, appended: [{ position: { offset: 2 } }] });
        expect(await entries()).toBe(2);
      });
    }

    it('has many stored once each, in the order of the calls', async () => {
      const store = await openBehindProxy();
      await store.ping();
      proxy.hold('answers');
      const appending = Promise.all(
        Array.from({ length: 60 }, async (_, on) => store.append(log, batch(change('a', { on })))),
      );
      await until(async () => (await entries()) === 60);
      proxy.cut();
      proxy.release();
      expect((await appending).flatMap(offsetsOf)).toEqual(
        Array.from({ length: 60 }, (_, index) => index + 1),
      );
      expect(await entries()).toBe(60);
    });

    it('tells STORE_UNAVAILABLE where it does not come back in time, and the key tells later', async () => {
      const store = await openBehindProxy();
      await store.ping();
      proxy.hold('answers');
      const appending = store.append(log, keyed('key', content()));
      await until(async () => (await entries()) === 1);
      proxy.refuse();
      await expect(appending).rejects.toMatchObject(unavailable);
      proxy.release();
      proxy.accept();
      expect(await appendUntilDone(store, 'key')).toMatchObject({ duplicate: true, appended: [{}] });
      expect(await entries()).toBe(1);
    });
  });

  it('that stalls is given up, without a word from it, and calls fail meanwhile', async () => {
    const store = await openBehindProxy();
    await store.append(log, batch(content()));
    proxy.hold();
    await expect(store.append(log, batch(content()))).rejects.toMatchObject(unavailable);
    await expect(store.head(log)).rejects.toMatchObject(unavailable);
    // What waits in the network is lost with it; else it could still arrive.
    proxy.cut();
    proxy.release();
    await appendUntilDone(store, 'key');
    expect((await store.head(log)).offset).toBe(3);
  });

  it('that stalls and is reset while others append costs a watcher nothing', async () => {
    const [store, other] = [await openBehindProxy(), await harness.open()];
    const history = await harness.follow(store);
    let isWriting = true;
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (isWriting) await other.append(log, batch(...contents(2)));
      }),
    );
    for (let fault = 0; fault < 6; fault++) {
      const { accepted } = proxy;
      if (fault % 3 === 2) proxy.hold();
      else proxy.cut();
      const seen = history.length;
      // Given up and back: the connection for commands and the one for messages.
      await until(() => proxy.accepted >= accepted + 2);
      proxy.release();
      await until(() => history.length > seen);
    }
    isWriting = false;
    await writing;
    const { offset } = await other.head(log);
    await until(() => history.length >= offset);
    expect(history).toEqual(Array.from({ length: offset }, (_, index) => index + 1));
    console.log(`6 resets and stalls, ${offset} events: 0 gaps, 0 duplicates`);
  });

  it('that is cut while a log is being subscribed subscribes it when it is back', async () => {
    const [store, other] = [await openBehindProxy(), await harness.open()];
    const heard = new Heard();
    proxy.hold('answers');
    const watching = store.watch(log, heard.listener);
    await until(async () => {
      const counts = await harness.client.pubsub('NUMSUB', `${harness.prefix}:{events/default}:appended`);
      return Number(counts[1]) === 1;
    });
    proxy.cut();
    proxy.release();
    await watching;
    await other.append(log, batch(content()));
    await heard.offset(1);
  });

  it('that is ending while a log is being subscribed subscribes it when it is back', async () => {
    const clients = connectRedis(proxy.url.replace('http', 'redis'), impatient);
    const { subscriber } = clients;
    const subscribe = subscriber.subscribe.bind(subscriber);
    let attempts = 0;
    Object.assign(subscriber, {
      subscribe: async (...channels: string[]): Promise<unknown> => {
        attempts += 1;
        // Attempts without a pause between them would hold up the test too.
        return attempts > 100 ? new Promise(() => undefined) : subscribe(...channels);
      },
    });
    const [store, other] = [await harness.openWith({ redis: clients }), await harness.open()];
    const heard = new Heard();
    await until(() => subscriber.status === 'ready');
    // From here to the turn of the event loop that closes it, it counts as ready and takes nothing.
    subscriber.stream.destroy();
    await store.watch(log, heard.listener);
    await other.append(log, batch(content()));
    await heard.offset(1);
    expect(attempts).toBeLessThan(10);
    clients.commands.disconnect();
    subscriber.disconnect();
  });

  it('that is away when a log is to be watched says so, and leaves nothing behind', async () => {
    const store = await openBehindProxy();
    proxy.hold('answers');
    const watching = store.watch(log, () => expect.fail('told who was refused'));
    await expect(watching).rejects.toMatchObject(unavailable);
    proxy.refuse();
    await until(async () => !(await succeeds(store.watch(log, () => undefined))));
    proxy.release();
    proxy.accept();
    const heard = new Heard();
    await until(async () => succeeds(store.watch(log, heard.listener)));
    await appendUntilDone(store, 'key');
    await heard.offset(2);
  });
});
