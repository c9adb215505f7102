import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { SESSION_COOKIE, type Authenticator } from '../auth/authenticator.ts';
import { TidingsError } from '../errors.ts';
import type { Audit } from '../ops/audit.ts';
import type { Requests } from '../ops/requests.ts';
import type { Bodies } from './bodies.ts';
import type { Certificate } from './certificate.ts';
import type { GraphiqlPage } from './graphiql.ts';
import {
  acceptedBy,
  hasMuchToCome,
  holdsToken,
  isLocal,
  requestIdOf,
  sendError,
  sendJson,
  urlOf,
} from './http-io.ts';
import { ReceivedRequest } from './received-request.ts';
import type { WebSockets } from './web-sockets.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> | void;

export interface WebServerOptions {
  readonly authenticator: Authenticator;
  readonly graphql: Handler;
  /** GET / and what that page is made of. */
  readonly dashboard: Handler;
  /** GET /metrics */
  readonly metrics: Handler;
  /** GET /stats */
  readonly stats: Handler;
  readonly graphiql: { readonly open: GraphiqlPage; readonly withToken: GraphiqlPage | null };
  /** POST /webhooks/github */
  readonly githubWebhook: (
    headers: IncomingMessage['headers'],
    body: Buffer,
  ) => Promise<{ readonly status: number; readonly body: unknown }>;
  /** POST /webhooks/cloudevents; the body is read where it is asked for. */
  readonly cloudEvents: (
    headers: IncomingMessage['headers'],
    body: () => Promise<Buffer>,
  ) => Promise<unknown>;
  /** Who takes the requests to become a WebSocket. */
  readonly webSockets: WebSockets;
  /** @throws when the server can't serve now */
  readonly checkReady: () => Promise<void>;
  readonly requests: Requests;
  readonly audit: Audit;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
  readonly bodies: Bodies;
  readonly bodyBytes: number;
  readonly webhookBodyBytes: number;
  /** How long a connection is waited for that takes nothing of its answer. */
  readonly silenceMs: number;
  /** Null: without TLS. */
  readonly certificate: Certificate | null;
}

/** A peer that takes its time with a request holds a connection: headers, then all of it, in milliseconds; and before that, with TLS. */
const requestTimeouts = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
};
/**
 * How long a connection is kept on which nothing is asked any more. Proxies keep theirs for 60 s mostly: were it closed here first, they would send
 * requests to where nobody listens any more, and answer 502 to those that they may not send twice.
 */
const keepAliveTimeout = 75_000;
const handshakeTimeout = 10_000;
/** How often it is looked for connections that have become idle, while the server closes. */
const SWEEP_MS = 50;

/** Pages say more for themselves; what is none must not become one. */
const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** The one port: who asks for what goes where. */
export class WebServer {
  readonly #options: WebServerOptions;
  readonly #server: Server | TlsServer;
  /** With TLS: what lies below. Node tells only of those that have shaken hands. */
  readonly #connections = new Set<Duplex>();
  #isClosing = false;
  /** Resolves when nobody is connected any more. */
  #closed: Promise<void> = Promise.resolve();
  readonly #routes: Readonly<Record<string, Readonly<Record<string, Handler>>>>;

