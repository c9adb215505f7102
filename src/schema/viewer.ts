import { requireScope } from '../auth/access.ts';
import type { Viewer as ViewerFacts } from '../auth/viewer.ts';
import { TidingsError } from '../errors.ts';
import { encodeCursor, type Position } from '../events/position.ts';
import { builder } from './builder.ts';
import { requestOf, type ProcessStats, type ServerFacts } from './context.ts';
import { eventsLog } from './place.ts';

const Viewer = builder.objectRef<ViewerFacts>('Viewer').implement({
  fields: (t) => ({
    userId: t.exposeID('userId', { nullable: true }),
    workspace: t.exposeString('workspace'),
    projects: t.idList({
      nullable: true,
      resolve: ({ projects }) => (projects === '*' ? null : [...projects]),
    }),
    scopes: t.stringList({ resolve: ({ scopes }) => [...scopes] }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ expiresAt }) => (expiresAt === null ? null : new Date(expiresAt).toISOString()),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    resolve: (_root, _args, context) => {
      const { viewer } = requestOf(context);
      requireScope(viewer, 'read');
      return viewer;
    },
  }),
);

const RefreshSessionPayload = builder
  .objectRef<{ readonly viewer: ViewerFacts; readonly ended: number }>('RefreshSessionPayload')
  .implement({
    fields: (t) => ({ viewer: t.expose('viewer', { type: Viewer }), ended: t.exposeInt('ended') }),
  });

builder.mutationField('refreshSession', (t) =>
  t.field({
    type: RefreshSessionPayload,
    args: { token: t.arg.string({ required: true }) },
    resolve: async (_root, { token }, context) => {
      const { connection } = requestOf(context);
      if (connection === null) {
        throw new TidingsError(
          'BAD_REQUEST',
          'refreshSession works only over WebSocket; send the new token with the next request.',
        );
      }
      return connection.refreshSession(token);
    },
  }),
);

function uptimeSeconds({ now, startedAt }: ServerFacts): number {
  return Math.floor((now() - startedAt) / 1_000);
}

const ServerInfo = builder.objectRef<ServerFacts>('ServerInfo').implement({
  fields: (t) => ({
    version: t.exposeString('version'),
    time: t.field({ type: 'DateTime', resolve: ({ now }) => new Date(now()).toISOString() }),
    developmentMode: t.exposeBoolean('developmentMode'),
    uptimeSeconds: t.int({ resolve: uptimeSeconds }),
  }),
});

builder.queryField('serverInfo', (t) =>
  t.field({
    type: ServerInfo,
    resolve: (_root, _args, context) => {
      const { server, viewer } = requestOf(context);
      requireScope(viewer, 'read');
      return server;
    },
  }),
);

const Count = builder.objectRef<readonly [name: string, count: number]>('Count').implement({
  fields: (t) => ({
    name: t.string({ resolve: ([name]) => name }),
    count: t.int({ resolve: ([, count]) => count }),
  }),
});

interface StatsFacts extends ProcessStats {
  readonly uptimeSeconds: number;
  readonly log: { readonly events: number; readonly bytes: number };
  readonly head: Position;
}

const Stats = builder.objectRef<StatsFacts>('Stats').implement({
  fields: (t) => ({
    uptimeSeconds: t.exposeInt('uptimeSeconds'),
    connections: t.field({ type: [Count], resolve: ({ connections }) => Object.entries(connections) }),
    subscriptions: t.field({ type: [Count], resolve: ({ subscriptions }) => Object.entries(subscriptions) }),
    sharedOperations: t.exposeInt('sharedOperations'),
    eventsSeen: t.exposeFloat('eventsSeen'),
    executions: t.exposeFloat('executions'),
    deliveries: t.exposeFloat('deliveries'),
    live: t.exposeInt('live'),
    parked: t.exposeInt('parked'),
    logReads: t.exposeFloat('logReads'),
    logEvents: t.float({ resolve: ({ log }) => log.events }),
    logBytes: t.float({ resolve: ({ log }) => log.bytes }),
    headCursor: t.field({ type: 'Cursor', resolve: ({ head }) => encodeCursor(head) }),
  }),
});

builder.queryField('stats', (t) =>
  t.field({
    type: Stats,
    resolve: async (_root, _args, context): Promise<StatsFacts> => {
      const { server, store, viewer } = requestOf(context);
      requireScope(viewer, 'admin');
      const log = eventsLog(viewer);
      const [size, head] = await Promise.all([store.size(log), store.head(log)]);
      return { ...server.stats(viewer.workspace), uptimeSeconds: uptimeSeconds(server), log: size, head };
    },
  }),
);
