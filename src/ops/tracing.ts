import type { Entry } from '../events/event.ts';

interface SpanOptions {
  /** A W3C traceparent, of somebody else, that wins over what is under way here. Malformed it is as good as none. */
  readonly parent?: string | undefined;
  readonly attributes?: Readonly<Record<string, string | number>>;
}

/** Follows what comes of a request, over asynchronous calls, and with the event to other processes. */
export interface Tracing {
  /** Runs something in a span of its own. */
  span<Result>(name: string, run: () => Promise<Result>, options?: SpanOptions): Promise<Result>;
  /** The same as a part of what is under way; where nothing is, nothing is traced. */
  part<Result>(name: string, run: () => Promise<Result>, options?: SpanOptions): Promise<Result>;
  /** The traceparent of what is under way, which is kept with the events that come of it. */
  traceparent(): string | undefined;
  /** An entry was handed to the connections of live subscriptions, which write it by the end of this turn of the event loop. */
  fannedOut(entry: Entry, deliveries: number): void;
  /** Hands over what was not yet. */
  close(): Promise<void>;
}

const noTracing: Tracing = {
  span: async (_name, run) => run(),
  part: async (_name, run) => run(),
  traceparent: () => undefined,
  fannedOut: () => undefined,
  close: async () => undefined,
};

/** Traces go to an OTLP endpoint. Without one nothing is loaded, and nothing is paid. */
export async function openTracing(endpoint: string | undefined, version: string): Promise<Tracing> {
  if (endpoint === undefined) return noTracing;
  const { OpenTelemetry } = await import('./open-telemetry.ts');
  return new OpenTelemetry(endpoint, version);
}
