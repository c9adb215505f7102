import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Viewer } from '../auth/viewer.ts';
import { openBackend } from '../backend.ts';
import type { Config } from '../config.ts';
import { TidingsError } from '../errors.ts';
import { Hub } from '../hub/hub.ts';
import { Audit } from '../ops/audit.ts';
import { createLogger } from '../ops/logger.ts';
import { measuredStore } from '../ops/measured-store.ts';
import { PrometheusMetrics } from '../ops/metrics.ts';
import { OperationWatch } from '../ops/operation-watch.ts';
import { Requests } from '../ops/requests.ts';
import { Subscriptions } from '../ops/subscriptions.ts';
import { openTracing } from '../ops/tracing.ts';
import { ClientAddresses } from '../limits/client-addresses.ts';
import { Limits as ClientLimits } from '../limits/limits.ts';
import { LogPresence } from '../presence/log-presence.ts';
import { Publisher, type Published, type PublishRequest } from '../publishing/publisher.ts';
import { AnswerSize } from '../schema/answer-size.ts';
import type { RequestContext, ServerFacts, Via } from '../schema/context.ts';
import { schema } from '../schema/schema.ts';
import { statsAsJson } from '../schema/stats.ts';
import type { EventStore } from '../store/store.ts';
import { createDashboard } from '../transport/dashboard.ts';
import { Documents } from '../transport/documents.ts';
import { operatorRoutes } from '../transport/operators.ts';
import { Operations } from '../transport/operations.ts';
import { presentResult } from '../transport/present.ts';
import { ResumePoints } from '../transport/resume.ts';
import { accessOf } from './access.ts';
import { allowListOf, certificateOf, limitSettings } from './from-config.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { createTransports, type Transports } from './transports.ts';
import { openWebhooks } from './webhooks.ts';

/** What tests and benchmarks put in the place of the defaults. */
export interface Overrides {
  readonly now?: () => number;
  readonly logger?: Logger;
  readonly limits?: Partial<Limits>;
  /** Stands between the store and all that uses it, to make faults that can't be made otherwise. */
  readonly aroundStore?: (store: EventStore) => EventStore;
}

export interface Gateway {
  /** Where it can be reached, once started; without a slash at the end. */
  readonly url: string;
  /** A token that may do everything for a day; null unless in development mode. */
  readonly developmentToken: string | null;
  start(): Promise<void>;
  /** Sends clients away over DRAIN_SECONDS, finishes what is under way, and closes the store. */
  stop(): Promise<void>;
}

const version = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** Where the build puts it; the same from src/ and from dist/. */
const dashboardDirectory = fileURLToPath(new URL('../../dist/dashboard', import.meta.url));

