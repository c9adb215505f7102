import type { Revocations } from '../auth/revocations.ts';
import type { Viewer } from '../auth/viewer.ts';
import type { Limits } from '../limits/limits.ts';
import type { Presence } from '../presence/presence.ts';
import type { Subscription } from '../hub/subscription.ts';
import type { Publisher } from '../publishing/publisher.ts';
import type { EventStore } from '../store/store.ts';
import type { AnswerSize } from './answer-size.ts';

/** What the resolvers of queries, mutations and `subscribe` work with. */
export interface RequestContext {
  readonly viewer: Viewer;
  readonly store: EventStore;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly presence: Presence;
  readonly revocations: Pick<Revocations, 'revoke' | 'lift' | 'list'>;
  readonly limits: Pick<Limits, 'publish'>;
  /** Of what the operation is answered. */
  readonly answerSize: AnswerSize;
  readonly server: ServerFacts;
  /** The WebSocket connection that the operation came in on; null over HTTP. */
  readonly connection: ConnectionContext | null;
  readonly via: Via;
}

export type Transport = 'http' | 'websocket' | 'websocket-legacy' | 'sse' | 'multipart';

/** How a request came in. */
export interface Via {
  readonly transport: Transport;
  /** X-Request-Id of the HTTP request, or of the one that the WebSocket began with. */
  readonly requestId: string | null;
}

export interface ConnectionContext {
  readonly id: string;
  /** Who is behind it now. */
  readonly viewer: Viewer;
  /**
   * Puts the viewer of a new token in the place of the old one, for every operation of the connection.
   *
   * @throws TidingsError UNAUTHENTICATED, RATE_LIMITED, FORBIDDEN when the token is for another workspace
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
  /** What the process does, for the admins of a workspace. */
  stats(workspace: string): Promise<ProcessStats>;
  /** The running subscriptions of whoever asks. */
  subscriptionsOf(viewer: Viewer, connection: ConnectionContext | null): readonly OpenSubscription[];
}

/** A running subscription, with how it came in. */
export interface OpenSubscription {
  readonly transport: Transport;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly state: Subscription['state'];
}

type Counts = Readonly<Record<string, number>>;

export interface ProcessStats {
  /** By transport. */
  readonly connections: Counts;
  /** Of the workspace, by field, by transport and by topic. */
  readonly subscriptions: Counts;
  readonly transports: Counts;
  readonly topics: Counts;
  readonly sharedOperations: number;
  /** Written by this process. */
  readonly eventsPublished: number;
  /** That came to this process, whoever wrote them. */
  readonly eventsSeen: number;
  readonly executions: number;
  readonly deliveries: number;
  readonly live: number;
  readonly parked: number;
  readonly catchUps: number;
  readonly resets: number;
  readonly logReads: number;
  /** Webhooks that wait for the store. */
  readonly spooled: number;
  /** From publishing to the sockets, in milliseconds, over the last five minutes; null where nothing was delivered. */
  readonly delay: { readonly p50: number; readonly p99: number } | null;
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
