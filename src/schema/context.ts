import type { Revocations } from '../auth/revocations.ts';
import type { Viewer } from '../auth/viewer.ts';
import type { Presence } from '../presence/presence.ts';
import type { Publisher } from '../publishing/publisher.ts';
import type { EventStore } from '../store/store.ts';

/** What the resolvers of queries, mutations and `subscribe` work with. */
export interface RequestContext {
  readonly viewer: Viewer;
  readonly store: EventStore;
  readonly publisher: Publisher;
  readonly presence: Presence;
  readonly revocations: Pick<Revocations, 'revoke' | 'lift' | 'list'>;
  readonly server: ServerFacts;
  /** The WebSocket connection that the operation came in on; null over HTTP. */
  readonly connection: ConnectionContext | null;
}

export interface ConnectionContext {
  readonly id: string;
  /**
   * Puts the viewer of a new token in the place of the old one, for every operation of the connection.
   *
   * @throws TidingsError UNAUTHENTICATED, FORBIDDEN when the token is for another workspace
   */
  refreshSession(token: string): Promise<{ readonly viewer: Viewer; readonly ended: number }>;
}

/** What the server tells about itself. */
export interface ServerFacts {
  readonly version: string;
  readonly developmentMode: boolean;
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  stats(workspace: string): ProcessStats;
}

export interface ProcessStats {
  readonly connections: Readonly<Record<string, number>>;
  readonly subscriptions: Readonly<Record<string, number>>;
  readonly sharedOperations: number;
  readonly eventsSeen: number;
  readonly executions: number;
  readonly deliveries: number;
  readonly live: number;
  readonly parked: number;
  readonly logReads: number;
}

/** What the fields of events are resolved with: nothing, so that what a payload shows can't depend on who looks. */
export interface EventContext {
  readonly viewer?: never;
}

export type Context = RequestContext | EventContext;

/** The request's context. Throws in the execution of an event, where there is none. */
export function requestOf(context: Context): RequestContext {
  if (context.viewer === undefined) throw new Error('An event was resolved with a look at its viewer.');
  return context;
}
