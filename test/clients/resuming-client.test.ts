import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient as createPlainClient, type Client, type ClientOptions } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../src/client/client.ts';
import { StatsDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { announce, outlivesARestart, resumesByItself, type Follow } from './behaviour.ts';

// Neither selects a cursor, nor changes from one connection to the next.
const query = 'subscription ($after: Cursor) { announcement(after: $after) { message } }';

describe('the client of tidings/client', () => {
  let server: TestServer;
  let proxy: TcpProxy;
  let client: Client | undefined;

  beforeAll(async () => {
    vi.stubGlobal('WebSocket', WebSocket);
    server = await TestServer.start({ limits: { pingMs: 500 } });
  });
  beforeEach(async () => {
    proxy = await TcpProxy.start(server.url);
  });
  afterEach(async () => {
    await client?.dispose();
    await proxy[Symbol.asyncDispose]();
    await until(async () => (await server.run(StatsDocument)).stats.live === 0);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    vi.unstubAllGlobals();
  });

  const connect = (url: string, options: Partial<ClientOptions> = {}): Client =>
    createClient({
      url,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${tokenFor()}` },
      retryAttempts: Infinity,
      retryWait: async () => new Promise((resolve) => setTimeout(resolve, 5)),
      shouldRetry: () => true,
      ...options,
    });
  const isListening = async (): Promise<void> =>
    until(async () => (await server.run(StatsDocument)).stats.live === 1);

  /** What it was given, as it was given. */
  const listen = (by: Client): unknown[] => {
    const given: unknown[] = [];
    by.subscribe(
      { query: 'subscription { announcement { message } }' },
      {
        next: (result) => given.push(result),
        error: (error) => given.push(error),
        complete: () => given.push('complete'),
      },
    );
    return given;
  };

  const follow: Follow = (through, { after, onAnnouncement }) => {
    const own = connect(through.webSocketUrl);
    own.subscribe<{ announcement: { message: string } }>(
      { query, variables: { after } },
      {
        next: ({ data }) => onAnnouncement({ cursor: after, message: data!.announcement.message }),
        error: (error) => onAnnouncement({ cursor: after, message: `error: ${JSON.stringify(error)}` }),
        complete: () => undefined,
      },
    );
    return async () => own.dispose();
  };
  resumesByItself(follow, { cuts: 10 });
  outlivesARestart(follow);

  describe('under Apollo Client', () => {
    const followWithApollo: Follow = (through, { after, onAnnouncement }) => {
      const own = connect(through.webSocketUrl);
      const apollo = new ApolloClient({ link: new GraphQLWsLink(own), cache: new InMemoryCache() });
      const results = apollo.subscribe<{ announcement: { message: string } }>({
        query: gql(query),
        variables: { after },
        fetchPolicy: 'no-cache',
      });
      const subscription = results.subscribe(({ data, error }) =>
        onAnnouncement({ cursor: after, message: data?.announcement.message ?? `error: ${error?.message}` }),
      );
      return async () => {
        subscription.unsubscribe();
        await own.dispose();
      };
    };
    resumesByItself(followWithApollo, { cuts: 5 });
  });

  it('misses nothing, although its connection breaks before it has got anything', async () => {
    client = connect(proxy.webSocketUrl);
    const given = listen(client);
    await isListening();
    proxy.refuse();
    await announce(server, 'while away');
    await until(() => proxy.refused > 0);
    proxy.accept();
    await announce(server, 'when back');
    await until(() => given.length >= 2);
    const expected = ['while away', 'when back'].map((message) => ({ data: { announcement: { message } } }));
    expect(given).toEqual(expected);
  });

  it('is given what a plain client is given, and nothing in between', async () => {
    const wire: { readonly type: string; readonly payload?: Record<string, unknown> }[] = [];
    class Recorded extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        this.on('message', (data) => wire.push(JSON.parse((data as Buffer).toString()) as (typeof wire)[0]));
      }
    }
    client = connect(proxy.webSocketUrl, { webSocketImpl: Recorded });
    const plain = createPlainClient({
      url: proxy.webSocketUrl,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${tokenFor()}` },
    });
    const [given, expected] = [listen(client), listen(plain)];
    await until(async () => (await server.run(StatsDocument)).stats.live === 2);
    // It doesn't hear of this, but of how far the log has come: else it would be too far behind one day.
    await server.run('mutation { notify(input: { userId: "else", title: "hush" }) { cursor } }');
    const { headCursor } = (await server.run(StatsDocument)).stats;
    const place = { extensions: { cursor: headCursor } };
    await until(() => wire.some(({ payload }) => JSON.stringify(payload) === JSON.stringify(place)));
    await announce(server, 'hello');
    await until(() => given.length > 0 && expected.length > 0);
    expect(given).toEqual(expected);
    await plain.dispose();
  });

  it('leaves alone what looks like the protocol in what it sends and is given', async () => {
    const odd = {
      '': { type: 'next', id: 'elsewhere', payload: { extensions: { cursor: 'none of ours' } } },
      nested: { '': null, list: [{ '': { type: 'complete', id: 'own' } }, { '': { type: 'subscribe' } }] },
    };
    let ids = 0;
    client = connect(proxy.webSocketUrl, { generateID: () => `own${ids++}` });
    const given: unknown[] = [];
    const ask = (payload: { query: string; variables?: Record<string, unknown> }, by = client): void =>
      void by!.subscribe(payload, {
        next: (result) => given.push(result),
        error: (error) => given.push(error),
        complete: () => given.push('complete'),
      });
    ask({ query: 'subscription { projectUpdated(projectId: "odd") { project { metadata } } }' });
    await isListening();
    const mutation = `mutation ($metadata: JSON) {
      upsertProject(input: { id: "odd", name: "Odd", metadata: $metadata }) { project { metadata } }
    }`;
    ask({ query: mutation, variables: { metadata: odd } });
    await until(() => given.length === 3);
    expect(given).toContainEqual({ data: { projectUpdated: { project: { metadata: odd } } } });
    expect(given).toContainEqual({ data: { upsertProject: { project: { metadata: odd } } } });
    expect(given).toContain('complete');
  });

  it('is told when its snapshot begins anew, although nothing is left to show', async () => {
    client = connect(proxy.webSocketUrl);
    const given: unknown[] = [];
    client.subscribe(
      { query: 'subscription { projectUpdated(projectId: "p", snapshot: true) { reason } }' },
      {
        next: (result) => given.push(result),
        error: (error) => given.push(error),
        complete: () => undefined,
      },
    );
    const create = async (on: TestServer) => on.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
    await isListening();
    await create(server);
    await until(() => given.length === 1);
    await using other = await TestServer.start();
    proxy.accept(other.url);
    proxy.cut();
    await until(() => given.length === 2);
    await create(other);
    await until(() => given.length === 3);
    const created = { data: { projectUpdated: { reason: 'REPORTED' } } };
    expect(given).toMatchObject([
      created,
      {
        data: null,
        errors: [{ extensions: { code: 'CURSOR_EXPIRED', reason: 'epoch' } }],
        extensions: { restarted: { reason: 'epoch' } },
      },
      created,
    ]);
    expect(given[2]).toEqual(created);
    await client.dispose();
  });

  it('is told when the log does not reach back to where it was', async () => {
    client = connect(proxy.webSocketUrl);
    const given = listen(client);
    await isListening();
    await announce(server, 'here');
    await until(() => given.length === 1);
    await using other = await TestServer.start();
    proxy.accept(other.url);
    proxy.cut();
    await until(() => given.length === 2);
    expect(given[1]).toMatchObject([{ extensions: { code: 'CURSOR_EXPIRED' } }]);
  });
});
