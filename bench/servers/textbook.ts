/**
 * GraphQL subscriptions as the handbooks show them: GraphQL Yoga, graphql-ws, and an async iterator of graphql-redis-subscriptions for each
 * subscriber, with `withFilter`. What goes through Redis elsewhere is handed on in the process, as the text that Redis would carry: that only
 * spares this server work. It checks no tokens, keeps nothing, and what happens while a client is away is lost.
 */
import { RedisPubSub } from 'graphql-redis-subscriptions';
import { withFilter } from 'graphql-subscriptions';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** As much of a Redis client as the library uses. */
class Loopback extends EventEmitter {
  publish(channel: string, message: string): Promise<number> {
    setImmediate(() => this.emit('message', channel, message));
    return Promise.resolve(1);
  }
  subscribe(_channel: string, done: (error: null) => void): void {
    setImmediate(done, null);
  }
  unsubscribe(): void {}
  punsubscribe(): void {}
}

interface State {
  readonly repoId: string;
  readonly number: number;
  readonly author: string;
}

const loopback = new Loopback() as never;
const pubsub = new RedisPubSub({ publisher: loopback, subscriber: loopback });

const yoga = createYoga({
  logging: false,
  schema: createSchema({
    typeDefs: `
      enum PullRequestState { OPEN CLOSED MERGED }
      enum StatusState { PENDING SUCCESS FAILURE }
      scalar Cursor
      type PullRequest { title: String body: String author: String headRef: String pipelineState: StatusState }
      type PrStateChange { repoId: ID! prNumber: Int! state: PullRequestState! pullRequest: PullRequest! }
      input PullRequestInput {
        repoId: ID! number: Int! title: String body: String author: String headRef: String pipelineState: StatusState state: PullRequestState!
      }
      type Query { ok: Boolean }
      type Mutation { publish(events: [PullRequestInput!]!): Boolean }
      type Subscription { prStateChanged(repoId: ID!, author: String, after: Cursor): PrStateChange! }
    `,
    resolvers: {
      Mutation: {
        publish: async (_root, { events }: { events: State[] }) => {
          for (const event of events) await pubsub.publish(`repo:${event.repoId}`, event);
          return true;
        },
      },
      Subscription: {
        prStateChanged: {
          subscribe: withFilter<State, { repoId: string; author?: string | null }>(
            (_root, args) => pubsub.asyncIterableIterator(`repo:${args?.repoId}`),
            (event, args) => typeof args?.author !== 'string' || event?.author === args.author,
          ) as never,
          resolve: ({ number, repoId, ...pullRequest }: State) => ({
            repoId,
            prNumber: number,
            ...pullRequest,
            pullRequest,
          }),
        },
      },
    },
  }),
});

// The load posts after pauses: a connection that is closed just then would end the measurement.
const server = createServer(
  { keepAliveTimeout: 60_000 },
  (request, response) => void yoga(request, response),
);
const webSockets = new WebSocketServer({ server, path: '/graphql' });
useServer(
  {
    // As Yoga's documentation says.
    execute: (args) => (args.rootValue as { execute: (args: unknown) => never }).execute(args),
    subscribe: (args) => (args.rootValue as { subscribe: (args: unknown) => never }).subscribe(args),
    onSubscribe: async (context, _id, { query, operationName, variables }) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params: { query, operationName, variables },
      });
      const args = {
        schema,
        operationName,
        document: parse(query),
        variableValues: variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  webSockets,
);
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
