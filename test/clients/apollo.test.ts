import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { AnnounceDocument, AnnouncementsDocument, StatsDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { resumeLink } from './apollo-resume.ts';
import { announce, resumesByItself, type Following } from './behaviour.ts';

describe('Apollo Client', () => {
  let server: TestServer;
  const stops: (() => void)[] = [];

  beforeAll(async () => {
    // Its link looks at the global for errors; Node has had it since 22.
    vi.stubGlobal('WebSocket', WebSocket);
    server = await TestServer.start();
  });
  afterAll(async () => {
    for (const stop of stops) stop();
    await server[Symbol.asyncDispose]();
    vi.unstubAllGlobals();
  });

  /** As its documentation has it: subscriptions over a WebSocket, all else over HTTP. */
  const connect = (urls: { readonly graphqlUrl: string; readonly webSocketUrl: string }) => {
    const authorization = `Bearer ${tokenFor()}`;
    const sockets = createClient({
      url: urls.webSocketUrl,
      webSocketImpl: WebSocket,
      connectionParams: { authorization },
      retryAttempts: Infinity,
      retryWait: async () => new Promise((resolve) => setTimeout(resolve, 5)),
      shouldRetry: () => true,
    });
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: resumeLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        new GraphQLWsLink(sockets),
        new HttpLink({ uri: urls.graphqlUrl, headers: { authorization } }),
      ),
    });
    const stop = (): void => {
      client.stop();
      sockets.terminate();
      void sockets.dispose();
    };
    return { client, stop };
  };

  const follow = (client: ApolloClient, { after, onAnnouncement }: Following) =>
    client.subscribe({ query: AnnouncementsDocument, variables: { after } }).subscribe(({ data, error }) => {
      onAnnouncement(data?.announcement ?? { cursor: after, message: `error: ${error?.message}` });
    });

  const connected = (): ApolloClient => {
    const { client, stop } = connect(server);
    stops.push(stop);
    return client;
  };

  resumesByItself(
    (proxy, following) => {
      const { client, stop } = connect(proxy);
      follow(client, following);
      return stop;
    },
    { cuts: 10 },
  );

  it('gets over its subscription what its mutation over HTTP publishes', async () => {
    const client = connected();
    const seen: string[] = [];
    const after = await announce(server, 'start');
    follow(client, { after, onAnnouncement: ({ message }) => seen.push(message) });
    const { data } = await client.mutate({
      mutation: AnnounceDocument,
      variables: { input: { message: 'by Apollo' } },
    });
    expect(data?.announce.duplicate).toBe(false);
    await until(() => seen.length > 0);
    expect(seen).toEqual(['by Apollo']);
  });

  it('queries over HTTP', async () => {
    const { data } = await connected().query({ query: StatsDocument });
    expect(data?.stats.headCursor).toEqual(expect.any(String));
  });

  it('gives the errors of queries, mutations and subscriptions with their codes', async () => {
    const client = connected();
    const codeOf = (error: unknown): unknown =>
      CombinedGraphQLErrors.is(error) ? error.errors[0]?.extensions?.['code'] : error;
    const fail = async (doing: Promise<unknown>): Promise<unknown> => doing.then(() => 'no error', codeOf);

    expect(await fail(client.query({ query: gql('{ nonsense }') }))).toBe('GRAPHQL_VALIDATION_FAILED');
    const mutation = client.mutate({
      mutation: AnnounceDocument,
      variables: { input: { message: 'x'.repeat(70_000) } },
    });
    expect(await fail(mutation)).toBe('INVALID_INPUT');
    const code = await new Promise((resolve) => {
      client
        .subscribe({ query: AnnouncementsDocument, variables: { after: 'nonsense' } })
        .subscribe({ next: ({ error }) => resolve(codeOf(error)), error: (error) => resolve(codeOf(error)) });
    });
    expect(code).toBe('BAD_CURSOR');
  });
});
