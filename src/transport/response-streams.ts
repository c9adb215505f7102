import type { IncomingMessage, ServerResponse } from 'node:http';
import { OperationTypeNode, type FormattedExecutionResult } from 'graphql';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Viewer } from '../auth/viewer.ts';
import { errorCatalogue, mayPass, TidingsError, type ErrorCode } from '../errors.ts';
import { encodeCursor, samePosition, type Position } from '../events/position.ts';
import type { Subscription } from '../hub/subscription.ts';
import { toWire, type EncodedResult, type Sink } from '../hub/sink.ts';
import type { Limits } from '../limits/limits.ts';
import type { RequestContext, Transport, Via } from '../schema/context.ts';
import type { GraphQLRequest } from './documents.ts';
import { requestIdOf } from './http-io.ts';
import type { OpenFailure, Operations } from './operations.ts';
import { Outlet, type Encoder, type OutletPeer, type Pacing } from './outlet.ts';

/** How an operation's results are written into one response that stays open. All of it as on the wire, see EncodedResult. */
export interface StreamFormat {
  readonly contentType: string;
  /** What the response begins with. */
  readonly opening: string;
  /** `payload` is a GraphQL result as JSON; the cursor is where there is an event behind it. */
  result(payload: string, cursor?: string): string;
  /** Keeps proxies and clients from giving up. */
  readonly heartbeat: string;
  /** Tells clients that come back by themselves where they are, where no result has told it. */
  readonly place?: (cursor: string) => string;
  /** The operation is over, and nobody should ask again. */
  readonly end: string;
  /** It could go on: the client may come back, here or elsewhere. `errors` is a list as JSON. */
  interruption(errors: string): string;
  /** Where a client that has come back was: its last cursor, or at the end. */
  lastSeen(request: IncomingMessage): { readonly cursor?: string; readonly isEnd?: boolean };
}

export interface ResponseStreamsOptions extends Pacing {
  /** What it is called in stats and logs. */
  readonly transport: Transport;
  readonly format: StreamFormat;
  readonly operations: Operations;
  readonly contextOf: (viewer: Viewer, via: Via) => RequestContext;
  readonly authenticator: Pick<Authenticator, 'whenOver'>;
  readonly limits: Pick<Limits, 'stream'>;
  readonly addressOf: (request: IncomingMessage) => string | null;
  /** Milliseconds between heartbeats. */
  readonly heartbeatMs: number;
}

/** What a format takes beside a payload, about. */
const RESULT_BYTES = 80;
/** How long a peer has to take the end of its stream. */
const CLOSE_GRACE_MS = 5_000;
const asIs: Encoder<string> = { encode: (wire) => wire };

/** Operations whose results come over HTTP, one operation a response, in one format. */
export class ResponseStreams {
  readonly #options: ResponseStreamsOptions;
  readonly #open = new Map<ServerResponse, Subscription>();
  #isClosing = false;

  constructor(options: ResponseStreamsOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#open.size;
  }

  /** Ends every stream, evenly over the time given, and each new one at once: their clients come back elsewhere. */
  async drain(ms: number): Promise<void> {
    this.#isClosing = true;
    const open = [...this.#open];
    const gone = open.map(
      async ([response, subscription], index) =>
        new Promise<void>((resolve) => {
          let cut: NodeJS.Timeout | undefined;
          const leave = (): void => {
            subscription.fail(new TidingsError('SHUTTING_DOWN'));
            // The last word of a stream waits behind everything that a slow peer has not taken yet.
            cut = setTimeout(() => response.destroy(), CLOSE_GRACE_MS);
          };
          const timer = setTimeout(leave, (ms * index) / open.length);
          response.once('close', () => {
            clearTimeout(timer);
            clearTimeout(cut);
            resolve();
          });
        }),
    );
    await Promise.all(gone);
  }

  /**
   * Never fails over an operation: clients take an HTTP error for a reason to try again.
   *
   * @throws TidingsError RATE_LIMITED, OVERLOADED, METHOD_NOT_ALLOWED
   */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    body: GraphQLRequest,
    viewer: Viewer,
  ): Promise<void> {
    const { operations, contextOf, format, transport, limits, addressOf, authenticator } = this.#options;
    const { cursor, isEnd } = format.lastSeen(request);
    if (isEnd === true) return void response.writeHead(204).end();
    const prepared = operations.prepare(body, viewer);
    if ('errors' in prepared) return this.#single(response, prepared);
    const context = contextOf(viewer, { transport, requestId: requestIdOf(request) });
    if (prepared.type !== OperationTypeNode.SUBSCRIPTION) {
      if (prepared.type === OperationTypeNode.MUTATION && request.method === 'GET')
        throw new TidingsError('METHOD_NOT_ALLOWED');
      return this.#single(response, await operations.execute(prepared, body, context));
    }
    const leave = await limits.stream(viewer, addressOf(request));
    // A response that is gone already does not tell.
    if (response.destroyed) return leave();
    response.once('close', leave);
    // While it waits for the store its token may end.
    const token: { over?: TidingsError } = {};
    const stopWatching = authenticator.whenOver(viewer, (why) => (token.over = why));
    const mayWait = (): boolean => token.over === undefined && this.#mayWait(response);
    const opened = await operations.open(prepared, body, context, mayWait);
    stopWatching();
    if (token.over !== undefined)
      return this.#single(response, { errors: [operations.presentEnd(token.over)] });
    if ('errors' in opened) return this.#refuse(response, opened);
    // The client's own memory is newer than the cursor in the operation that it was once given.
    this.#stream(response, viewer, (sink, onEnd) => opened.start(sink, onEnd, cursor));
  }

