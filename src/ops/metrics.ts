import type { OperationTypeNode } from 'graphql';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import type { ErrorCode } from '../errors.ts';
import type { Entry, EventFacts } from '../events/event.ts';
import type { HubStats } from '../hub/hub.ts';
import type { Transport } from '../schema/context.ts';

/** What happens that nobody counts elsewhere. Labels are names of ours, never what a client sent. */
export interface Metrics {
  /** An operation was started; `field` is the first one that it asks for. */
  operation(transport: Transport, type: OperationTypeNode, field: string): void;
  /** Events were written by this process. */
  published(events: readonly Pick<EventFacts, 'kind' | 'source'>[]): void;
  /** An entry was handed to the connections of live subscriptions, which write it by the end of this turn of the event loop. */
  dispatched(entry: Pick<Entry, 'recordedAt'>): void;
  storeCall(call: string, outcome: 'ok' | 'refused' | 'failed', seconds: number): void;
  webhook(source: 'github' | 'cloudevents', outcome: WebhookOutcome): void;
  /** Something was refused, with this code. */
  refused(code: ErrorCode): void;
  /** A limit was hit; `limit` is its name, such as `operations_per_connection`. */
  limitHit(limit: string): void;
}

const webhookOutcomes = [
  'published',
  'duplicate',
  'ignored',
  'ping',
  'spooled',
  'refused',
  'failed',
] as const;
type WebhookOutcome = (typeof webhookOutcomes)[number];

/** What came of a request to /webhooks, by the answer to it. */
export function webhookOutcome({
  status,
  body,
}: {
  readonly status: number;
  readonly body: unknown;
}): WebhookOutcome {
  if (status >= 400) return status >= 500 ? 'failed' : 'refused';
  const { events, ...more } = body as Readonly<Record<string, unknown>>;
  if (typeof events === 'number' && events > 0) return 'published';
  return webhookOutcomes.find((outcome) => outcome in more) ?? 'duplicate';
}

/** What is asked when the metrics are. */
export interface MetricSources {
  readonly version: string;
  readonly now: () => number;
  readonly hub: () => HubStats;
  /** By transport. */
  readonly connections: () => Readonly<Record<string, number>>;
  readonly subscriptions: () => Iterable<{
    readonly transport: Transport;
    readonly field: string;
    readonly count: number;
  }>;
  readonly spool: () => { readonly items: number; readonly bytes: number };
}

/** Of what takes from half a millisecond to as long as anybody waits. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Over how long the percentiles of `delay` are. */
const WINDOW_SECONDS = 300;

