import { AsyncLocalStorage } from 'node:async_hooks';
import {
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { TidingsError } from '../errors.ts';
import type { Entry } from '../events/event.ts';
import type { Tracing } from './tracing.ts';

type Options = Parameters<Tracing['span']>[2];

/** How long what was not handed over yet may take at the end. */
const FLUSH_MS = 1_500;
const TRACEPARENT = /^00-(?<traceId>[0-9a-f]{32})-(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})$/;

/**
 * Traces by OpenTelemetry. Its variables count: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS
 * and so on. Nothing is registered globally, so that several servers can be in one process.
 */
export class OpenTelemetry implements Tracing {
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;
  /** What is under way. */
  readonly #current = new AsyncLocalStorage<Context>();

  constructor(endpoint: string, version: string) {
    const ours = resourceFromAttributes({ 'service.name': 'tidings', 'service.version': version });
    this.#provider = new NodeTracerProvider({
      resource: defaultResource()
        .merge(ours)
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [
        new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` })),
      ],
    });
    this.#tracer = this.#provider.getTracer('tidings', version);
  }

  async span<Result>(name: string, run: () => Promise<Result>, options: Options = {}): Promise<Result> {
    const parent = contextOf(options.parent) ?? this.#current.getStore() ?? ROOT_CONTEXT;
    const span = this.#tracer.startSpan(name, { attributes: { ...options.attributes } }, parent);
    try {
      return await this.#current.run(trace.setSpan(parent, span), run);
    } catch (error) {
      // Its message may quote what a client sent.
      const message = error instanceof TidingsError ? error.code : 'failed';
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      throw error;
    } finally {
      span.end();
    }
  }

  async part<Result>(name: string, run: () => Promise<Result>, options: Options = {}): Promise<Result> {
    return this.#current.getStore() === undefined ? run() : this.span(name, run, options);
  }

  traceparent(): string | undefined {
    const context = this.#current.getStore();
    const current = context === undefined ? undefined : trace.getSpanContext(context);
    // What isn't recorded here is not to be recorded elsewhere either.
    if (current === undefined || (current.traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
    return `00-${current.traceId}-${current.spanId}-01`;
  }

  fannedOut({ kind, position, traceparent }: Entry, deliveries: number): void {
    const parent = contextOf(traceparent);
    if (parent === undefined) return;
    const attributes = { 'tidings.offset': position.offset, 'tidings.deliveries': deliveries };
    const span = this.#tracer.startSpan(`fan-out ${kind}`, { attributes }, parent);
    // Connections have scheduled their writing already, so this comes behind it.
    setImmediate(() => span.end());
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FLUSH_MS)));
    // Traces that nobody takes are no reason to fail at the end.
    const flushed = this.#provider.shutdown().catch(() => undefined);
    await Promise.race([flushed, late]);
    clearTimeout(timer);
  }
}

function contextOf(traceparent: string | undefined): Context | undefined {
  const { traceId = '', spanId = '', flags = '' } = TRACEPARENT.exec(traceparent ?? '')?.groups ?? {};
  const parent: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : undefined;
}
