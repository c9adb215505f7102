import type { AccessScope } from '../auth/access.ts';
import type { Kind, SubjectName } from '../events/catalogue.ts';
import type { Entry } from '../events/event.ts';
import type { Topic } from '../events/topics.ts';
import type { LogName } from '../store/store.ts';

/**
 * Where a subscription's events come from: what a Subscription field makes of its arguments and its viewer, after having
 * checked that the viewer may listen there.
 */
export interface Route {
  readonly log: LogName;
  /** The kinds wanted; `any` for all. */
  readonly kinds: readonly Kind[] | 'any';
  /** The narrowest topics that cover what is wanted. An event filed under several of them comes once. */
  readonly topics: readonly Topic[];
  /** A field of the data that has to have one of some values: looked up in the index. Null where nothing is asked of any field. */
  readonly wanted: { readonly field: string; readonly values: readonly unknown[] } | null;
  /** All that the arguments ask for, `wanted` included; evaluated once an event, whoever listens. Must not depend on the viewer. */
  readonly matches: (entry: Entry) => boolean;
  readonly scope: AccessScope;
  /** The subject whose entities are the snapshot; null where there is no state. */
  readonly snapshotOf: SubjectName | null;
  readonly start: RouteStart;
}

/** The arguments that say where in the log a subscription starts and how it is paced. They have no influence on results. */
export interface RouteStart {
  readonly after: string | null;
  readonly snapshot: boolean;
  readonly delivery: 'EVERY' | 'LATEST';
}

/** Names of the arguments in RouteStart: operations that differ in these only are shared. */
export const startArguments: ReadonlySet<string> = new Set(['after', 'snapshot', 'delivery']);

/**
 * What the `subscribe` resolver of a Subscription field returns: graphql-js wants an async iterable there, and the hub takes the route
 * out of it. Never iterated: an iterator for each subscriber is what Tidings is built to avoid.
 */
export class RoutedSubscription implements AsyncIterable<Entry> {
  readonly route: Route;

  constructor(route: Route) {
    this.route = route;
  }

  [Symbol.asyncIterator](): AsyncIterator<Entry> {
    throw new Error('Subscriptions are delivered by the hub, not iterated.');
  }
}