/** The metrics in Prometheus' format. What others count already is asked for when the metrics are, so that counting costs nothing. */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #now: () => number;
  readonly #operations: Counter;
  readonly #published: Counter;
  #publishedCount = 0;
  readonly #delay: Histogram;
  readonly #lastDelays: Summary;
  readonly #storeCalls: Histogram;
  readonly #webhooks: Counter;
  readonly #refusals: Counter;
  readonly #limits: Counter;
  #hasDefaults = false;

  constructor(sources: MetricSources) {
    const registers = [this.#registry];
    this.#now = sources.now;
    const labelled = (name: string, help: string, labelNames: string[]): Counter =>
      new Counter({ name, help, labelNames, registers });
    this.#operations = labelled('tidings_operations_total', 'Operations that were started.', [
      'transport',
      'type',
      'field',
    ]);
    this.#published = labelled(
      'tidings_events_published_total',
      'Events that this process wrote, presence included.',
      ['kind', 'source'],
    );
    this.#webhooks = labelled('tidings_webhooks_total', 'Requests to /webhooks, by what came of them.', [
      'source',
      'outcome',
    ]);
    this.#refusals = labelled('tidings_refusals_total', 'What was refused, by its code.', ['code']);
    this.#limits = labelled('tidings_limits_hit_total', 'How often a limit was hit.', ['limit']);
    this.#delay = new Histogram({
      name: 'tidings_publish_to_socket_seconds',
      help: 'From when an event was recorded until it was written to the sockets of all its live subscriptions.',
      buckets: SECONDS,
      registers,
    });
    this.#lastDelays = new Summary({
      name: 'tidings_last_delays_seconds',
      help: 'For the query stats.',
      percentiles: [0.5, 0.99],
      maxAgeSeconds: WINDOW_SECONDS,
      ageBuckets: 5,
      pruneAgedBuckets: true,
      registers: [],
    });
    this.#storeCalls = new Histogram({
      name: 'tidings_store_seconds',
      help: 'Calls of the event store. refused: it answered that what was relied on does not hold.',
      labelNames: ['call', 'outcome'],
      buckets: SECONDS,
      registers,
    });
    addGauges(sources, this.#registry);
    addCounters(sources, this.#registry);
  }

  operation(transport: Transport, type: OperationTypeNode, field: string): void {
    this.#operations.inc({ transport, type, field });
  }

  published(events: readonly Pick<EventFacts, 'kind' | 'source'>[]): void {
    this.#publishedCount += events.length;
    for (const { kind, source } of events) this.#published.inc({ kind, source });
  }

  dispatched({ recordedAt }: Pick<Entry, 'recordedAt'>): void {
    // Connections have scheduled their writing already, so this comes behind it.
    setImmediate(() => {
      // The store may be another machine, with a clock of its own.
      const seconds = Math.max(0, this.#now() - Date.parse(recordedAt)) / 1_000;
      this.#delay.observe(seconds);
      this.#lastDelays.observe(seconds);
    });
  }

  storeCall(call: string, outcome: 'ok' | 'refused' | 'failed', seconds: number): void {
    this.#storeCalls.observe({ call, outcome }, seconds);
  }

  webhook(source: 'github' | 'cloudevents', outcome: WebhookOutcome): void {
    this.#webhooks.inc({ source, outcome });
  }

  refused(code: ErrorCode): void {
    this.#refusals.inc({ code });
  }

  limitHit(limit: string): void {
    this.#limits.inc({ limit });
  }

  /** Events written by this process. */
  get publishedCount(): number {
    return this.#publishedCount;
  }

  /** From publishing to the sockets over the last minutes, in milliseconds. */
  async lastDelays(): Promise<{ readonly p50: number; readonly p99: number } | null> {
    const { values } = await this.#lastDelays.get();
    const at = (quantile: number): number =>
      (values.find(({ labels }) => labels['quantile'] === quantile)?.value ?? 0) * 1_000;
    return values.some(({ value }) => value > 0) ? { p50: at(0.5), p99: at(0.99) } : null;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** As they are scraped. */
  async text(): Promise<string> {
    // Those of the process begin when somebody first asks: they take a timer and an observer.
    if (!this.#hasDefaults) collectDefaultMetrics({ register: this.#registry });
    this.#hasDefaults = true;
    return this.#registry.metrics();
  }
}

function addGauges(sources: MetricSources, registry: Registry): void {
  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge) => void): void => {
    const each: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [],
      collect() {
        each.reset();
        read(each);
      },
    });
    registry.registerMetric(each);
  };
  gauge('tidings_info', 'Always 1.', ['version'], (each) => each.set({ version: sources.version }, 1));
  gauge('tidings_connections', 'Open connections that events can go to.', ['transport'], (each) => {
    for (const [transport, count] of Object.entries(sources.connections())) each.set({ transport }, count);
  });
  gauge('tidings_subscriptions', 'Running subscriptions.', ['transport', 'field'], (each) => {
    for (const { count, ...labels } of sources.subscriptions()) each.set(labels, count);
  });
  gauge('tidings_subscriptions_live', 'Subscriptions that have caught up.', [], (each) =>
    each.set(sources.hub().live),
  );
  gauge('tidings_subscriptions_parked', 'Subscriptions that wait for their slow connection.', [], (each) =>
    each.set(sources.hub().parked),
  );
  gauge('tidings_shared_operations', 'Distinct operations that subscriptions share.', [], (each) =>
    each.set(sources.hub().sharedOperations),
  );
  gauge('tidings_spool_items', 'Webhooks that wait for the store.', [], (each) =>
    each.set(sources.spool().items),
  );
  gauge('tidings_spool_bytes', 'Bytes of the webhooks that wait for the store.', [], (each) =>
    each.set(sources.spool().bytes),
  );
}

/** Counters that the hub keeps. */
function addCounters({ hub }: MetricSources, registry: Registry): void {
  const counters: readonly (readonly [name: string, help: string, of: (stats: HubStats) => number])[] = [
    ['events_seen', 'Events that came to this process, whoever wrote them.', (stats) => stats.eventsSeen],
    ['executions', 'GraphQL executions for events, each encoded once.', (stats) => stats.executions],
    ['deliveries', 'Results handed to connections.', (stats) => stats.deliveries],
    ['catch_ups', 'How often a subscription had to read on from the log.', (stats) => stats.catchUps],
    ['parkings', 'How often a subscription had to wait for its slow connection.', (stats) => stats.parkings],
    ['resets', 'How often a log turned out to be another one.', (stats) => stats.resets],
    ['log_reads', 'Reads of the log for subscriptions.', (stats) => stats.logReads],
  ];
  for (const [name, help, of] of counters) {
    const counter: Counter = new Counter({
      name: `tidings_${name}_total`,
      help,
      registers: [],
      collect() {
        counter.reset();
        counter.inc(of(hub()));
      },
    });
    registry.registerMetric(counter);
  }
}
