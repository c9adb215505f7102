import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { requireScope } from '../auth/access.ts';
import type { Viewer } from '../auth/viewer.ts';
import { batchPlan } from '../publishing/batch.ts';
import type { Published, PublishRequest } from '../publishing/publisher.ts';
import { stableId } from '../publishing/report.ts';
import { readCloudEvents, type ReceivedEvent } from './cloudevents.ts';

export interface CloudEventsReceiverDeps {
  /** @throws TidingsError UNAUTHENTICATED, AUTH_UNAVAILABLE */
  readonly viewerOf: (headers: IncomingHttpHeaders) => Promise<Viewer>;
  /**
   * Passes where anything of the viewer could pass now.
   *
   * @throws TidingsError RATE_LIMITED
   */
  readonly check: (viewer: Viewer) => Promise<void>;
  /**
   * Lets so many events of the viewer pass.
   *
   * @throws TidingsError RATE_LIMITED
   */
  readonly admit: (viewer: Viewer, events: number) => Promise<void>;
  /** Resolves when the events are durable. */
  readonly publish: (
    request: PublishRequest,
    headers: IncomingHttpHeaders,
    /** The trace of the events, where they are all of one. */
    traceparent: string | undefined,
  ) => Promise<Published>;
  /** Whether something was published with an idempotency key. */
  readonly isKnown: (workspace: string, key: string) => Promise<boolean>;
}

/** What came of a request. */
export interface CloudEventsReceipt {
  /** Written by this request. */
  readonly events: number;
  /** Written before, within 7 days. */
  readonly duplicates: number;
  /** Behind the last one written; null where none was. */
  readonly cursor: string | null;
}

/** Takes CloudEvents of services that have a token to publish with. */
export class CloudEventsReceiver {
  readonly #deps: CloudEventsReceiverDeps;

  constructor(deps: CloudEventsReceiverDeps) {
    this.#deps = deps;
  }

  /**
   * Takes one request. Of its events, all that were not there before are written, or none.
   *
   * @throws TidingsError nothing was written. Where the code is one to retry, the service sends the same again: nothing is spooled
   */
  async receive(headers: IncomingHttpHeaders, body: () => Promise<Buffer>): Promise<CloudEventsReceipt> {
    // First of all: whoever may not publish learns nothing more, and nothing is read of it.
    const viewer = await this.#deps.viewerOf(headers);
    requireScope(viewer, 'publish');
    await this.#deps.check(viewer);
    const received = readCloudEvents(headers, await body());
    await this.#deps.admit(viewer, received.length);
    const byKey = new Map<string, ReceivedEvent>();
    for (const event of received) {
      const key = keyOf(viewer, event);
      if (!byKey.has(key)) byKey.set(key, event);
    }
    for (;;) {
      const published = await this.#publish(viewer, byKey, headers);
      if (!published.duplicate) {
        const { cursors } = published;
        return {
          events: cursors.length,
          duplicates: received.length - byKey.size,
          cursor: cursors.at(-1) ?? null,
        };
      }
      // Some are known, and the store took none of the others: they go again without those.
      const keys = [...byKey.keys()];
      const known = await Promise.all(keys.map((key) => this.#deps.isKnown(viewer.workspace, key)));
      for (const [index, key] of keys.entries()) if (known[index] === true) byKey.delete(key);
      if (byKey.size === 0) return { events: 0, duplicates: received.length, cursor: null };
    }
  }

  async #publish(
    viewer: Viewer,
    byKey: ReadonlyMap<string, ReceivedEvent>,
    headers: IncomingHttpHeaders,
  ): Promise<Published> {
    const events = [...byKey.values()];
    const plan = batchPlan(
      events.map(({ report }) => report),
      {
        userId: viewer.userId,
        idOf: (index) => stableId([viewer.workspace, viewer.userId, ...events[index]!.identity]),
        pathOf: (index) => events[index]!.path,
      },
    );
    const idempotencyKeys = [...byKey.keys()];
    const request = { publishedBy: viewer, source: 'cloudevents', plan, idempotencyKeys };
    const [first, ...others] = new Set(events.map((event) => event.traceparent));
    return this.#deps.publish(request, headers, others.length === 0 ? first : undefined);
  }
}

/** A key holds for one user, so that nobody can use up the ids of somebody else's source. */
function keyOf({ userId }: Viewer, { identity }: ReceivedEvent): string {
  return `cloudevents:${createHash('sha256')
    .update(JSON.stringify([userId, ...identity]))
    .digest('hex')}`;
}