  constructor(options: WebServerOptions) {
    this.#options = options;
    const { certificate } = options;
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      if (response.socket !== null) return void this.#answer(request, response);
      // It came before its client had the answer to the one before it. It waits for that: a connection holds one answer at a time, and one that
      // breaks leaves nothing behind.
      response.once('socket', () => setImmediate(() => void this.#answer(request, response)));
    };
    const http = { ...requestTimeouts, keepAliveTimeout, IncomingMessage: ReceivedRequest };
    this.#server =
      certificate === null
        ? createServer(http, answer)
        : createTlsServer({ ...http, handshakeTimeout, ...certificate.pair }, answer);
    if (certificate !== null)
      this.#server.on('connection', (connection: Duplex) => {
        this.#connections.add(connection);
        connection.once('close', () => this.#connections.delete(connection));
      });
    // Of both sides: whoever takes a long time for an answer here says something meanwhile. WebSockets have times of their own.
    this.#server.setTimeout(options.silenceMs);
    this.#server.on(
      'upgrade',
      (request, socket, head) => void options.webSockets.upgrade(request, socket, head),
    );
    this.#routes = {
      '/': { GET: options.dashboard, HEAD: options.dashboard },
      '/graphql': { GET: this.#graphql, HEAD: this.#graphql, POST: options.graphql },
      '/session': { POST: this.#openSession, DELETE: this.#closeSession },
      '/webhooks/github': { POST: this.#webhook },
      '/webhooks/cloudevents': { POST: this.#cloudEvents },
      '/health': { GET: (_request, response) => sendJson(response, 200, { status: 'ok' }) },
      '/ready': { GET: this.#ready },
      '/metrics': { GET: options.metrics },
      '/stats': { GET: options.stats },
    };
  }

  /** Resolves with the URL that it can be reached at. */
  async listen(port: number, host: string): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    if (this.#server instanceof TlsServer) this.#options.certificate?.watch(this.#server);
    const { address, family, port: bound } = this.#server.address() as AddressInfo;
    return `${this.#options.certificate === null ? 'http' : 'https'}://${family === 'IPv6' ? `[${address}]` : address}:${bound}`;
  }

  /** Takes nobody new, and resolves when the WebSockets have left, evenly over the time given. */
  async drain(ms: number): Promise<void> {
    this.#isClosing = true;
    this.#closed = new Promise((resolve) => this.#server.close(() => resolve()));
    await this.#options.webSockets.drain(ms);
  }

  /** Once drained: what is under way is still answered, for so long; connections on which nothing is go at once. */
  async close(graceMs: number): Promise<void> {
    const sweep = setInterval(() => this.#server.closeIdleConnections(), SWEEP_MS);
    const cut = setTimeout(() => {
      this.#server.closeAllConnections();
      for (const connection of this.#connections) connection.destroy();
    }, graceMs);
    this.#server.closeIdleConnections();
    await this.#closed;
    clearInterval(sweep);
    clearTimeout(cut);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let route = 'unknown';
    try {
      const url = urlOf(request);
      // The dashboard's files have names that change with each build.
      const path = url?.pathname.startsWith('/assets/') === true ? '/' : url?.pathname;
      if (path !== undefined && Object.hasOwn(this.#routes, path)) route = path;
      this.#options.requests.begin(request, response, route);
      if (this.#isClosing) response.setHeader('connection', 'close');
      if (url === undefined) throw new TidingsError('BAD_REQUEST', 'The URL is malformed.');
      if (holdsToken(url)) throw new TidingsError('BAD_REQUEST', 'A token must not be in the URL.');
      const methods = this.#routes[route];
      this.#allowOrigin(request, response);
      if (methods === undefined) throw new TidingsError('NOT_FOUND', 'There is nothing here.');
      const allow = Object.keys(methods).join(', ');
      if (request.method === 'OPTIONS') return void response.writeHead(204, { allow }).end();
      const handler = Object.hasOwn(methods, request.method ?? '')
        ? methods[request.method ?? '']
        : undefined;
      if (handler === undefined) {
        response.setHeader('allow', allow);
        throw new TidingsError('METHOD_NOT_ALLOWED');
      }
      await this.#options.requests.run(request, route, () => handler(request, response, url));
    } catch (error) {
      const refusal = error instanceof TidingsError ? error : new TidingsError('INTERNAL_SERVER_ERROR');
      if (refusal !== error) this.#options.onError(error);
      this.#options.audit.refused(refusal.code, route, null, { requestId: requestIdOf(request) });
      sendError(response, refusal);
    } finally {
      // Where nobody cared for a body, Node would go on taking it from the connection, however long it is.
      if (response.writableEnded && hasMuchToCome(request)) request.socket.destroySoon();
    }
  }

  /** Pages of allowed origins may read what we answer, and send tokens and cookies; all others get no word about it. */
  #allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    response.setHeader('vary', 'origin');
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    if (this.#options.certificate !== null)
      response.setHeader('strict-transport-security', 'max-age=31536000');
    if (origin === undefined || !this.#options.authenticator.isAllowedOrigin(request.headers)) return;
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-credentials', 'true');
    response.setHeader('access-control-expose-headers', 'retry-after, x-request-id');
    if (request.method !== 'OPTIONS') return;
    response.setHeader('access-control-allow-methods', 'GET, POST, DELETE');
    response.setHeader('access-control-allow-headers', 'authorization, content-type, last-event-id');
    response.setHeader('access-control-max-age', '600');
  }

  readonly #graphql: Handler = async (request, response, url) => {
    // Also with a query in the URL, which is where the page keeps what is written in it.
    const isPage = request.method !== 'POST' && acceptedBy(request).includes('text/html');
    if (!isPage) return this.#options.graphql(request, response, url);
    const { open, withToken } = this.#options.graphiql;
    await (isLocal(request) && withToken !== null ? withToken : open).handle(request, response);
  };

  /** Browsers' EventSource can't send headers: a cookie stands in for the token, as long as that lives. */
  readonly #openSession: Handler = async (request, response) => {
    const { authenticator, now } = this.#options;
    if (!authenticator.isAllowedOrigin(request.headers))
      throw new TidingsError('FORBIDDEN', 'This origin is not allowed.');
    const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) throw new TidingsError('UNAUTHENTICATED');
    const { expiresAt } = await authenticator.verify(token);
    const seconds = Math.floor(((expiresAt ?? now()) - now()) / 1_000);
    response.setHeader('set-cookie', this.#cookie(request, token, seconds));
    response.writeHead(204).end();
  };

  readonly #closeSession: Handler = (request, response) => {
    response.setHeader('set-cookie', this.#cookie(request, '', 0));
    response.writeHead(204).end();
  };

  #cookie(request: IncomingMessage, value: string, seconds: number): string {
    const isSecure = this.#options.certificate !== null || request.headers['x-forwarded-proto'] === 'https';
    return `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${isSecure ? '; Secure' : ''}`;
  }

  readonly #webhook: Handler = async (request, response) => {
    const body = await this.#options.bodies.read(request, this.#options.webhookBodyBytes);
    const answer = await this.#options.githubWebhook(request.headers, body);
    sendJson(response, answer.status, answer.body);
  };

  readonly #cloudEvents: Handler = async (request, response) => {
    const body = async (): Promise<Buffer> => this.#options.bodies.read(request, this.#options.bodyBytes);
    sendJson(response, 200, await this.#options.cloudEvents(request.headers, body));
  };

  readonly #ready: Handler = async (_request, response) => {
    await this.#options.checkReady();
    sendJson(response, 200, { status: 'ready' });
  };
}
