import {
  Client,
  CombinedError,
  fetchExchange,
  subscriptionExchange,
  type ExecutionResult,
  type OperationResult,
} from '@urql/core';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { AnnounceDocument, AnnouncementsDocument, StatsDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { announce, resumesByItself, type Following } from './behaviour.ts';

interface Urls {
  readonly graphqlUrl: string;
  readonly webSocketUrl: string;
}

const fetchOptions = (): RequestInit => ({ headers: { authorization: `Bearer ${tokenFor()}` } });

/** As its documentation has it, with a getter for the cursor to continue behind. */
function overWebSocket({ graphqlUrl, webSocketUrl }: Urls) {
  const sockets = createClient({
    url: webSocketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { token: tokenFor() },
    retryAttempts: Infinity,
    retryWait: async () => new Promise((resolve) => setTimeout(resolve, 5)),
    shouldRetry: () => true,
  });
  const client = new Client({
    url: graphqlUrl,
    preferGetMethod: false,
    fetchOptions,
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => {
            let cursor: unknown = variables?.['after'];
            const payload = {
              query,
              variables: {
                ...variables,
                get after() {
                  return cursor;
                },
              },
            };
            const unsubscribe = sockets.subscribe<Record<string, { cursor?: string }>>(payload, {
              next: (result) => {
                cursor = Object.values(result.data ?? {})[0]?.cursor ?? cursor;
                sink.next(result as ExecutionResult);
              },
              error: (error) => sink.error(error),
              complete: () => sink.complete(),
            });
            return { unsubscribe };
          },
        }),
      }),
    ],
  });
  return { client, leave: () => sockets.terminate() };
}

/** Returns what ends it. */
function follow(client: Client, { after, onAnnouncement }: Following): () => void {
  const subscription = client.subscription(AnnouncementsDocument, { after }).subscribe(({ data, error }) => {
    onAnnouncement(data?.announcement ?? { cursor: after, message: `error: ${error?.message}` });
  });
  return () => subscription.unsubscribe();
}

describe('urql', () => {
  let server: TestServer;
  const ends: (() => void)[] = [];

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(async () => {
    for (const end of ends) end();
    await server[Symbol.asyncDispose]();
  });

  describe.each([
    ['over a WebSocket', () => overWebSocket(server).client],
    [
      'over server-sent events',
      () =>
        new Client({
          url: server.graphqlUrl,
          preferGetMethod: false,
          fetchOptions,
          fetchSubscriptions: true,
          exchanges: [fetchExchange],
        }),
    ],
  ])('%s', (_name, connect) => {
    it('gets with its subscription what its mutation publishes, in order', async () => {
      const client = connect();
      const seen: string[] = [];
      const after = await announce(server, 'start');
      ends.push(follow(client, { after, onAnnouncement: ({ message }) => seen.push(message) }));
      for (const message of ['one', 'two', 'three — 🎉']) {
        const { data, error } = await client.mutation(AnnounceDocument, { input: { message } });
        expect(error).toBeUndefined();
        expect(data?.announce.duplicate).toBe(false);
      }
      await until(() => seen.length >= 3);
      expect(seen).toEqual(['one', 'two', 'three — 🎉']);
    });

    it('queries', async () => {
      const { data } = await connect().query(StatsDocument, {});
      expect(data?.stats.headCursor).toEqual(expect.any(String));
    });

    it('is told what ends its subscription', async () => {
      const result = await new Promise<OperationResult>((resolve) => {
        connect().subscription(AnnouncementsDocument, { after: 'nonsense' }).subscribe(resolve);
      });
      expect(result.error).toBeInstanceOf(CombinedError);
      expect(result.error?.graphQLErrors[0]?.extensions['code']).toBe('BAD_CURSOR');
    });

    it('leaves nothing behind when it unsubscribes', async () => {
      const listening = async (): Promise<number> =>
        (await server.run(StatsDocument)).stats.subscriptions.reduce((sum, { count }) => sum + count, 0);
      for (const end of ends.splice(0)) end();
      await until(async () => (await listening()) === 0);
      const subscription = connect()
        .subscription(AnnouncementsDocument, {})
        .subscribe(() => undefined);
      await until(async () => (await listening()) === 1);
      subscription.unsubscribe();
      await until(async () => (await listening()) === 0);
    });
  });

  resumesByItself(
    (proxy, following) => {
      const { client, leave } = overWebSocket(proxy);
      const unsubscribe = follow(client, following);
      return () => {
        unsubscribe();
        leave();
      };
    },
    { cuts: 10 },
  );
});
