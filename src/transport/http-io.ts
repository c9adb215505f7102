import type { IncomingMessage, ServerResponse } from 'node:http';
import { TidingsError } from '../errors.ts';

/** A page that holds a token is for the browser of this machine: a foreign name that leads here (DNS rebinding) must not be given it. */
export function isLocal(request: IncomingMessage): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(request.headers.host ?? '');
}

/** What the client accepts, without what it only names to say that it does not. */
export function acceptedBy({ headers: { accept = '' } }: IncomingMessage): string {
  if (!accept.includes('=0')) return accept;
  const isRefused = (range: string): boolean => /;\s*q=0(?:\.0{0,3})?\s*(?:;|$)/i.test(range);
  return accept
    .split(',')
    .filter((range) => !isRefused(range))
    .join(',');
}

/** What the request is called in logs; null where it came in past the web server. */
export function requestIdOf({ headers }: IncomingMessage): string | null {
  const id = headers['x-request-id'];
  return typeof id === 'string' ? id : null;
}

/** How long a peer whose body was refused may take to notice, and how much of it is taken meanwhile before there is a pause of so long. */
const LINGER_MS = 2_000;
const LINGER_BYTES = 64 * 1_024;
const LINGER_PAUSE_MS = 5;
/** Each piece of a body takes its time, however small it is: about as much as so many bytes. */
const LEAST_PIECE = 512;
/** So many pieces of a body become one. */
const MOST_PIECES = 1_024;
/** A body that nobody wants is taken from the connection up to this size, so that it can be used for another request. */
const MOST_DISCARDED = 256 * 1_024;

/** What is asked before more than so many bytes of a body are read: it may take its time, and throws where the body is not worth it. */
export interface LargeBodies {
  readonly above: number;
  readonly check: () => Promise<void>;
}

/**
 * Reads a request's body, and not a byte beyond the limit.
 *
 * @throws TidingsError PAYLOAD_TOO_LARGE; UNSUPPORTED_MEDIA_TYPE it is compressed; BAD_REQUEST when the client goes away in the middle; what
 *   `large` throws
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  large: LargeBodies = { above: maxBytes, check: async () => undefined },
): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  const { 'content-encoding': encoding = 'identity' } = request.headers;
  // A limit would mean nothing for what becomes a thousand times as much.
  if (!/^(?:identity)?$/i.test(encoding.trim()))
    throw new TidingsError('UNSUPPORTED_MEDIA_TYPE', 'The body must not be compressed.');
  let isChecked = announced > large.above;
  if (isChecked) await large.check();
  // Nothing more would be told of it.
  if (request.destroyed) throw broken();
  // An iterator costs several times what a small body does otherwise.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let pieces = 0;
    let isRefused = false;
    const refuse = (error: Error): void => {
      isRefused = true;
      chunks.length = 0;
      reject(error);
    };
    request.on('data', (chunk: Buffer) => {
      // It still has to be taken from the connection: see `linger`.
      if (isRefused) return;
      size += chunk.length;
      if (size > maxBytes) return refuse(tooLarge(maxBytes));
      chunks.push(chunk);
      // As many as there can be of a byte each would take a hundred times as much.
      if (++pieces % MOST_PIECES === 0) chunks.push(Buffer.concat(chunks.splice(-MOST_PIECES)));
      if (size <= large.above || isChecked) return;
      isChecked = true;
      request.pause();
      void large
        .check()
        .catch(refuse)
        .finally(() => request.resume());
    });
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.once('error', (error) => reject(broken(error)));
    request.once('close', () => {
      if (!request.readableEnded) reject(broken());
    });
  });
}

function broken(cause?: unknown): TidingsError {
  return new TidingsError('BAD_REQUEST', 'The body did not arrive whole.', {}, { cause });
}

function tooLarge(maxBytes: number): TidingsError {
  return new TidingsError('PAYLOAD_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  const isLast = hasMuchToCome(response.req);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(isLast ? { connection: 'close' } : {}),
    ...headers,
  });
  if (!isLast) return void response.end(text);
  response.write(text);
  linger(response);
}

/** Whether more of the body may come than is worth the connection. */
export function hasMuchToCome({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > MOST_DISCARDED;
}

/**
 * Ends a connection whose peer may still be sending. If it closed at once, the peer would fail at its next write and never see the answer that
 * it has got. What comes meanwhile is thrown away, slowly: whoever sends as much as it can does not keep the server busy.
 */
function linger(response: ServerResponse): void {
  const end = (): void => void response.end();
  const timer = setTimeout(end, LINGER_MS);
  response.once('close', () => clearTimeout(timer));
  const { req } = response;
  let bytes = 0;
  req.on('data', ({ length }: Buffer) => {
    // By size: an honest body may come in any number of small pieces.
    bytes += Math.max(length, LEAST_PIECE);
    if (bytes < LINGER_BYTES) return;
    bytes = 0;
    req.pause();
    setTimeout(() => req.resume(), LINGER_PAUSE_MS);
  });
  req.once('end', end);
}

/** A refusal outside of GraphQL: `{ error: { code, message, … } }`. */
export function sendError(response: ServerResponse, error: TidingsError): void {
  if (response.headersSent) return void response.destroy();
  sendJson(response, error.httpStatus, refusalBody(error), refusalHeaders(error));
}

export function refusalBody({ code, message, details }: TidingsError): unknown {
  return { error: { code, message, ...details } };
}

/** What a refusal needs beside its body. */
export function refusalHeaders({ details: { retryAfter } }: TidingsError): Record<string, string> {
  return typeof retryAfter === 'number' ? { 'retry-after': String(retryAfter) } : {};
}

/** The host is the client's to say, and not looked at. */
export function urlOf(request: IncomingMessage): URL | undefined {
  const path = request.url ?? '/';
  try {
    return new URL(path, 'http://localhost');
  } catch {
    return undefined;
  }
}

const tokenNames: ReadonlySet<string> = new Set(['token', 'access_token', 'authorization']);

/** URLs end up in logs and histories. */
export function holdsToken(url: URL): boolean {
  return url.search !== '' && [...url.searchParams.keys()].some((name) => tokenNames.has(name.toLowerCase()));
}
