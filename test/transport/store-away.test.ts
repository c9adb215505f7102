import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeUnavailable } from '../../src/store/store.ts';
import { UpsertProjectDocument } from '../generated/operations.ts';
import { altered } from '../support/altered-store.ts';
import { eventsOf, nextNamed, openStream } from '../support/event-stream.ts';
import { RedisServer } from '../support/redis.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';

/** Who may read it is asked of the store, as its project is. */
const query = 'subscription { prStateChanged(repoId: "web", snapshot: true) { repoId prNumber } }';
const publish = `mutation {
  registerRepository(input: { projectId: "p", repoId: "web", fullName: "octo/web" }) { cursor }
  reportPullRequest(input: { repoId: "web", number: 1, title: "New", author: "ada" }) { cursor }
}`;

describe('a subscription that the store is asked about while it is away', () => {
  let server: TestServer;
  let isAway: boolean;
  let failures: number;

  beforeEach(async () => {
    [isAway, failures] = [false, 0];
    server = await TestServer.start({
      limits: { retryMs: 5 },
      aroundStore: (store) =>
        altered(store, {
          entities: async (...args) => {
            if (!isAway) return store.entities(...args);
            failures++;
            throw storeUnavailable();
          },
        }),
    });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
    const response = await fetch(server.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${tokenFor()}` },
      body: JSON.stringify({ query: publish }),
    });
    expect(await response.json()).not.toHaveProperty('errors');
    isAway = true;
  });
  afterEach(async () => server[Symbol.asyncDispose]());

  const inTime = async (): Promise<void> => {
    await until(() => failures > 2);
    isAway = false;
  };

  it.each(['graphql-transport-ws', 'graphql-ws'])('begins when that is back, over %s', async (protocol) => {
    using socket = new TestSocket(server.webSocketUrl, { protocol });
    await socket.opened();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokenFor()}` } });
    const isLegacy = protocol === 'graphql-ws';
    socket.send({ id: '1', type: isLegacy ? 'start' : 'subscribe', payload: { query } });
    await inTime();
    let message = await socket.receive();
    while (message.id === undefined) message = await socket.receive();
    expect(dataOf(message)).toEqual({ prStateChanged: { repoId: 'web', prNumber: 1 } });
  });

  it('is over where its client ends it meanwhile', async () => {
    using socket = await TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
    socket.subscribe('1', query);
    await until(() => failures > 2);
    socket.send({ id: '1', type: 'complete' });
    isAway = false;
    socket.subscribe('1', query);
    expect(dataOf(await socket.receive())).toEqual({ prStateChanged: { repoId: 'web', prNumber: 1 } });
    expect(await socket.drain()).toEqual([]);
  });

  describe.each([
    ['graphql-transport-ws', 'subscribe'],
    ['graphql-ws', 'start'],
  ])('of a socket that gets another token meanwhile, over %s,', (protocol, start) => {
    const sockets: TestSocket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket[Symbol.dispose]();
    });
    const refresh = 'mutation ($token: String!) { refreshSession(token: $token) { ended } }';
    const report = async (title: string): Promise<unknown> =>
      server.run(
        'mutation ($title: String) { reportPullRequest(input: { repoId: "web", number: 1, title: $title }) { cursor } }',
        { title },
      );
    const ask = (socket: TestSocket, id: string, text: string, variables = {}): void =>
      socket.send({ id, type: start, payload: { query: text, variables } });
    /** What comes for an operation; keep-alives are for none. */
    const next = async (socket: TestSocket): Promise<Message> => {
      for (;;) {
        const message = await socket.receive();
        if (message.id !== undefined && message.type !== 'complete') return message;
      }
    };
    /** A socket that listens, before the store goes away. */
    const listening = async (token: string): Promise<TestSocket> => {
      const socket = new TestSocket(server.webSocketUrl, { protocol });
      sockets.push(socket);
      await socket.opened();
      socket.send({ type: 'connection_init', payload: { token } });
      expect((await socket.receive()).type).toBe('connection_ack');
      isAway = false;
      ask(socket, '1', query);
      expect((await next(socket)).id).toBe('1');
      isAway = true;
      failures = 0;
      return socket;
    };
    const one = (claims = {}): string => tokenFor({ sub: 'ada', projects: ['p'], ...claims });
    const ended = (count: number): object => ({
      id: '2',
      payload: { data: { refreshSession: { ended: count } } },
    });
    const refused = (message: Message, code: string): void => {
      expect(message).toMatchObject({ id: '1', type: 'error' });
      expect([message.payload].flat()).toMatchObject([{ extensions: { code } }]);
    };

    it('goes on when that is back, and has missed nothing', async () => {
      const socket = await listening(one());
      ask(socket, '2', refresh, { token: one({ projects: '*' }) });
      await inTime();
      expect(await next(socket)).toMatchObject(ended(0));
      await report('Newer');
      expect(dataOf(await next(socket))).toEqual({ prStateChanged: { repoId: 'web', prNumber: 1 } });
    });

    it('ends when that is back where the new token does not allow it', async () => {
      const socket = await listening(one());
      ask(socket, '2', refresh, { token: one({ projects: ['q'] }) });
      await inTime();
      refused(await next(socket), 'FORBIDDEN');
      expect(await next(socket)).toMatchObject(ended(1));
    });

    it('is asked for the last of several tokens', async () => {
      const socket = await listening(one());
      ask(socket, '2', refresh, { token: one({ projects: '*' }) });
      await until(() => failures > 2);
      ask(socket, '3', refresh, { token: one({ projects: ['q'] }) });
      // The first one waits for nothing any more.
      expect(await next(socket)).toMatchObject(ended(0));
      isAway = false;
      refused(await next(socket), 'FORBIDDEN');
      expect(await next(socket)).toMatchObject({ ...ended(1), id: '3' });
    });

    it('does not wait longer than the token counts that it was allowed by, but for one that allows the same', async () => {
      const [other, same] = [await listening(one({ jti: 'old' })), await listening(one({ jti: 'old' }))];
      ask(other, '2', refresh, { token: one({ projects: '*' }) });
      ask(same, '2', refresh, { token: one() });
      await until(() => failures > 4);
      await server.run('mutation { revoke(input: { tokenId: "old" }) { revocation { expiresAt } } }');
      refused(await next(other), 'STORE_UNAVAILABLE');
      expect(await next(other)).toMatchObject(ended(1));
      isAway = false;
      expect(await next(same)).toMatchObject(ended(0));
      await report('Newer');
      expect(dataOf(await next(same))).toEqual({ prStateChanged: { repoId: 'web', prNumber: 1 } });
    });
  });

  it('begins when that is back, over server-sent events, on a stream that is there already', async () => {
    const abort = new AbortController();
    const response = await openStream(server.graphqlUrl, { query, token: tokenFor() }, abort.signal);
    expect(response.status).toBe(200);
    await inTime();
    const { data } = await nextNamed(eventsOf(response.body!));
    expect(JSON.parse(data!)).toEqual({ data: { prStateChanged: { repoId: 'web', prNumber: 1 } } });
    abort.abort();
  });

  it('is over where its token is revoked meanwhile', async () => {
    const token = tokenFor({ sub: 'eve' });
    const response = await openStream(server.graphqlUrl, { query, token });
    await until(() => failures > 2);
    await server.run('mutation { revoke(input: { userId: "eve" }) { revocation { expiresAt } } }');
    const text = await response.text();
    expect(text).toContain('"code":"FORBIDDEN"');
    expect(text).toContain('event: complete');
  });

  it.each([
    ['without `complete` over server-sent events', 'text/event-stream', 'retry: 1000\n\n(:\n\n)*'],
    [
      'with an error of its transport over multipart',
      'multipart/mixed;subscriptionSpec=1.0',
      '[^]*{"payload":null,"errors":\\[{"message":"[^"]*",.*"extensions":{"code":"STORE_UNAVAILABLE"}}\\]}[^]*--\r\n',
    ],
  ])(
    'ends %s where the server stops meanwhile, so that its client comes back',
    async (_how, accept, body) => {
      const response = await fetch(server.graphqlUrl, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${tokenFor()}` },
        body: JSON.stringify({ query }),
      });
      expect(response.status).toBe(200);
      await until(() => failures > 2);
      const [text] = await Promise.all([response.text(), server[Symbol.asyncDispose]()]);
      expect(text).toMatch(new RegExp(`^${body}$`));
    },
  );
});

it('a socket that gets another token while Redis is away goes on when that is back', async () => {
  await using redis = await RedisServer.start({ config: ['appendonly yes', 'appendfsync always'] });
  await using server = await TestServer.start({
    environment: { REDIS_URL: redis.url },
    limits: { retryMs: 50 },
  });
  await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
  await server.run(publish);
  const tokens = ['p', 'q'].map((also) => tokenFor({ projects: ['p', also], scope: 'read' }));
  using socket = await TestSocket.connect(server.webSocketUrl, { token: tokens[0] });
  socket.subscribe('1', query);
  expect(dataOf(await socket.receive())).toEqual({ prStateChanged: { repoId: 'web', prNumber: 1 } });
  await redis.kill();
  await until(async () => (await fetch(`${server.url}/ready`)).status === 503);
  socket.subscribe('2', 'mutation ($token: String!) { refreshSession(token: $token) { ended } }', {
    token: tokens[1],
  });
  // It is asked for again and again by now.
  socket.subscribe('3', '{ pullRequests(repoId: "web") { nodes { number } } }');
  expect(await socket.receiveMany(2)).toMatchObject([
    { id: '3', payload: { errors: [{ extensions: { code: 'STORE_UNAVAILABLE' } }] } },
    { id: '3', type: 'complete' },
  ]);
  await redis.restart();
  expect(await socket.receiveMany(2)).toMatchObject([
    { id: '2', payload: { data: { refreshSession: { ended: 0 } } } },
    { id: '2', type: 'complete' },
  ]);
  await server.run(
    'mutation { reportPullRequest(input: { repoId: "web", number: 1, title: "Newer" }) { cursor } }',
  );
  expect(dataOf(await socket.receive())).toEqual({ prStateChanged: { repoId: 'web', prNumber: 1 } });
});