/** Puts the server together. Nothing happens before `start`, but that the embedded store and the spool open their directories. */
export async function createGateway(config: Config, overrides: Overrides = {}): Promise<Gateway> {
  const allowList = allowListOf(config);
  const now = overrides.now ?? Date.now;
  const limits = {
    ...defaultLimits,
    operationsPerConnection: config.LIMIT_OPERATIONS || Infinity,
    ...overrides.limits,
  };
  const logger =
    overrides.logger ??
    (await createLogger({
      level: config.LOG_LEVEL,
      pretty: config.developmentMode && process.stdout.isTTY,
    }));
  const certificate = certificateOf(config, limits.certificatePollMs, logger);
  const onStoreError = (error: unknown): void => logger.error({ err: error }, 'store error');
  const onError = (error: unknown): void => {
    // The store tells of an outage once; all who try again meanwhile need not.
    const isOutage = error instanceof TidingsError && error.code === 'STORE_UNAVAILABLE';
    logger[isOutage ? 'debug' : 'error']({ err: error }, 'unexpected error');
  };

  const directory = resolve(config.DATA_DIR);
  const backend = await openBackend(config, { now, onError: onStoreError });
  const tracing = await openTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, version);
  const subscriptions = new Subscriptions(now);
  const metrics = new PrometheusMetrics({
    version,
    now,
    hub: () => hub.stats(),
    connections: () => transports.connections(),
    subscriptions: () => subscriptions.byTransportAndField(),
    spool: () => spool.size,
  });
  const audit = new Audit(logger, metrics);
  const store = measuredStore(overrides.aroundStore?.(backend.store) ?? backend.store, metrics, tracing);
  const publisher = new Publisher({ store, now, traceparent: () => tracing.traceparent() });
  /** On behalf of whoever may, with a line about it. */
  const publish = async (request: PublishRequest, requestId: string | null): Promise<Published> => {
    const published = await publisher.publish(request);
    audit.published(request, published, requestId);
    return published;
  };
  const presence = new LogPresence({ store, leases: backend.leases, now, onError });
  const hub = new Hub({
    store,
    schema,
    present: (result) => presentResult(result, onError),
    onError,
    onDispatched: (entry, deliveries) => {
      metrics.dispatched(entry);
      tracing.fannedOut(entry, deliveries);
    },
    positionCheckMs: limits.positionCheckMs,
    retryMs: limits.retryMs,
    backlogBytes: limits.backlogBytes,
  });

  const { authenticator, revocations, developmentToken } = accessOf(config, {
    directory,
    records: backend.records,
    now,
    onChange: (change) => audit.revoked(change),
    onError,
    pollMs: limits.revocationPollMs,
  });

  const addresses = new ClientAddresses(config.TRUSTED_PROXIES);
  const clientLimits = new ClientLimits({
    settings: limitSettings(config),
    redis: backend.redis,
    now,
    onLimited: (what) => metrics.limitHit(what.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
  });

  const publishes: Pick<ClientLimits, 'publish' | 'checkPublish'> = {
    checkPublish: async (viewer) => clientLimits.checkPublish(viewer),
    publish: async (viewer, events) => {
      await clientLimits.publish(viewer, events);
      // It may have had to wait for its turn.
      await authenticator.verifyAgain(viewer);
    },
  };

  const startedAt = now();
  const server: ServerFacts = {
    version,
    developmentMode: config.developmentMode,
    now,
    startedAt,
    stats: async (workspace) => ({
      ...hub.stats(workspace),
      ...subscriptions.counts(workspace),
      connections: transports.connections(),
      eventsPublished: metrics.publishedCount,
      spooled: spool.size.items,
      delay: await metrics.lastDelays(),
    }),
    subscriptionsOf: (viewer, connection) => subscriptions.of(viewer, connection),
  };
  const contextOf = (
    viewer: Viewer,
    via: Via,
    connection: RequestContext['connection'] = null,
  ): RequestContext => ({
    viewer,
    store,
    publisher: { publish: (request) => publish(request, via.requestId) },
    presence,
    revocations,
    limits: publishes,
    answerSize: new AnswerSize(),
    server,
    connection,
    via,
  });

  const operations = new Operations({
    documents: new Documents({ schema, allowList, isOpen: config.developmentMode }),
    hub,
    watch: new OperationWatch({ metrics, audit, subscriptions, tracing }),
    retryMs: limits.retryMs,
    onHidden: onError,
  });
  const webhooks = await openWebhooks({
    config,
    directory: join(directory, 'spool'),
    maxSpoolBytes: limits.spoolBytes,
    retryMs: limits.retryMs,
    store,
    publish,
    authenticator,
    limits: publishes,
    metrics,
    audit,
    tracing,
    logger,
  }).catch(async (error: unknown) => {
    await backend.close();
    throw error;
  });
  const { spool } = webhooks;
  const transports: Transports = createTransports({
    authenticator,
    operations,
    contextOf,
    resumePoints: new ResumePoints({ store, records: backend.records, retryMs: limits.retryMs, onError }),
    limits,
    clientLimits,
    addressOf: (request) => addresses.of(request),
    // Whoever is sent away is expected back, here or at another process: its lease decides.
    release: (connection) => {
      if (stopping === undefined) presence.release(connection);
    },
    ...operatorRoutes({
      authenticator,
      metrics,
      metricsToken: config.METRICS_TOKEN,
      stats: (viewer) => statsAsJson({ server, store, viewer }),
    }),
    dashboard: createDashboard(dashboardDirectory, developmentToken),
    developmentToken,
    githubWebhook: webhooks.github,
    cloudEvents: webhooks.cloudEvents,
    checkReady: async () => {
      if (stopping !== undefined) throw new TidingsError('SHUTTING_DOWN');
      await store.ping();
    },
    requests: new Requests(logger, tracing),
    audit,
    onError,
    now,
    certificate,
  });

  let url: string | undefined;
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    logger.info({ connections: transports.connections(), drainSeconds: config.DRAIN_SECONDS }, 'stopping');
    await transports.drain(config.DRAIN_SECONDS * 1_000);
    await transports.close(limits.closeGraceMs);
    await presence.close();
    await spool.close();
    hub.close();
    await clientLimits.close();
    certificate?.close();
    await revocations.close();
    await backend.close();
    await tracing.close();
    logger.info('stopped');
  };
  return {
    get url() {
      if (url === undefined) throw new Error('The gateway has not been started.');
      return url;
    },
    developmentToken,
    async start() {
      spool.start();
      await revocations.start();
      url = await transports.listen(config.PORT, config.HOST);
      logger.info({ url, version, developmentMode: config.developmentMode }, 'listening');
    },
    async stop() {
      stopping ??= stop();
      await stopping;
    },
  };
}
