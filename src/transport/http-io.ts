import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TidingsError } from '../errors.ts';

/** A page that holds a token is for the browser of this machine: a foreign name that leads here (DNS rebinding) must not be given it. */
export function isLocal(request: IncomingMessage): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(request.headers.host ?? '');
}

/** What the client accepts, without what it only names to say that it does not. */
export function acceptedBy({ headers: { accept = '' } }: IncomingMessage): string {
  return withoutRefused(accept);
}

export function acceptsGzip({ headers }: IncomingMessage): boolean {
  return /\bgzip\b/.test(withoutRefused(String(headers['accept-encoding'])));
}

function withoutRefused(ranges: string): string {
  if (!ranges.includes('=0')) return ranges;
  const isRefused = (range: string): boolean => /;\s*q=0(?:\.0{0,3})?\s*(?:;|$)/i.test(range);
  return ranges
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
/** A body that nobody wants is taken from the connection up to this size, so that it can be used for another request. */
const MOST_DISCARDED = 256 * 1_024;

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
  // To HEAD nothing was written, and that sends no headers either.
  response.flushHeaders();
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
