import type { RevocationChange } from '../auth/revocations.ts';
import type { Viewer } from '../auth/viewer.ts';
import type { ErrorCode } from '../errors.ts';
import type { SubscriptionState } from '../hub/subscription.ts';
import type { Published, PublishRequest } from '../publishing/publisher.ts';
import type { Via } from '../schema/context.ts';
import type { Metrics } from './metrics.ts';

/** Where lines go. */
interface Lines {
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/**
 * These say nothing about who may do what: mistakes in what was sent, a server that can't, or too much of it: a flood is not to fill the log
 * as well. Metrics count them.
 */
const harmless: ReadonlySet<ErrorCode> = new Set([
  'RATE_LIMITED',
  'OVERLOADED',
  'BAD_REQUEST',
  'INVALID_INPUT',
  'NOT_FOUND',
  'CONFLICT',
  'METHOD_NOT_ALLOWED',
  'UNSUPPORTED_MEDIA_TYPE',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_CURSOR',
  'STORE_UNAVAILABLE',
  'SHUTTING_DOWN',
]);

/** Refusals over a limit, with its name in the metrics. */
const limits: { readonly [Code in ErrorCode]?: string } = {
  TOO_MANY_SUBSCRIPTIONS: 'operations_per_connection',
  PAYLOAD_TOO_LARGE: 'body_bytes',
  SNAPSHOT_TOO_LARGE: 'snapshot',
};

/**
 * Who did what, a line each: publish, subscribe, refuse and revoke. Never what a client sent beside names: no tokens, no variables, no
 * contents.
 */
export class Audit {
  readonly #lines: Lines;
  readonly #metrics: Pick<Metrics, 'refused' | 'limitHit'>;

  constructor(lines: Lines, metrics: Pick<Metrics, 'refused' | 'limitHit'>) {
    this.#lines = lines;
    this.#metrics = metrics;
  }

  published({ publishedBy, source }: PublishRequest, published: Published, requestId: string | null): void {
    const { cursors, duplicate, facts } = published;
    this.#write('publish', publishedBy, {
      source,
      requestId,
      events: cursors.length,
      ...(duplicate ? { duplicate } : { kinds: [...new Set(facts.map(({ kind }) => kind))] }),
      cursor: cursors.at(-1),
    });
  }

  subscribed({ field, route }: SubscriptionState, viewer: Viewer, { transport, requestId }: Via): void {
    const { after, snapshot } = route.start;
    const resumes = after !== null;
    this.#write('subscribe', viewer, {
      transport,
      requestId,
      field,
      topics: route.topics,
      resumes,
      snapshot,
    });
  }

  /** `what` is a route or a GraphQL field. */
  refused(
    code: ErrorCode,
    what: string,
    viewer: Viewer | null,
    { transport, requestId }: { readonly [Name in keyof Via]?: Via[Name] | undefined },
  ): void {
    this.#metrics.refused(code);
    const limit = limits[code];
    if (limit !== undefined) this.#metrics.limitHit(limit);
    const fields = { action: 'refuse', ...nameOf(viewer), transport, requestId, what, code };
    this.#lines[harmless.has(code) ? 'debug' : 'info'](fields, 'audit');
  }

  revoked(change: RevocationChange): void {
    this.#lines.info(change, 'audit');
  }

  #write(action: string, viewer: Viewer, fields: object): void {
    this.#lines.info({ action, ...nameOf(viewer), ...fields }, 'audit');
  }
}

function nameOf(viewer: Viewer | null): object {
  return viewer === null ? {} : { workspace: viewer.workspace, by: viewer.userId };
}
