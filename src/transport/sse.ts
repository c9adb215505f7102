import type { IncomingMessage, ServerResponse } from 'node:http';
import { OperationTypeNode, type FormattedExecutionResult } from 'graphql';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Viewer } from '../auth/viewer.ts';
import { errorCatalogue, TidingsError } from '../errors.ts';
import type { Subscription } from '../hub/hub.ts';
import { toWire, type EncodedResult, type Sink } from '../hub/sink.ts';
import type { RequestContext } from '../schema/context.ts';
import type { GraphQLRequest } from './documents.ts';
import type { Operations } from './operations.ts';
import { Outlet } from './outlet.ts';

export interface SseOptions {
  readonly operations: Operations;
  readonly contextOf: (viewer: Viewer) => RequestContext;
  readonly whenOver: Authenticator['whenOver'];
  readonly highWaterMark: number;
  readonly writeDeadlineMs: number;
  /** Milliseconds between comments that keep proxies and clients from giving up. */
  readonly heartbeatMs: number;
}

/** How long an EventSource waits before it comes back, in milliseconds. */
const RETRY_MS = 1_000;
/** The Last-Event-ID of a browser whose operation is over: it asks again all the same, and is told to stop. */
const FINISHED = 'finished';

/**
 * Server-sent events, in the "distinct connections" form of the GraphQL over SSE protocol: each operation is a request, its results are `next`
 * events whose `id` is the event's cursor, and `complete` ends it. A browser's EventSource resumes by itself from its Last-Event-ID.
 */
export class SseTransport {
  readonly #options: SseOptions;
  readonly #streams = new Set<ServerResponse>();

  constructor(options: SseOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#streams.size;
  }

  /** Ends every stream; their clients come back after `retry`. */
  close(): void {
    for (const response of this.#streams) response.end();
  }

  /** Never fails over an operation: clients take an HTTP error for a reason to try again. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    body: GraphQLRequest,
    viewer: Viewer,
  ): Promise<void> {
    const { operations, contextOf } = this.#options;
    const lastEventId = request.headers['last-event-id'];
    if (lastEventId === FINISHED) return void response.writeHead(204).end();
    const prepared = operations.prepare(body);
    if ('errors' in prepared) return this.#single(response, prepared);
    const context = contextOf(viewer);
    if (prepared.type !== OperationTypeNode.SUBSCRIPTION) {
      if (prepared.type === OperationTypeNode.MUTATION && request.method === 'GET')
        throw new TidingsError('METHOD_NOT_ALLOWED');
      return this.#single(response, await operations.execute(prepared, body, context));
    }
    const opened = await operations.open(prepared, body, context);
    if ('errors' in opened) return this.#single(response, opened);
    // The browser's own memory is newer than the cursor in the URL that it was once given.
    const after = typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : undefined;
    this.#stream(response, viewer, (sink) => opened.start(sink, after));
  }

  #single(response: ServerResponse, result: FormattedExecutionResult): void {
    writeHead(response);
    response.end(`${nextEvent(JSON.stringify(result))}${completeEvent}`);
  }

  #stream(response: ServerResponse, viewer: Viewer, start: (sink: Sink) => Subscription): void {
    const { operations, highWaterMark, writeDeadlineMs, heartbeatMs, whenOver } = this.#options;
    if (response.destroyed) return;
    writeHead(response);
    this.#streams.add(response);
    const outlet = new Outlet(response, {
      highWaterMark,
      writeDeadlineMs,
      onStalled: () => response.destroy(),
      isOpen: () => !response.writableEnded && !response.destroyed,
    });
    const write = (text: string): void => {
      const wire = toWire(text);
      outlet.write(asIs, wire, wire.length);
    };
    const subscription = start({
      next: (result) => outlet.write(resultEvent, result, EVENT_BYTES + result.payload.length),
      get isCongested() {
        return outlet.isCongested;
      },
      whenDrained: (listener) => outlet.whenDrained(listener),
    });

    const heartbeat = setInterval(() => write(':\n\n'), heartbeatMs);
    const stopWaiting = whenOver(viewer, (why) => subscription.fail(why));
    response.once('close', () => {
      clearInterval(heartbeat);
      stopWaiting();
      this.#streams.delete(response);
      subscription.stop();
    });
    subscription.ended
      .catch((error: unknown) => {
        // Without `complete` the client comes back and goes on where it was.
        if (error instanceof TidingsError && errorCatalogue[error.code].retryable) return;
        write(`${nextEvent(JSON.stringify({ errors: [operations.presentEnd(error)] }))}${completeEvent}`);
      })
      .finally(() => {
        if (!response.writableEnded && !response.destroyed) outlet.finish();
        response.end();
      })
      .catch(() => undefined);
  }
}

function writeHead(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // nginx would hold events back.
    'x-accel-buffering': 'no',
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
}

// One data line and plain line feeds: urql's parser takes nothing else. JSON text has no line feeds of its own.
function nextEvent(json: string, cursor?: string): string {
  return cursor === undefined
    ? `event: next\ndata: ${json}\n\n`
    : `event: next\nid: ${cursor}\ndata: ${json}\n\n`;
}

const resultEvent = ({ payload, cursor }: EncodedResult): string => nextEvent(payload, cursor);
/** What an event takes beside its payload. */
const EVENT_BYTES = 80;
const asIs = (wire: string): string => wire;

const completeEvent = `event: complete\nid: ${FINISHED}\ndata: \n\n`;
