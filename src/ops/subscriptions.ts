import type { Viewer } from '../auth/viewer.ts';
import type { Subscription } from '../hub/subscription.ts';
import type { ConnectionContext, OpenSubscription, RequestContext, Transport } from '../schema/context.ts';

type Counts = Record<string, number>;

interface Open {
  readonly transport: Transport;
  readonly since: number;
  /** On a WebSocket it is whoever is behind that now. */
  readonly startedBy: Viewer;
  readonly connection: ConnectionContext | null;
}

/** So many topics are told of, those with the most subscriptions. */
const MOST_TOPICS = 100;

/** The running subscriptions of this process, with how each came in. */
export class Subscriptions {
  readonly #open = new Map<Subscription, Open>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(subscription: Subscription, { viewer, connection, via }: RequestContext): void {
    const { transport } = via;
    this.#open.set(subscription, { transport, since: this.#now(), startedBy: viewer, connection });
  }

  remove(subscription: Subscription): void {
    this.#open.delete(subscription);
  }

  /** All of the same user; without one, those of the connection. */
  of(viewer: Viewer, connection: ConnectionContext | null): OpenSubscription[] {
    const theirs = [...this.#open].filter(([, open]) => {
      const owner = ownerOf(open);
      if (owner.userId === null || viewer.userId === null)
        return connection !== null && open.connection === connection;
      return owner.workspace === viewer.workspace && owner.userId === viewer.userId;
    });
    return theirs.map(([subscription, { transport, since }]) => ({
      transport,
      since,
      state: () => subscription.state(),
    }));
  }

  /** How many there are, for metrics. */
  *byTransportAndField(): Iterable<{
    readonly transport: Transport;
    readonly field: string;
    readonly count: number;
  }> {
    const counts = new Map<string, { transport: Transport; field: string; count: number }>();
    for (const [subscription, { transport }] of this.#open) {
      const { field } = subscription.state();
      const key = `${transport} ${field}`;
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { transport, field, count: 1 });
      else known.count++;
    }
    yield* counts.values();
  }

  /** How many of a workspace there are by transport, and by topic. */
  counts(workspace: string): { readonly transports: Counts; readonly topics: Counts } {
    const transports: Counts = {};
    const topics = new Map<string, number>();
    for (const [subscription, { transport }] of this.#open) {
      const { route } = subscription.state();
      if (route.log.workspace !== workspace) continue;
      transports[transport] = (transports[transport] ?? 0) + 1;
      for (const topic of route.topics) topics.set(topic, (topics.get(topic) ?? 0) + 1);
    }
    const most = [...topics].toSorted(([, a], [, b]) => b - a).slice(0, MOST_TOPICS);
    return { transports, topics: Object.fromEntries(most) };
  }
}

function ownerOf({ startedBy, connection }: Open): Viewer {
  return connection?.viewer ?? startedBy;
}
