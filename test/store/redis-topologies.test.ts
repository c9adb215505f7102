/** The forms of REDIS_URL, against what they stand for. */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { parseRedisUrl } from '../../src/store/redis/url.ts';
import type { EventStore, LogName } from '../../src/store/store.ts';
import { freePort, RedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { impatient, log, RedisHarness, succeeds } from './redis-harness.ts';
import { change, content, keyed } from './sample.ts';
import { Heard, idsOf, readAll } from './support.ts';

describe('a URL', () => {
  it('names one Redis', () => {
    expect(parseRedisUrl('redis://localhost')).toMatchObject({
      form: 'single',
      addresses: [{ host: 'localhost', port: 6379 }],
      username: undefined,
      password: undefined,
      tls: undefined,
      db: 0,
    });
    expect(parseRedisUrl('rediss://user:p%40ss%3A@[::1]:7000/3')).toMatchObject({
      addresses: [{ host: '::1', port: 7000 }],
      username: 'user',
      password: 'p@ss:',
      tls: {},
      db: 3,
    });
  });

  it('names a master by its sentinels', () => {
    const url = 'redis+sentinel://:secret@one,two:26380/main/2?sentinelUsername=a&sentinelPassword=b%20c';
    expect(parseRedisUrl(url)).toEqual({
      form: 'sentinel',
      addresses: [
        { host: 'one', port: 26379 },
        { host: 'two', port: 26380 },
      ],
      username: undefined,
      password: 'secret',
      tls: undefined,
      masterName: 'main',
      db: 2,
      sentinelUsername: 'a',
      sentinelPassword: 'b c',
    });
  });

  it('names nodes of a cluster', () => {
    expect(parseRedisUrl('rediss+cluster://one:7000,two:7001')).toMatchObject({
      form: 'cluster',
      addresses: [
        { host: 'one', port: 7000 },
        { host: 'two', port: 7001 },
      ],
      tls: {},
    });
  });

  it.each([
    '',
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://a,b',
    'redis://a:99999',
    'redis://a/b',
    'redis://a/0/1',
    'redis://a%/0',
    'redis+sentinel://a',
    'redis+cluster://a/1',
    'redis://us%er@a',
  ])('is refused: %s', (url) => {
    expect(() => parseRedisUrl(url)).toThrow();
  });

  it('that is refused does not show its password', () => {
    expect(() => parseRedisUrl('redis://user:secret@a,b')).toThrow(/^(?!.*secret)/);
  });
});

describe('the store works with', () => {
  const servers: RedisServer[] = [];
  const stores: EventStore[] = [];
  afterEach(async () => {
    await Promise.all(stores.splice(0).map(async (store) => store.close()));
    await Promise.all(servers.splice(0).map(async (server) => server[Symbol.asyncDispose]()));
  });

  const start = async (...options: Parameters<typeof RedisServer.start>): Promise<RedisServer> => {
    const server = await RedisServer.start(...options);
    servers.push(server);
    return server;
  };
  const open = async (url: string, errors: Error[] = []): Promise<EventStore> => {
    const store = await new RedisHarness('').openWith({
      redis: url,
      prefix: 'tidings',
      timing: impatient,
      onError: (error) => errors.push(error),
    });
    stores.push(store);
    return store;
  };
  /** What needs both connections and every key of a log. */
  const expectWorking = async (store: EventStore, ...logs: readonly LogName[]): Promise<void> => {
    for (const each of logs) {
      const heard = new Heard();
      const unwatch = await store.watch(each, heard.listener);
      const events = [change('a'), content(), change('a', { on: 1, topics: ['project:x'] })];
      const first = await store.append(each, keyed(['one', 'two'], ...events));
      expect(await store.append(each, keyed('two', content()))).toEqual({ ...first, duplicate: true });
      await heard.offset(3);
      expect(await readAll(store, each)).toEqual(heard.entries);
      expect(await idsOf(store, each, { type: 'issue', topic: 'project:x', limit: 9 })).toEqual(['a']);
      expect(await store.recall(each, ['one'])).toEqual({ ...first, duplicate: true });
      unwatch();
    }
  };

  it('a user, a password and a database', async () => {
    const redis = await start({
      config: ['user tidings on >p@ss ~tidings:* &tidings:* +@all', 'user default off'],
    });
    await expectWorking(await open(`redis://tidings:p%40ss@127.0.0.1:${redis.port}/3`), log);
    const errors: Error[] = [];
    const stranger = await open(`redis://tidings:wrong@127.0.0.1:${redis.port}`, errors);
    await expect(stranger.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(errors[0]?.message).toContain('WRONGPASS');
  });

  it('a cluster, over whose nodes the logs are spread, and which loses one for a while', async () => {
    const ports = [await freePort(), await freePort()] as const;
    const nodes = await Promise.all(
      ports.map(async (port) =>
        start({
          config: ['cluster-enabled yes', `cluster-port ${port}`, 'appendonly yes', 'appendfsync always'],
        }),
      ),
    );
    const clients = nodes.map(({ port }) => new Redis(port)) as [Redis, Redis];
    await Promise.all([
      clients[0].cluster('ADDSLOTSRANGE', 0, 8_191),
      clients[1].cluster('ADDSLOTSRANGE', 8_192, 16_383),
      clients[1].call('CLUSTER', 'SET-CONFIG-EPOCH', '2'),
    ]);
    await clients[0].call('CLUSTER', 'MEET', '127.0.0.1', `${nodes[1]!.port}`, `${ports[1]}`);
    for (const client of clients) {
      await until(async () => /cluster_state:ok[^]*cluster_known_nodes:2/.test(await client.cluster('INFO')));
    }
    const store = await open(`redis+cluster://127.0.0.1:${nodes[1]!.port}`);
    const logs = Array.from({ length: 8 }, (_, index): LogName => ({
      workspace: `${index}`,
      stream: 'events',
    }));
    await expectWorking(store, ...logs);
    const held = await Promise.all(clients.map(async (client) => client.keys('*:log')));
    expect(held.map((keys) => keys.length > 0)).toEqual([true, true]);
    for (const client of clients) client.disconnect();

    // One that has the first log.
    const lost = nodes[held[0]!.includes('tidings:{events/0}:log') ? 0 : 1]!;
    await lost.kill();
    await expect(store.append(logs[0]!, keyed('three', content()))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    await lost.restart();
    await until(async () => succeeds(store.append(logs[0]!, keyed('three', content()))));
    expect(await readAll(store, logs[0]!)).toHaveLength(4);
    const heard = new Heard();
    await until(async () => succeeds(store.watch(logs[0]!, heard.listener)));
    await store.append(logs[0]!, keyed('four', content()));
    await heard.offset(5);
  });

  it('sentinels, which tell where the master is now', async () => {
    const master = await start();
    const replica = await start({ config: [`replicaof 127.0.0.1 ${master.port}`] });
    const sentinel = await start({
      sentinel: true,
      config: [`sentinel monitor main 127.0.0.1 ${master.port} 1`, 'sentinel failover-timeout main 2000'],
    });
    const store = await open(`redis+sentinel://127.0.0.1:${sentinel.port}/main`);
    await expectWorking(store, log);
    const client = new Redis(sentinel.port);
    await until(async () =>
      JSON.stringify(await client.call('SENTINEL', 'REPLICAS', 'main')).includes(`${replica.port}`),
    );
    await until(async () => succeeds(client.call('SENTINEL', 'FAILOVER', 'main')));
    client.disconnect();
    // Until the new master has it.
    const replicaClient = new Redis(replica.port);
    await until(async () => (await replicaClient.role())[0] === 'master');
    await until(async () => succeeds(store.append(log, keyed('three', content()))));
    expect(await replicaClient.xlen('test')).toBe(0);
    replicaClient.disconnect();
  });
});
