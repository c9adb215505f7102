import { print } from 'graphql';
import { createClient, type Client } from 'graphql-sse';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  AnnouncementsDocument,
  StatsDocument,
  type AnnouncementsSubscription,
} from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { announce, resumesByItself, type Following } from './behaviour.ts';

const authorization = `Bearer ${tokenFor()}`;

const connect = (url: string, headers: () => Record<string, string> = () => ({})): Client =>
  createClient({
    url,
    // It is asked for again at each attempt.
    headers: () => ({ authorization, ...headers() }),
    retryAttempts: Infinity,
    retry: async () => new Promise((resolve) => setTimeout(resolve, 5)),
  });

const subscribe = (
  client: Client,
  variables: Record<string, unknown>,
  onAnnouncement: Following['onAnnouncement'],
) =>
  client.subscribe<AnnouncementsSubscription>(
    { query: print(AnnouncementsDocument), variables },
    {
      next: ({ data, errors }) => {
        onAnnouncement(data?.announcement ?? { cursor: '', message: `error: ${JSON.stringify(errors)}` });
      },
      error: (error) => onAnnouncement({ cursor: '', message: `error: ${String(error)}` }),
      complete: () => undefined,
    },
  );

describe('the graphql-sse client, with a connection for each subscription', () => {
  let server: TestServer;
  const clients: Client[] = [];

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.dispose();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const connected = (): Client => {
    const client = connect(server.graphqlUrl);
    clients.push(client);
    return client;
  };

  describe('and a getter for the cursor in the variables,', () => {
    resumesByItself(
      (proxy, { after, onAnnouncement }) => {
        const client = connect(proxy.graphqlUrl);
        let cursor = after;
        const variables = {
          get after() {
            return cursor;
          },
        };
        subscribe(client, variables, (announced) => {
          cursor = announced.cursor;
          onAnnouncement(announced);
        });
        return () => client.dispose();
      },
      { cuts: 10 },
    );
  });

  describe('and Last-Event-ID in the headers,', () => {
    resumesByItself(
      (proxy, { after, onAnnouncement }) => {
        let cursor = after;
        const client = connect(proxy.graphqlUrl, () => ({ 'last-event-id': cursor }));
        subscribe(client, {}, (announced) => {
          cursor = announced.cursor;
          onAnnouncement(announced);
        });
        return () => client.dispose();
      },
      { cuts: 10 },
    );
  });

  it('queries and publishes', async () => {
    const query = connected().iterate({ query: '{ viewer { userId } }' });
    expect(await query.next()).toEqual({ done: false, value: { data: { viewer: { userId: 'tester' } } } });
    expect((await query.next()).done).toBe(true);
    const mutation = connected().iterate({
      query: 'mutation { announce(input: { message: "over SSE" }) { duplicate } }',
    });
    expect((await mutation.next()).value).toEqual({ data: { announce: { duplicate: false } } });
  });

  it('is told what is wrong with an operation once, and does not try again', async () => {
    for (const [payload, code] of [
      [{ query: 'subscription { nonsense }' }, 'GRAPHQL_VALIDATION_FAILED'],
      [{ query: 'subscription {' }, 'GRAPHQL_PARSE_FAILED'],
      [{ query: print(AnnouncementsDocument), variables: { after: 'nonsense' } }, 'BAD_CURSOR'],
    ] as const) {
      const results = connected().iterate(payload);
      expect((await results.next()).value).toMatchObject({ errors: [{ extensions: { code } }] });
      expect((await results.next()).done).toBe(true);
    }
  });

  it('leaves nothing behind when it unsubscribes', async () => {
    const listening = async (): Promise<number> =>
      (await server.run(StatsDocument)).stats.subscriptions.reduce((sum, { count }) => sum + count, 0);
    const unsubscribe = subscribe(connected(), {}, () => undefined);
    await until(async () => (await listening()) === 1);
    unsubscribe();
    await until(async () => (await listening()) === 0);
    await announce(server, 'nobody listens');
  });
});
