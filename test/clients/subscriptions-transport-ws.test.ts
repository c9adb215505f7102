import { print } from 'graphql';
import { SubscriptionClient, type ClientOptions } from 'subscriptions-transport-ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  AnnounceDocument,
  AnnouncementsDocument,
  StatsDocument,
  type AnnouncementsSubscription,
} from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { announce, outlivesARestart, resumesByItself, type Follow, type Following } from './behaviour.ts';

describe('the client of subscriptions-transport-ws', () => {
  let server: TestServer;
  let proxy: TcpProxy;
  const clients: SubscriptionClient[] = [];

  beforeAll(async () => {
    server = await TestServer.start();
  });
  beforeEach(async () => {
    proxy = await TcpProxy.start(server.url);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await proxy[Symbol.asyncDispose]();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const connect = (url: string, options: ClientOptions = {}): SubscriptionClient => {
    const connectionParams = { authToken: tokenFor() };
    const client = new SubscriptionClient(url, { reconnect: true, connectionParams, ...options }, WebSocket);
    clients.push(client);
    return client;
  };

  /** The client writes the same request anew at each connection: a getter is all it takes to continue. */
  const follow = (client: SubscriptionClient, { after, onAnnouncement }: Following): (() => void) => {
    let cursor = after;
    const variables = {
      get after() {
        return cursor;
      },
    };
    const { unsubscribe } = client.request({ query: print(AnnouncementsDocument), variables }).subscribe({
      next: ({ data }) => {
        const { announcement } = data as AnnouncementsSubscription;
        cursor = announcement.cursor;
        onAnnouncement(announcement);
      },
      error: (error) => onAnnouncement({ cursor, message: `error: ${error.message}` }),
      complete: () => onAnnouncement({ cursor, message: 'complete' }),
    });
    return unsubscribe;
  };

  const followThrough: Follow = (through, following) => {
    const client = connect(through.webSocketUrl);
    follow(client, following);
    return () => client.close();
  };
  resumesByItself(followThrough, { cuts: 5 });
  outlivesARestart(followThrough);

  /** All results of an operation, and with what it ended. */
  const ran = async (client: SubscriptionClient, query: string, variables = {}) =>
    new Promise<{ results: unknown[]; error?: unknown }>((resolve) => {
      const results: unknown[] = [];
      client.request({ query, variables }).subscribe({
        next: (result) => results.push(result),
        error: (error) => resolve({ results, error }),
        complete: () => resolve({ results }),
      });
    });

  it('queries, publishes and subscribes over one socket', async () => {
    const client = connect(proxy.webSocketUrl);
    const seen: string[] = [];
    follow(client, {
      after: await announce(server, 'start'),
      onAnnouncement: ({ message }) => seen.push(message),
    });
    const published = await ran(client, print(AnnounceDocument), { input: { message: 'over the socket' } });
    expect(published.results).toMatchObject([{ data: { announce: { duplicate: false } } }]);
    await until(() => seen.length > 0);
    expect(await ran(client, '{ viewer { userId } }')).toEqual({
      results: [{ data: { viewer: { userId: 'tester' } } }],
    });
    expect(seen).toEqual(['over the socket']);
    expect(proxy.accepted).toBe(1);
  });

  it('is told with code and message what is wrong with an operation, and its others go on', async () => {
    const client = connect(proxy.webSocketUrl, {
      connectionParams: { authToken: tokenFor({ projects: ['one'], scope: 'read' }) },
    });
    const seen: string[] = [];
    follow(client, {
      after: await announce(server, 'start'),
      onAnnouncement: ({ message }) => seen.push(message),
    });
    for (const [query, code] of [
      ['subscription {', 'GRAPHQL_PARSE_FAILED'],
      ['{ nonsense rubbish }', 'GRAPHQL_VALIDATION_FAILED'],
      ['subscription { projectUpdated(projectId: "two") { cursor } }', 'FORBIDDEN'],
      ['subscription { announcement(after: "nonsense") { cursor } }', 'BAD_CURSOR'],
    ] as const) {
      expect(await ran(client, query)).toMatchObject({
        results: [],
        error: { message: expect.any(String) as string, extensions: { code } },
      });
    }
    await announce(server, 'still here');
    await until(() => seen.length > 0);
    expect(seen).toEqual(['still here']);
    expect(proxy.accepted).toBe(1);
  });

  it('is told why it is not let in', async () => {
    const refusal = await new Promise((resolve) => {
      connect(proxy.webSocketUrl, {
        reconnect: false,
        connectionParams: { authToken: 'nonsense' },
        connectionCallback: (error) => resolve(error),
      });
    });
    expect(refusal).toMatchObject({
      message: 'A valid token is required.',
      extensions: { code: 'UNAUTHENTICATED' },
    });
  });

  it('leaves nothing behind when it unsubscribes', async () => {
    const client = connect(proxy.webSocketUrl);
    const seen: string[] = [];
    const unsubscribe = follow(client, {
      after: await announce(server, 'start'),
      onAnnouncement: ({ message }) => seen.push(message),
    });
    await announce(server, 'one');
    await until(() => seen.length > 0);
    unsubscribe();
    await until(async () => (await server.run(StatsDocument)).stats.subscriptions.length === 0);
    expect(seen).toEqual(['one']);
  });
});
