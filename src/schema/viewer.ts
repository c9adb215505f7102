import { requireScope } from '../auth/access.ts';
import type { Viewer as ViewerFacts } from '../auth/viewer.ts';
import { TidingsError } from '../errors.ts';
import { encodeCursor } from '../events/position.ts';
import { builder } from './builder.ts';
import { requestOf, type OpenSubscription, type ServerFacts } from './context.ts';

const SubscriptionPhase = builder.enumType('SubscriptionPhase', {
  values: ['STARTING', 'CATCHING_UP', 'LIVE', 'PARKED', 'ENDED'] as const,
});

const phases = {
  starting: 'STARTING',
  catchingUp: 'CATCHING_UP',
  live: 'LIVE',
  congested: 'PARKED',
  ended: 'ENDED',
} as const;

const ViewerSubscription = builder.objectRef<OpenSubscription>('ViewerSubscription').implement({
  fields: (t) => ({
    field: t.string({ resolve: ({ state }) => state().field }),
    transport: t.exposeString('transport'),
    topics: t.stringList({ resolve: ({ state }) => [...state().route.topics] }),
    phase: t.field({ type: SubscriptionPhase, resolve: ({ state }) => phases[state().phase] }),
    cursor: t.field({
      type: 'Cursor',
      nullable: true,
      resolve({ state }) {
        const { position } = state();
        return position === null ? null : encodeCursor(position);
      },
    }),
    delivered: t.float({ resolve: ({ state }) => state().delivered }),
    since: t.field({ type: 'DateTime', resolve: ({ since }) => new Date(since).toISOString() }),
  }),
});

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
    subscriptions: t.field({
      type: [ViewerSubscription],
      resolve(viewer, _args, context) {
        const { server, connection } = requestOf(context);
        return [...server.subscriptionsOf(viewer, connection)];
      },
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

export function uptimeSeconds({ now, startedAt }: ServerFacts): number {
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
