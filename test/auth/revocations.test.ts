/** Tokens that are taken back, and what was opened with them. */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { Redis } from 'ioredis';
import jwt from 'jsonwebtoken';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { altered } from '../support/altered-store.ts';
import { eventsOf, openStream } from '../support/event-stream.ts';
import { RedisServer } from '../support/redis.ts';
import { JWT_SECRET } from '../support/keys.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';
import { drivers } from '../transport/drivers.ts';
import { entrances } from './entrances.ts';

const REVOKE = `mutation ($input: RevokeInput!) {
  revoke(input: $input) { revocation { tokenId userId revokedBy revokedAt expiresAt } } }`;
const LIFT = 'mutation ($input: RevokeInput!) { liftRevocation(input: $input) { lifted } }';
const LIST = '{ revocations { tokenId userId revokedBy } }';
const announcements = 'subscription { announcement { message } }';
const announce = 'mutation { announce(input: { message: "said" }) { cursor } }';
const viewer = '{ viewer { userId } }';
const admin = (claims = {}): string => tokenFor({ sub: 'root', scope: 'read admin', ...claims });

type Target = { readonly tokenId: string } | { readonly userId: string };
const revoke = async (server: TestServer, input: Target, token = admin()) =>
  server.run<{ revoke: { revocation: Record<string, string | null> } }, unknown>(
    REVOKE,
    { input },
    { token },
  );
const lift = async (server: TestServer, input: Target, token = admin()): Promise<boolean> =>
  (await server.run<{ liftRevocation: { lifted: boolean } }, unknown>(LIFT, { input }, { token }))
    .liftRevocation.lifted;
const statusOf = async (server: TestServer, token: string): Promise<number> =>
  (await server.query(viewer, undefined, { token })).status;

/** How many announcements were written. */
async function announced(server: TestServer): Promise<number> {
  const { events } = await server.run<{ events: { nodes: unknown[] } }, object>(
    '{ events(first: 100) { nodes { type } } }',
  );
  return events.nodes.length;
}

/** Whether a subscription of the token's user is live. */
const isLive = async (server: TestServer, token: string): Promise<boolean> => {
  const { viewer: found } = await server.run<{ viewer: { subscriptions: { phase: string }[] } }, unknown>(
    '{ viewer { subscriptions { phase } } }',
    undefined,
    { token },
  );
  return found.subscriptions.some(({ phase }) => phase === 'LIVE');
};

interface Newcomer {
  readonly userId: string;
  readonly tokenId: string;
  readonly token: string;
}

let ids = 0;
/** A user of his own for each test, and a token of his. */
function newcomer(claims = {}): Newcomer {
  ids += 1;
  const [userId, tokenId] = [`user-${ids}`, `token-${ids}`];
  return {
    userId,
    tokenId,
    token: tokenFor({ sub: userId, jti: tokenId, scope: 'read publish', ...claims }),
  };
}

