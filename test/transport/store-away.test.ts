import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeUnavailable } from '../../src/store/store.ts';
import { UpsertProjectDocument } from '../generated/operations.ts';
import { altered } from '../support/altered-store.ts';
import { eventsOf, nextNamed, openStream } from '../support/event-stream.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
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
