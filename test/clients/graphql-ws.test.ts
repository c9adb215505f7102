import { print } from 'graphql';
import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import jwt from 'jsonwebtoken';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  AnnouncementsDocument,
  StatsDocument,
  type AnnouncementsSubscription,
} from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { announce, outlivesARestart, resumesByItself, type Follow, type Following } from './behaviour.ts';

describe('the graphql-ws client', () => {
  let server: TestServer;
  let proxy: TcpProxy;
  let client: Client | undefined;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  beforeEach(async () => {
    proxy = await TcpProxy.start(server.url);
  });
  afterEach(async () => {
    await client?.dispose();
    await proxy[Symbol.asyncDispose]();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const connect = (url: string, options: Partial<ClientOptions> = {}): Client =>
    createClient({
      url,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${tokenFor()}` },
      retryAttempts: Infinity,
      retryWait: async () => new Promise((resolve) => setTimeout(resolve, 5)),
      // Without it the client retries connections that broke, but gives up at the first one that is refused.
      shouldRetry: () => true,
      ...options,
    });

  /** The client writes the same payload anew at each connection: a getter is all it takes to continue. */
  const follow = (by: Client, { after, onAnnouncement }: Following) => {
    let cursor = after;
    const variables = {
      get after() {
        return cursor;
      },
    };
    by.subscribe<AnnouncementsSubscription>(
      { query: print(AnnouncementsDocument), variables },
      {
        next: ({ data }) => {
          cursor = data!.announcement.cursor;
          onAnnouncement(data!.announcement);
        },
        error: (error) => onAnnouncement({ cursor, message: `error: ${JSON.stringify(error)}` }),
        complete: () => undefined,
      },
    );
  };
  const followFrom = (after: string): string[] => {
    const seen: string[] = [];
    follow(client!, { after, onAnnouncement: ({ message }) => seen.push(message) });
    return seen;
  };

  const followThrough: Follow = (through, following) => {
    const own = connect(through.webSocketUrl);
    follow(own, following);
    return async () => own.dispose();
  };
  resumesByItself(followThrough, { cuts: 10 });
  outlivesARestart(followThrough);

  it('queries, publishes and subscribes over one socket', async () => {
    client = connect(proxy.webSocketUrl);
    const seen = followFrom(await announce(server, 'start'));
    const viewer = await client.iterate({ query: '{ viewer { userId } }' }).next();
    expect(viewer.value).toEqual({ data: { viewer: { userId: 'tester' } } });
    const announced = client.iterate({
      query: 'mutation { announce(input: { message: "over the socket" }) { duplicate } }',
    });
    expect((await announced.next()).value).toEqual({ data: { announce: { duplicate: false } } });
    expect((await announced.next()).done).toBe(true);
    await until(() => seen.length > 0);
    expect(seen).toEqual(['over the socket']);
    expect(proxy.accepted).toBe(1);
  });

  it('brings a new token when its own is refused or expires, and goes on', async () => {
    let skew = 0;
    await using strict = await TestServer.start({ now: () => Date.now() + skew });
    const [refused, short, long] = [strict.token({}, -10), strict.token({}, 60), strict.token({}, 600)];
    const expiresAt = (jwt.decode(short) as { exp: number }).exp * 1_000;
    const query = 'mutation ($message: String!) { announce(input: { message: $message }) { cursor } }';
    const say = async (message: string): Promise<string> =>
      (await strict.run<{ announce: { cursor: string } }, unknown>(query, { message }, { token: long }))
        .announce.cursor;
    const start = await say('start');

    const tokens = [refused, short, long];
    const codes: number[] = [];
    client = connect(strict.webSocketUrl, {
      connectionParams: () => {
        // The short one is left with a moment when it is used.
        if (tokens.length === 2) skew = expiresAt - 200 - Date.now();
        return { token: tokens.shift() };
      },
      on: { closed: (event) => codes.push((event as { code: number }).code) },
    });
    const seen = followFrom(start);
    await until(() => tokens.length === 1);
    await say('with the short one');
    await until(() => seen.length === 1);
    await until(() => tokens.length === 0);
    await say('with the long one');
    await until(() => seen.length === 2);
    expect(seen).toEqual(['with the short one', 'with the long one']);
    expect(codes).toEqual([4403, 4403]);
    await client.dispose();
  });

  it('is sent away by a server that stops with a code that it comes back from', async () => {
    const codes: number[] = [];
    const leaving = await TestServer.start();
    proxy.accept(leaving.url);
    client = connect(proxy.webSocketUrl, {
      on: { closed: (event) => codes.push((event as { code: number }).code) },
    });
    const seen = followFrom(await announce(leaving, 'start'));
    await client.iterate({ query: '{ viewer { userId } }' }).next();
    await leaving[Symbol.asyncDispose]();
    await until(() => codes.length > 0);
    expect(codes[0]).toBe(1012);
    // Another server's log can't be continued from that cursor, which the client hears because it is back.
    proxy.accept(server.url);
    await until(() => seen.length > 0);
    expect(seen[0]).toContain('CURSOR_EXPIRED');
  });

  it('is told what is wrong with one operation, while the others go on', async () => {
    client = connect(proxy.webSocketUrl);
    const seen = followFrom(await announce(server, 'start'));
    const attempt = async (query: string) => client!.iterate({ query }).next();
    await expect(attempt('subscription { nonsense }')).rejects.toMatchObject([
      { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
    ]);
    await expect(attempt('subscription {')).rejects.toMatchObject([
      { extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
    ]);
    await announce(server, 'still here');
    await until(() => seen.length > 0);
    expect(seen).toEqual(['still here']);
    expect(proxy.accepted).toBe(1);
  });

  it('leaves nothing behind when it unsubscribes', async () => {
    client = connect(proxy.webSocketUrl, { lazyCloseTimeout: 60_000 });
    const after = await announce(server, 'start');
    const results = client.iterate({ query: print(AnnouncementsDocument), variables: { after } });
    await announce(server, 'one');
    await results.next();
    await results.return!();
    await until(async () => (await server.run(StatsDocument)).stats.subscriptions.length === 0);
    expect(proxy.accepted).toBe(1);
  });
});
