/** Limits of users, addresses and tokens hold over all processes that share a Redis. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { RedisTally } from '../../src/limits/redis-tally.ts';
import { RedisServer } from '../support/redis.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ways, type Attempt, type Way, type Who } from './clients.ts';

let redis: RedisServer;
const attempts: Attempt[] = [];
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  for (const attempt of attempts.splice(0)) attempt[Symbol.dispose]();
});
afterAll(async () => redis[Symbol.asyncDispose]());

const start = async (environment: Record<string, string>): Promise<TestServer> =>
  TestServer.start({ isLimited: true, environment: { REDIS_URL: redis.url, ...environment } });
const enter = async (way: Way, server: TestServer, who: Who): Promise<Attempt> => {
  const attempt = await way.enter(server, who);
  attempts.push(attempt);
  return attempt;
};

it.each(ways)('a user has so many connections, at whatever server: over $name', async (way) => {
  const environment = { LIMIT_CONNECTIONS_PER_USER: '3' };
  await using one = await start(environment);
  await using other = await start(environment);
  const eve = { user: `eve of ${way.name}` };
  expect((await enter(way, one, eve)).outcome).toBe('in');
  const second = await enter(way, other, eve);
  expect([second.outcome, (await enter(way, other, eve)).outcome]).toEqual(['in', 'in']);
  for (const server of [one, other]) expect(await enter(way, server, eve)).toMatchObject(way.refused.user);
  expect((await enter(way, one, { user: 'bob' })).outcome).toBe('in');
  second[Symbol.dispose]();
  await until(async () => (await enter(way, one, eve)).outcome === 'in');
  expect(await enter(way, other, eve)).toMatchObject(way.refused.user);
});

it.each(ways)('an address has so many connections, at whatever server: over $name', async (way) => {
  const environment = { LIMIT_CONNECTIONS_PER_ADDRESS: '2', LIMIT_NEW_CONNECTIONS_PER_ADDRESS: '0' };
  await using one = await start(environment);
  await using other = await start(environment);
  const address = `2001:db8:0:${ways.indexOf(way) + 1}::1`;
  const first = await enter(way, one, { user: 'ada', address });
  expect([first.outcome, (await enter(way, other, { user: 'bob', address })).outcome]).toEqual(['in', 'in']);
  for (const server of [one, other])
    expect(await enter(way, server, { user: 'carol', address })).toMatchObject(way.refused.address);
  first[Symbol.dispose]();
  await until(async () => (await enter(way, other, { user: 'carol', address })).outcome === 'in');
});

it.each(ways.slice(2))(
  'a user has so many streams from an address, at whatever server: over $name',
  async (way) => {
    const environment = { LIMIT_STREAMS: '2', LIMIT_NEW_CONNECTIONS_PER_ADDRESS: '0' };
    await using one = await start(environment);
    await using other = await start(environment);
    const ada = { user: `ada of ${way.name}`, address: '203.0.113.1' };
    for (const server of [one, other]) expect((await enter(way, server, ada)).outcome).toBe('in');
    for (const server of [one, other])
      expect(await enter(way, server, ada)).toMatchObject({ outcome: '429 RATE_LIMITED', retryAfter: '5' });
  },
);

it.each(ways)(
  'an address has so many new connections a second, at whatever server: over $name',
  async (way) => {
    const environment = { LIMIT_NEW_CONNECTIONS_PER_ADDRESS: '3' };
    await using one = await start(environment);
    await using other = await start(environment);
    let round = 0;
    await until(async () => {
      round += 1;
      const who = { address: `2001:db8:${ways.indexOf(way) + 1}:${round}::1` };
      for (let count = 0; count < 3; count++) await enter(way, one, who);
      // Nobody was there from that address before; unless the second was over, that was one too many.
      return (await enter(way, other, who)).outcome === '429 RATE_LIMITED';
    });
  },
);

it('a token publishes so much, by whatever server', async () => {
  const environment = { LIMIT_PUBLISHES: '5' };
  await using one = await start(environment);
  await using other = await start(environment);
  const mutation = 'mutation { announce(input: { message: "hello" }) { cursor } }';
  const token = tokenFor({ jti: 'shared' });
  const answers = await Promise.all(
    Array.from({ length: 16 }, async (_each, index) =>
      (index % 2 === 0 ? one : other).query(mutation, undefined, { token }),
    ),
  );
  // Within two seconds, at the most, that is ten.
  expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(10);
  expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
});

it('each server goes by its own count while Redis is away, and by all of them when it is back', async () => {
  const way = ways[0]!;
  await using own = await RedisServer.start();
  const environment = { REDIS_URL: own.url, LIMIT_CONNECTIONS_PER_USER: '2' };
  await using one = await TestServer.start({ isLimited: true, environment });
  await using other = await TestServer.start({ isLimited: true, environment });
  // Who has not looked for revocations once lets nobody in.
  for (const server of [one, other]) expect((await enter(way, server, { user: 'ada' })).outcome).toBe('in');
  await own.kill();
  const eve = { user: 'eve' };
  for (const server of [one, other]) {
    for (let count = 0; count < 2; count++) expect((await enter(way, server, eve)).outcome).toBe('in');
    expect(await enter(way, server, eve)).toMatchObject(way.refused.user);
  }
  await own.restart();
  const bob = { user: 'bob' };
  for (const server of [one, other]) await until(async () => (await fetch(`${server.url}/ready`)).ok);
  for (const server of [one, other]) expect((await enter(way, server, bob)).outcome).toBe('in');
  expect(await enter(way, one, bob)).toMatchObject(way.refused.user);
});

it('what a process held that died is free when its lease ends, and what lives stays counted', async () => {
  const clients = [new Redis(redis.url), new Redis(redis.url)];
  const [dead, living] = clients.map(
    (client) => new RedisTally({ redis: client, prefix: 'lease', leaseMs: 150 }),
  );
  expect(await dead!.take('key', 2)).toBeDefined();
  expect(await living!.take('key', 2)).toBeDefined();
  expect(await living!.take('key', 2)).toBeUndefined();
  // It can say nothing any more, as if it had been killed.
  clients[0]!.disconnect();
  await until(async () => (await living!.take('key', 2)) !== undefined);
  expect(await living!.take('key', 2)).toBeUndefined();
  await Promise.all([dead!.close(), living!.close()]);
  for (const client of clients) client.disconnect();
});

it('what a process still holds at its end is free at once', async () => {
  const clients = [new Redis(redis.url), new Redis(redis.url)];
  const [ending, other] = clients.map((client) => new RedisTally({ redis: client, prefix: 'end' }));
  const release = await ending!.take('held', 1);
  expect(await other!.take('held', 1)).toBeUndefined();
  const taking = ending!.take('about to be held', 1);
  await ending!.close();
  for (const key of ['held', 'about to be held']) expect(await other!.take(key, 1)).toBeDefined();
  // Whoever notices late that it has left takes nothing of the others'.
  release!();
  (await taking)!();
  await ending!.close();
  for (const key of ['held', 'about to be held']) expect(await other!.take(key, 1)).toBeUndefined();
  await other!.close();
  for (const client of clients) client.disconnect();
});
