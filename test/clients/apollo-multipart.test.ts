import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { RetryLink } from '@apollo/client/link/retry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AnnounceDocument, AnnouncementsDocument, StatsDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { resumeLink } from './apollo-resume.ts';
import { announce, outlivesARestart, resumesByItself, type Follow, type Following } from './behaviour.ts';

describe('Apollo Client without a WebSocket', () => {
  let server: TestServer;
  const clients: ApolloClient[] = [];

  beforeAll(async () => {
    server = await TestServer.start({ limits: { pingMs: 20 } });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.stop();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  /** Its HttpLink asks for multipart subscriptions by itself; RetryLink makes it come back. */
  const connect = (uri: string, token = tokenFor()): ApolloClient => {
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: resumeLink
        .concat(new RetryLink({ delay: () => 5, attempts: () => true }))
        .concat(new HttpLink({ uri, headers: { authorization: `Bearer ${token}` } })),
    });
    clients.push(client);
    return client;
  };
  const follow = (client: ApolloClient, { after, onAnnouncement }: Following) =>
    client.subscribe({ query: AnnouncementsDocument, variables: { after } }).subscribe(({ data, error }) => {
      onAnnouncement(data?.announcement ?? { cursor: after, message: `error: ${error?.message}` });
    });

  const followThrough: Follow = (proxy, following) => {
    const subscription = follow(connect(proxy.graphqlUrl), following);
    return () => subscription.unsubscribe();
  };
  resumesByItself(followThrough, { cuts: 10 });
  outlivesARestart(followThrough);

  it('subscribes, queries and publishes over HTTP, and is not disturbed by heartbeats', async () => {
    const client = connect(server.graphqlUrl);
    const seen: string[] = [];
    const after = await announce(server, 'start');
    const subscription = follow(client, { after, onAnnouncement: ({ message }) => seen.push(message) });
    for (const message of ['one', 'two']) {
      const { data } = await client.mutate({ mutation: AnnounceDocument, variables: { input: { message } } });
      expect(data?.announce.duplicate).toBe(false);
      await until(() => seen.at(-1) === message);
    }
    const { data } = await client.query({ query: StatsDocument });
    expect(data?.stats.connections).toContainEqual(
      expect.objectContaining({ name: 'multipart', count: 1 }) as unknown,
    );
    expect(seen).toEqual(['one', 'two']);
    subscription.unsubscribe();
    await until(async () => (await server.run(StatsDocument)).stats.subscriptions.length === 0);
  });

  it.each([
    ['subscription { nonsense }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription { announcement(after: "nonsense") { cursor } }', 'BAD_CURSOR'],
    ['subscription { projectUpdated(projectId: "two") { cursor } }', 'FORBIDDEN'],
  ])('gets the error of %s with its code, and does not ask again', async (query, code) => {
    const client = connect(server.graphqlUrl, tokenFor({ projects: ['one'], scope: 'read' }));
    const results: unknown[] = [];
    await new Promise<void>((resolve) => {
      client.subscribe({ query: gql(query) }).subscribe({
        next: ({ error }) =>
          results.push(
            CombinedGraphQLErrors.is(error)
              ? error.errors.map(({ extensions }) => extensions?.['code'])
              : error,
          ),
        complete: resolve,
      });
    });
    expect(results).toEqual([[code]]);
  });
});
