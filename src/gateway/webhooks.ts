import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { Authenticator } from '../auth/authenticator.ts';
import { serviceViewer } from '../auth/viewer.ts';
import { openSpool } from '../backend.ts';
import type { Config } from '../config.ts';
import { TidingsError, type ErrorCode } from '../errors.ts';
import { CloudEventsReceiver } from '../ingest/cloudevents-receiver.ts';
import { GithubReceiver } from '../ingest/github/receive.ts';
import type { Spool } from '../ingest/spool.ts';
import type { Limits } from '../limits/limits.ts';
import type { Audit } from '../ops/audit.ts';
import { webhookOutcome, type PrometheusMetrics } from '../ops/metrics.ts';
import type { Tracing } from '../ops/tracing.ts';
import type { Published, PublishRequest } from '../publishing/publisher.ts';
import type { EventStore } from '../store/store.ts';
import type { WebServerOptions } from '../transport/web-server.ts';

export interface WebhooksOptions {
  readonly config: Pick<Config, 'GITHUB_WEBHOOK_SECRET' | 'GITHUB_WORKSPACE' | 'developmentMode'>;
  /** Where deliveries wait while the store is away, and how many bytes of them. */
  readonly directory: string;
  readonly maxSpoolBytes: number;
  /** Milliseconds between two tries of one that waits. */
  readonly retryMs: number;
  readonly store: EventStore;
  readonly publish: (request: PublishRequest, requestId: string | null) => Promise<Published>;
  readonly authenticator: Authenticator;
  readonly limits: Pick<Limits, 'publish' | 'checkPublish'>;
  readonly metrics: PrometheusMetrics;
  readonly audit: Audit;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

export interface Webhooks {
  readonly github: WebServerOptions['githubWebhook'];
  readonly cloudEvents: WebServerOptions['cloudEvents'];
  readonly spool: Spool;
}

/**
 * What other services call, each delivery counted.
 *
 * @throws the directory can't be used
 */
export async function openWebhooks(options: WebhooksOptions): Promise<Webhooks> {
  const { metrics, audit } = options;
  const spool = await openSpool(options.directory, {
    maxBytes: options.maxSpoolBytes,
    replay: (item) => github.replay(item),
    log: options.logger,
    retryMs: options.retryMs,
  });
  const github = githubReceiver(options, spool);
  const cloudEvents = cloudEventsReceiver(options);
  return {
    spool,
    github: async (headers, rawBody) => {
      const answer = await github.receive({
        headers: {
          event: single(headers['x-github-event']),
          delivery: single(headers['x-github-delivery']),
          signature: single(headers['x-hub-signature-256']),
          contentType: headers['content-type'],
        },
        rawBody,
      });
      metrics.webhook('github', webhookOutcome(answer));
      const { error } = answer.body as { readonly error?: { readonly code: ErrorCode } };
      if (error !== undefined)
        audit.refused(error.code, '/webhooks/github', null, { requestId: requestIdOf(headers) });
      return answer;
    },
    cloudEvents: async (headers, body) => {
      try {
        const receipt = await cloudEvents.receive(headers, body);
        metrics.webhook('cloudevents', webhookOutcome({ status: 200, body: receipt }));
        return receipt;
      } catch (error) {
        const status = error instanceof TidingsError ? error.httpStatus : 500;
        metrics.webhook('cloudevents', webhookOutcome({ status, body: {} }));
        throw error;
      }
    },
  };
}

function githubReceiver({ config, publish }: WebhooksOptions, spool: Spool): GithubReceiver {
  return new GithubReceiver({
    spool,
    secret: config.GITHUB_WEBHOOK_SECRET ?? null,
    allowUnsigned: config.developmentMode,
    publish: async (plan, idempotencyKeys) => {
      const publishedBy = serviceViewer(config.GITHUB_WORKSPACE);
      const request = { publishedBy, source: 'github', plan, idempotencyKeys };
      // GitHub's name for it, which is what its page of deliveries shows.
      const { cursors, duplicate } = await publish(request, idempotencyKeys[0] ?? null);
      return { duplicate, count: cursors.length, cursor: cursors.at(-1) ?? null };
    },
  });
}

function cloudEventsReceiver(options: WebhooksOptions): CloudEventsReceiver {
  const { authenticator, limits, tracing, publish, store } = options;
  return new CloudEventsReceiver({
    viewerOf: (headers) => authenticator.fromHeaders(headers),
    check: (viewer) => limits.checkPublish(viewer),
    admit: (viewer, events) => limits.publish(viewer, events),
    publish: async (request, headers, parent) =>
      tracing.span('publish', async () => publish(request, requestIdOf(headers) ?? null), { parent }),
    isKnown: async (workspace, key) =>
      (await store.recall({ workspace, stream: 'events' }, [key])) !== undefined,
  });
}

function requestIdOf(headers: IncomingHttpHeaders): string | undefined {
  return single(headers['x-request-id']);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