  #single(response: ServerResponse, result: FormattedExecutionResult): void {
    const { format } = this.#options;
    this.#writeHead(response);
    response.end(`${format.result(toWire(JSON.stringify(result)))}${format.end}`, 'latin1');
  }

  /** A client whose operation waits is told that its stream is there, and from then on that it still is. */
  #mayWait(response: ServerResponse): boolean {
    if (response.destroyed || this.#isClosing) return false;
    if (!response.headersSent) this.#writeHead(response);
    else if (response.writableLength === 0) response.write(this.#options.format.heartbeat);
    return true;
  }

  #refuse(response: ServerResponse, failure: OpenFailure): void {
    const code = failure.errors[0]?.extensions?.['code'] as ErrorCode | undefined;
    if (code === undefined || !errorCatalogue[code].retryable) return this.#single(response, failure);
    this.#writeHead(response);
    const errors = toWire(JSON.stringify(failure.errors));
    response.end(this.#options.format.interruption(errors), 'latin1');
  }

  #stream(
    response: ServerResponse,
    viewer: Viewer,
    start: (sink: Sink, onEnd: (error: unknown) => void) => Subscription,
  ): void {
    const { operations, format, heartbeatMs, authenticator } = this.#options;
    if (response.destroyed) return;
    this.#writeHead(response);
    const peer: OutletPeer = {
      get isOpen() {
        return !response.writableEnded && !response.destroyed;
      },
      cutOff: () => response.destroy(),
    };
    const outlet = new Outlet(response, this.#options, peer);
    const write = (wire: string): void => outlet.write(asIs, wire, wire.length);
    const results: Encoder<EncodedResult> = {
      encode: ({ payload, cursor }) => format.result(payload, cursor),
    };
    const end = (error: unknown): void => {
      if (error !== undefined) {
        const errors = toWire(JSON.stringify([operations.presentEnd(error)]));
        write(
          mayPass(error)
            ? format.interruption(errors)
            : `${format.result(`{"errors":${errors}}`)}${format.end}`,
        );
      }
      if (peer.isOpen) outlet.finish();
      response.end();
    };
    let told: Position | undefined;
    const tellPlace = (position: Position | null): void => {
      if (format.place === undefined || position === null) return;
      if (told !== undefined && samePosition(told, position)) return;
      told = position;
      write(format.place(encodeCursor(position)));
    };
    const sink: Sink = {
      begins: tellPlace,
      next: (result) => outlet.write(results, result, RESULT_BYTES + result.payload.length),
      get isCongested() {
        return outlet.isCongested;
      },
      whenDrained: (listener) => outlet.whenDrained(listener),
    };
    const subscription = start(sink, end);
    this.#open.set(response, subscription);
    // Refused with an HTTP error, a browser's EventSource would never come back.
    if (this.#isClosing) subscription.fail(new TidingsError('SHUTTING_DOWN'));

    const heartbeat = setInterval(() => {
      write(format.heartbeat);
      // Whoever asks for what happens rarely would otherwise come back with a cursor that is too old one day.
      tellPlace(subscription.state().position);
    }, heartbeatMs);
    const stopWaiting = authenticator.whenOver(viewer, (why) => subscription.fail(why));
    response.once('close', () => {
      clearInterval(heartbeat);
      stopWaiting();
      this.#open.delete(response);
      subscription.stop();
    });
  }

  #writeHead(response: ServerResponse): void {
    if (response.headersSent) return;
    const { contentType, opening } = this.#options.format;
    response.writeHead(200, {
      'content-type': contentType,
      'cache-control': 'no-cache, no-transform',
      // nginx would hold events back.
      'x-accel-buffering': 'no',
    });
    response.write(opening);
  }
}
