import { requireScope } from '../auth/access.ts';
import { encodeCursor, type Position } from '../events/position.ts';
import { builder } from './builder.ts';
import { requestOf, type ProcessStats, type RequestContext } from './context.ts';
import { eventsLog } from './place.ts';
import { uptimeSeconds } from './viewer.ts';

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

/**
 * What the process does, for an admin.
 *
 * @throws TidingsError FORBIDDEN, STORE_UNAVAILABLE
 */
async function statsFor({
  server,
  store,
  viewer,
}: Pick<RequestContext, 'server' | 'store' | 'viewer'>): Promise<StatsFacts> {
  requireScope(viewer, 'admin');
  const name = eventsLog(viewer);
  const [stats, log, head] = await Promise.all([
    server.stats(viewer.workspace),
    store.size(name),
    store.head(name),
  ]);
  return { ...stats, uptimeSeconds: uptimeSeconds(server), log, head };
}

/** The answer to GET /stats: what the query `stats` tells, with counts as objects. */
export async function statsAsJson(context: Parameters<typeof statsFor>[0]): Promise<object> {
  const { log, head, ...stats } = await statsFor(context);
  const { delay, ...counts } = stats;
  return {
    ...counts,
    delayP50: delay?.p50 ?? null,
    delayP99: delay?.p99 ?? null,
    logEvents: log.events,
    logBytes: log.bytes,
    headCursor: encodeCursor(head),
  };
}

const Stats = builder.objectRef<StatsFacts>('Stats').implement({
  fields: (t) => ({
    uptimeSeconds: t.exposeInt('uptimeSeconds'),
    connections: t.field({ type: [Count], resolve: ({ connections }) => Object.entries(connections) }),
    subscriptions: t.field({ type: [Count], resolve: ({ subscriptions }) => Object.entries(subscriptions) }),
    transports: t.field({ type: [Count], resolve: ({ transports }) => Object.entries(transports) }),
    topics: t.field({ type: [Count], resolve: ({ topics }) => Object.entries(topics) }),
    sharedOperations: t.exposeInt('sharedOperations'),
    eventsPublished: t.exposeFloat('eventsPublished'),
    eventsSeen: t.exposeFloat('eventsSeen'),
    executions: t.exposeFloat('executions'),
    deliveries: t.exposeFloat('deliveries'),
    live: t.exposeInt('live'),
    parked: t.exposeInt('parked'),
    catchUps: t.exposeFloat('catchUps'),
    resets: t.exposeInt('resets'),
    logReads: t.exposeFloat('logReads'),
    spooled: t.exposeInt('spooled'),
    delayP50: t.float({ nullable: true, resolve: ({ delay }) => delay?.p50 ?? null }),
    delayP99: t.float({ nullable: true, resolve: ({ delay }) => delay?.p99 ?? null }),
    logEvents: t.float({ resolve: ({ log }) => log.events }),
    logBytes: t.float({ resolve: ({ log }) => log.bytes }),
    headCursor: t.field({ type: 'Cursor', resolve: ({ head }) => encodeCursor(head) }),
  }),
});

builder.queryField('stats', (t) =>
  t.field({ type: Stats, resolve: async (_root, _args, context) => statsFor(requestOf(context)) }),
);
