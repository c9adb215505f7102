import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnnounceDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { openStream } from '../support/event-stream.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

const MINE = `{ viewer { subscriptions { field transport topics phase cursor delivered since } } }`;

interface Mine {
  readonly field: string;
  readonly transport: string;
  readonly topics: readonly string[];
  readonly phase: string;
  readonly cursor: string | null;
  readonly delivered: number;
  readonly since: string;
}

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ environment: { ANONYMOUS_PROJECTS: 'p' } });
  await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
});
afterAll(async () => server[Symbol.asyncDispose]());

const connect = async (claims: Parameters<TestServer['token']>[0] = {}): Promise<TestSocket> =>
  TestSocket.connect(server.webSocketUrl, { authorization: `Bearer ${server.token(claims)}` });
const subscriptionsOf = async (token: string): Promise<readonly Mine[]> => {
  const { viewer } = await server.run<{ viewer: { subscriptions: Mine[] } }, object>(MINE, {}, { token });
  return viewer.subscriptions;
};

describe('GET /stats', () => {
  it('tells an admin of connections, subscriptions by transport, field, room and topic, and events', async () => {
    using socket = await connect();
    socket.subscribe('1', 'subscription { announcement { message } }');
    socket.subscribe('2', 'subscription { presence(room: "lobby") { userId } }');
    socket.subscribe('3', 'subscription { projectUpdated(projectId: "p") { cursor } }');
    const abort = new AbortController();
    const query = 'subscription { events(projectId: "p") { cursor } }';
    await openStream(server.graphqlUrl, { query, token: server.token() }, abort.signal);
    const stats = async (): Promise<Record<string, unknown>> => {
      const headers = { authorization: `Bearer ${server.token()}` };
      return (await (await fetch(`${server.url}/stats`, { headers })).json()) as Record<string, unknown>;
    };
    await until(async () => (await stats())['live'] === 4);
    const before = await stats();
    expect(before).toMatchObject({
      connections: { websocket: 1, 'websocket-legacy': 0, sse: 1, multipart: 0 },
      subscriptions: { announcement: 1, presence: 1, projectUpdated: 1, events: 1 },
      transports: { websocket: 3, sse: 1 },
      topics: { 'project:p': 2, 'room:lobby': 1 },
      parked: 0,
      spooled: 0,
      delayP50: null,
      delayP99: null,
    });

    await server.run(AnnounceDocument, { input: { message: 'hello' } });
    expect((await socket.receive()).type).toBe('next');
    await until(async () => (await stats())['delayP99'] !== null);
    const after = await stats();
    expect(Number(after['eventsPublished']) - Number(before['eventsPublished'])).toBe(1);
    expect(after['delayP99']).toBeGreaterThanOrEqual(after['delayP50'] as number);
    const { stats: asked } = await server.run<{ stats: object }, object>(
      '{ stats { delayP50 delayP99 eventsPublished topics { name count } headCursor } }',
    );
    expect(asked).toMatchObject({
      delayP50: after['delayP50'],
      delayP99: after['delayP99'],
      eventsPublished: after['eventsPublished'],
      topics: expect.arrayContaining([{ name: 'room:lobby', count: 1 }]),
      headCursor: after['headCursor'],
    });
    abort.abort();
    socket[Symbol.dispose]();
    await until(async () => Object.keys((await stats())['transports'] as object).length === 0);
  });

  it('tells nothing of other workspaces, and nobody else anything', async () => {
    using socket = await connect({ workspace: 'other' });
    socket.subscribe('1', 'subscription { announcement { message } }');
    const other = server.token({ workspace: 'other' });
    await until(async () => (await subscriptionsOf(other))[0]?.phase === 'LIVE');
    const ask = async (token: string): Promise<{ status: number; body: unknown }> => {
      const response = await fetch(`${server.url}/stats`, { headers: { authorization: `Bearer ${token}` } });
      return { status: response.status, body: await response.json() };
    };
    expect(await ask(server.token())).toMatchObject({ status: 200, body: { transports: {}, topics: {} } });
    expect(await ask(server.token({ scope: 'read publish' }))).toMatchObject({
      status: 403,
      body: { error: { code: 'FORBIDDEN' } },
    });
    expect((await fetch(`${server.url}/stats`)).status).toBe(403);
  });
});

describe('viewer { subscriptions }', () => {
  it('tells a client what its own are doing, over HTTP too', async () => {
    using socket = await connect({ sub: 'ada' });
    using other = await connect({ sub: 'bob' });
    const ada = server.token({ sub: 'ada' });
    socket.subscribe('1', 'subscription { announcement { message } }');
    other.subscribe('1', 'subscription { announcement { message } }');
    await until(async () => (await subscriptionsOf(ada))[0]?.phase === 'LIVE');
    await server.run(AnnounceDocument, { input: { message: 'hello' } });
    expect((await socket.receive()).type).toBe('next');

    const mine = await subscriptionsOf(ada);
    const { cursor } = (
      await server.run<{ stats: { cursor: string } }, object>('{ stats { cursor: headCursor } }')
    ).stats;
    expect(mine).toEqual([
      {
        field: 'announcement',
        transport: 'websocket',
        topics: ['announcements'],
        phase: 'LIVE',
        cursor,
        delivered: 1,
        since: expect.stringMatching(/Z$/),
      },
    ]);
    socket.subscribe('2', MINE);
    const answer = await socket.receive();
    expect(answer.payload).toEqual({ data: { viewer: { subscriptions: mine } } });
  });

  it('follows the socket to another user', async () => {
    using socket = await connect({ sub: 'cleo' });
    socket.subscribe('1', 'subscription { announcement { message } }');
    await until(async () => (await subscriptionsOf(server.token({ sub: 'cleo' }))).length === 1);
    const token = server.token({ sub: 'dora' });
    socket.subscribe('2', 'mutation ($token: String!) { refreshSession(token: $token) { ended } }', {
      token,
    });
    expect((await socket.receive()).payload).toEqual({ data: { refreshSession: { ended: 0 } } });
    expect(await subscriptionsOf(server.token({ sub: 'cleo' }))).toEqual([]);
    expect(await subscriptionsOf(token)).toHaveLength(1);
  });

  it('tells anonymous readers those of their own socket only', async () => {
    using socket = await TestSocket.connect(server.webSocketUrl, undefined);
    using other = await TestSocket.connect(server.webSocketUrl, undefined);
    for (const each of [socket, other])
      each.subscribe('1', 'subscription { projectUpdated(projectId: "p") { cursor } }');
    await until(async () => {
      const { stats } = await server.run<{ stats: { live: number } }, object>('{ stats { live } }');
      return stats.live === 2;
    });
    socket.subscribe('2', '{ viewer { subscriptions { field } } }');
    expect((await socket.receive()).payload).toEqual({
      data: { viewer: { subscriptions: [{ field: 'projectUpdated' }] } },
    });
    const { data } = await server.query('{ viewer { subscriptions { field } } }', {}, { token: null });
    expect(data).toEqual({ viewer: { subscriptions: [] } });
  });
});