describe('a token that is revoked', () => {
  let server: TestServer;
  let skew = 0;
  const sockets: TestSocket[] = [];
  beforeAll(async () => {
    server = await TestServer.start({ now: () => Date.now() + skew });
  });
  beforeEach(() => {
    skew = 0;
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket[Symbol.dispose]();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const connected = async (token: string): Promise<TestSocket> => {
    const socket = await TestSocket.connect(server.webSocketUrl, { token });
    sockets.push(socket);
    return socket;
  };

  for (const { name, enter, refusal } of entrances) {
    it(`gets nobody in any more: ${name}`, async () => {
      const { token, tokenId } = newcomer();
      expect(await enter(server, token)).toBe('admitted');
      await revoke(server, { tokenId });
      expect(await enter(server, token)).toBe(refusal);
    });
  }

  it.each<[string, (one: Newcomer) => Target]>([
    ['by its id', ({ tokenId }) => ({ tokenId })],
    ['with all of its user', ({ userId }) => ({ userId })],
  ])('%s ends what was opened with it, and nothing else', async (_how, targetOf) => {
    const one = newcomer();
    const other = await connected(newcomer().token);
    other.subscribe('1', announcements);
    const socket = await connected(one.token);
    for (const id of ['1', '2']) socket.subscribe(id, announcements);
    await socket.drain();
    const legacy = new TestSocket(server.webSocketUrl, { protocol: 'graphql-ws' });
    sockets.push(legacy);
    await legacy.opened();
    legacy.send({ type: 'connection_init', payload: { token: one.token } });
    legacy.send({ id: '1', type: 'start', payload: { query: announcements } });
    await legacy.receiveMany(2);
    const stream = await openStream(server.graphqlUrl, { query: announcements, token: one.token });
    await until(async () => {
      const { stats } = await server.run<{ stats: { live: number } }, unknown>('{ stats { live } }');
      return stats.live === 5;
    });

    await revoke(server, targetOf(one));
    const ended = await socket.receiveMany(2);
    expect(new Set(ended.map(({ id }) => id))).toEqual(new Set(['1', '2']));
    for (const message of ended) {
      expect(message).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'FORBIDDEN' } }] });
    }
    expect(await socket.closed).toEqual({ code: 4403, reason: 'Token revoked' });
    expect(await legacy.receive()).toMatchObject({
      id: '1',
      type: 'error',
      payload: { extensions: { code: 'FORBIDDEN' } },
    });
    expect((await legacy.closed).code).toBe(4403);
    const events = [];
    for await (const event of eventsOf(stream.body!)) if (event.event !== undefined) events.push(event);
    expect(events.map(({ event }) => event)).toEqual(['next', 'complete']);
    expect(JSON.parse(events[0]!.data!)).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });

    await server.run('mutation { announce(input: { message: "still here" }) { cursor } }');
    expect(await other.receive()).toMatchObject({ type: 'next', id: '1' });
  });

  it.each(drivers)('ends what was opened with it over $name', async (driver) => {
    const { token, userId } = newcomer();
    using peer = await driver.connect(server.graphqlUrl, token);
    const operation = peer.start(announcements);
    await until(async () => isLive(server, token));
    await revoke(server, { userId });
    expect(await operation.next()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    expect(await operation.ended).toBe('over');
  });

  it('writes nothing more of what still waits for its turn', async () => {
    await using own = await TestServer.start({ environment: { LIMIT_PUBLISHES: '40' } });
    const { token, tokenId } = newcomer();
    const publishing = Array.from({ length: 40 }, async () => own.query(announce, undefined, { token }));
    await publishing[0];
    await revoke(own, { tokenId });
    const answers = await Promise.all(publishing);
    const refused = answers.filter(({ errors }) => errors?.[0]?.extensions['code'] === 'UNAUTHENTICATED');
    expect(refused.length).toBeGreaterThan(0);
    expect(await announced(own)).toBe(40 - refused.length);
  });

  it('does not end what it is writing with a refusal', async () => {
    let isBegun = false;
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    await using own = await TestServer.start({
      aroundStore: (store) =>
        altered(store, {
          append: async (...batch) => {
            isBegun = true;
            await held;
            return store.append(...batch);
          },
        }),
    });
    const { token, tokenId } = newcomer();
    using socket = await TestSocket.connect(own.webSocketUrl, { authorization: `Bearer ${token}` });
    socket.subscribe('1', announce);
    await until(() => isBegun);
    await revoke(own, { tokenId });
    expect(await Promise.race([socket.receive(), socket.closed])).toMatchObject({ code: 4403 });
    goOn();
    await until(async () => (await announced(own)) === 1);
  });

  it.each([
    [
      '/graphql',
      'application/json',
      { query: 'mutation { announce(input: { message: "late" }) { cursor } }' },
    ],
    [
      '/webhooks/cloudevents',
      'application/cloudevents+json',
      { specversion: '1.0', id: '1', source: '/late', type: 'announcement', data: { message: 'late' } },
    ],
    ['/graphql', 'application/json', { query: viewer }],
  ])('asks and publishes nothing with what is still on its way then: to %s', async (path, type, content) => {
    const { token, tokenId } = newcomer();
    const body = JSON.stringify(content);
    const sending = request(`${server.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': type,
        'content-length': body.length,
        expect: '100-continue',
      },
    });
    sending.flushHeaders();
    await once(sending, 'continue');
    sending.write(body.slice(0, 10));
    await revoke(server, { tokenId });
    sending.end(body.slice(10));
    const [answer] = (await once(sending, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(401);
    answer.resume();
  });

  it('leaves the rooms that its sockets held', async () => {
    const { token, tokenId, userId } = newcomer();
    const watching = await connected(tokenFor());
    watching.subscribe('room', 'subscription { presence(room: "lobby", snapshot: true) { userId status } }');
    const socket = await connected(token);
    socket.subscribe('1', 'mutation { setPresence(input: { room: "lobby" }) { expiresAt } }');
    expect(await watching.receive()).toMatchObject({
      payload: { data: { presence: { userId, status: 'ONLINE' } } },
    });
    await socket.receiveMany(2);
    await revoke(server, { tokenId });
    expect(await watching.receive()).toMatchObject({
      payload: { data: { presence: { userId, status: 'OFFLINE' } } },
    });
  });

  it('leaves them, too, where another user takes over by refreshSession', async () => {
    const [before, after] = [newcomer(), newcomer()];
    const watching = await connected(tokenFor());
    watching.subscribe('room', 'subscription { presence(room: "hall", snapshot: true) { userId status } }');
    const socket = await connected(before.token);
    const enter = 'mutation { setPresence(input: { room: "hall" }) { member { userId } } }';
    const refresh = 'mutation ($token: String!) { refreshSession(token: $token) { ended } }';
    const told = async (): Promise<unknown> => dataOf(await watching.receive())['presence'];
    socket.subscribe('1', enter);
    expect(await told()).toEqual({ userId: before.userId, status: 'ONLINE' });
    await socket.receiveMany(2);
    // Another token of the same user changes nothing.
    socket.subscribe('2', refresh, { token: tokenFor({ sub: before.userId }) });
    socket.subscribe('3', refresh, { token: after.token });
    await socket.receiveMany(4);
    socket.subscribe('4', enter);
    expect(await told()).toEqual({ userId: after.userId, status: 'ONLINE' });
    await socket.receiveMany(2);
    expect(await told()).toEqual({ userId: before.userId, status: 'OFFLINE' });
    socket[Symbol.dispose]();
    expect(await told()).toEqual({ userId: after.userId, status: 'OFFLINE' });
  });

  it('is one of many: another one of the same user goes on', async () => {
    const { userId, tokenId, token } = newcomer();
    await revoke(server, { tokenId });
    expect(await statusOf(server, token)).toBe(401);
    expect(await statusOf(server, tokenFor({ sub: userId, jti: 'another' }))).toBe(200);
    expect(await statusOf(server, tokenFor({ sub: userId }))).toBe(200);
  });

  it('with all of its user is from before: those that are made later count', async () => {
    const { userId } = newcomer();
    const made = (claims: object): string => {
      const exp = Math.floor(Date.now() / 1_000) + 600;
      return jwt.sign({ sub: userId, exp, ...claims }, JWT_SECRET, { noTimestamp: !('iat' in claims) });
    };
    const second = Math.floor(Date.now() / 1_000);
    await revoke(server, { userId });
    skew = 5_000;
    expect(await statusOf(server, made({ iat: second - 60 }))).toBe(401);
    expect(await statusOf(server, made({ iat: second + 3 }))).toBe(200);
    // Who doesn't say when it was made, or says what can't be, could say anything.
    expect(await statusOf(server, made({}))).toBe(401);
    expect(await statusOf(server, made({ iat: second + 300 }))).toBe(401);
  });

  it('is only revoked in the workspace of the admin', async () => {
    const { userId, tokenId, token } = newcomer();
    const elsewhere = admin({ workspace: 'elsewhere' });
    await revoke(server, { tokenId }, elsewhere);
    await revoke(server, { userId }, elsewhere);
    expect(await statusOf(server, token)).toBe(200);
    expect(await lift(server, { tokenId })).toBe(false);
    expect(JSON.stringify(await server.run(LIST, undefined, { token: admin() }))).not.toContain(tokenId);
  });

  it('is told to admins of its workspace, the latest first, and may be given back', async () => {
    const token = admin({ workspace: 'listed' });
    const {
      revoke: { revocation },
    } = await revoke(server, { tokenId: 'first' }, token);
    expect(revocation).toMatchObject({ tokenId: 'first', userId: null, revokedBy: 'root' });
    expect(Date.parse(revocation['expiresAt']!) - Date.parse(revocation['revokedAt']!)).toBe(30 * 86_400_000);
    skew = 1_000;
    await revoke(server, { userId: 'second' }, token);
    const list = async () => server.run(LIST, undefined, { token });
    const first = { tokenId: 'first', userId: null, revokedBy: 'root' };
    const second = { tokenId: null, userId: 'second', revokedBy: 'root' };
    expect(await list()).toEqual({ revocations: [second, first] });
    const revoked = tokenFor({ workspace: 'listed', jti: 'first' });
    expect(await statusOf(server, revoked)).toBe(401);
    expect(await lift(server, { tokenId: 'first' }, token)).toBe(true);
    expect(await lift(server, { tokenId: 'first' }, token)).toBe(false);
    expect(await statusOf(server, revoked)).toBe(200);
    expect(await list()).toEqual({ revocations: [second] });
    skew = 31 * 86_400_000;
    const later = jwt.sign(
      { sub: 'root', workspace: 'listed', scope: 'admin', iat: Math.floor((Date.now() + skew) / 1_000) },
      JWT_SECRET,
      { expiresIn: 600 },
    );
    expect(await server.run(LIST, undefined, { token: later })).toEqual({ revocations: [] });
  });

  it.each([
    ['without scope admin', tokenFor({ scope: 'read publish' }), { userId: 'x' }, 'FORBIDDEN'],
    ['without saying what', admin(), {}, 'INVALID_INPUT'],
    ['both ways at once', admin(), { userId: 'x', tokenId: 'y' }, 'INVALID_INPUT'],
    ['without a name', admin(), { userId: '' }, 'INVALID_INPUT'],
    ['with an endless name', admin(), { tokenId: 'x'.repeat(257) }, 'INVALID_INPUT'],
  ])('is not, %s', async (_how, token, input, code) => {
    for (const mutation of [REVOKE, LIFT]) {
      const { errors } = await server.query(mutation, { input }, { token });
      expect(errors?.[0]?.extensions['code']).toBe(code);
    }
    if (code !== 'FORBIDDEN') return;
    expect((await server.query(LIST, undefined, { token })).errors?.[0]?.extensions['code']).toBe(code);
  });

  it('stays revoked when the server starts again', async () => {
    const { token, tokenId } = newcomer();
    const first = await TestServer.start();
    await revoke(first, { tokenId });
    await first.gateway.stop();
    await using again = await TestServer.start({ directory: first.directory });
    expect(await statusOf(again, token)).toBe(401);
    await first[Symbol.asyncDispose]();
  });
});

describe('servers that share a Redis', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await RedisServer.start({ config: ['appendonly yes', 'appendfsync always'] });
  });
  afterEach(async () => redis[Symbol.asyncDispose]());
  const start = async (): Promise<TestServer> =>
    TestServer.start({
      environment: { REDIS_URL: redis.url },
      limits: { revocationPollMs: 50, retryMs: 50 },
    });

  it('end what another one revoked, and take back what another one gave back', async () => {
    await using one = await start();
    await using two = await start();
    const { token, userId } = newcomer();
    using socket = await TestSocket.connect(two.webSocketUrl, { token });
    socket.subscribe('1', announcements);
    await socket.drain();
    await revoke(one, { userId });
    const messages: Message[] = [await socket.receive()];
    expect(messages).toMatchObject([{ type: 'error', payload: [{ extensions: { code: 'FORBIDDEN' } }] }]);
    expect((await socket.closed).code).toBe(4403);
    expect(await statusOf(two, token)).toBe(401);
    expect(await lift(two, { userId })).toBe(true);
    expect(await statusOf(two, token)).toBe(200);
    await until(async () => (await statusOf(one, token)) === 200);
  });

  it('know from their start who is revoked, also where Redis is away when they are first asked', async () => {
    const { token, userId } = newcomer();
    await using one = await start();
    await revoke(one, { userId });
    await using two = await start();
    await redis.kill();
    expect(await statusOf(two, token)).toBe(401);
    expect(await statusOf(two, newcomer().token)).toBe(200);
  });

  it.each(drivers)('end what another one revoked, over $name', async (driver) => {
    await using one = await start();
    await using two = await start();
    for (const targetOf of [
      ({ userId }: Newcomer): Target => ({ userId }),
      ({ tokenId }: Newcomer): Target => ({ tokenId }),
    ]) {
      const eve = newcomer();
      using peer = await driver.connect(two.graphqlUrl, eve.token);
      const operation = peer.start(announcements);
      await until(async () => isLive(two, eve.token));
      await revoke(one, targetOf(eve));
      expect(await operation.next()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
      expect(await operation.ended).toBe('over');
    }
  });

  it('hold what they know while Redis is away, and when it has forgotten', async () => {
    await using one = await start();
    const { token, tokenId } = newcomer();
    await revoke(one, { tokenId });
    const fresh = newcomer();
    await redis.kill();
    await until(async () => (await one.query('{ events { nodes { cursor } } }')).errors !== undefined);
    expect(await statusOf(one, token)).toBe(401);
    expect(await statusOf(one, fresh.token)).toBe(200);
    await using late = await start();
    // It can't tell yet who was revoked.
    expect(await late.query(viewer, undefined, { token: fresh.token })).toMatchObject({
      status: 503,
      errors: [{ extensions: { code: 'AUTH_UNAVAILABLE' } }],
    });
    for (const [protocol, told] of [
      ['graphql-transport-ws', []],
      ['graphql-ws', ['AUTH_UNAVAILABLE']],
    ] as const) {
      using socket = new TestSocket(late.webSocketUrl, { protocol });
      await socket.opened();
      socket.send({ type: 'connection_init', payload: { token: fresh.token } });
      for (const code of told) {
        expect(await socket.receive()).toMatchObject({
          type: 'connection_error',
          payload: { extensions: { code } },
        });
      }
      expect((await socket.closed).code).toBe(1013);
    }
    await redis.restart();
    await until(async () => (await statusOf(late, fresh.token)) === 200);
    expect(await statusOf(late, token)).toBe(401);
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    await using newest = await start();
    // Those who know it put it back.
    await until(async () => (await statusOf(newest, token)) === 401);
  });
});
