import { STATUS_CODES, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Authenticator } from '../auth/authenticator.ts';
import { TidingsError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Requests } from '../ops/requests.ts';
import type { Via } from '../schema/context.ts';
import { CLOSE_GRACE_MS, Connection, closeCodes, type ConnectionOptions } from './connection.ts';
import { holdsToken, refusalBody, refusalHeaders, requestIdOf, urlOf } from './http-io.ts';
import type { Tarpit } from './tarpit.ts';

export interface WebSocketsOptions extends ConnectionOptions {
  readonly authenticator: Pick<Authenticator, 'isAllowedOrigin' | 'verify' | 'whenOver'>;
  /** Take over a WebSocket of their subprotocol. */
  readonly transportWs: (connection: Connection, headers: IncomingHttpHeaders) => void;
  readonly legacyWs: (connection: Connection, headers: IncomingHttpHeaders) => void;
  readonly requests: Pick<Requests, 'name'>;
  /** How much one client may use. */
  readonly limits: Pick<Limits, 'connection' | 'user' | 'messages'>;
  /** Where a request comes from, for that. */
  readonly addressOf: (request: IncomingMessage) => string | null;
  readonly messageBytes: number;
  /** What queries and mutations that are under way have at the end, once everybody was told to leave. */
  readonly closeGraceMs: number;
  readonly tarpit: Tarpit;
}

/** In the order of preference. */
const SUBPROTOCOLS = ['graphql-transport-ws', 'graphql-ws'];
/** Of one inbound message. */
const MAX_FRAGMENTS = 64;
/** So many may be told at a time that the server is full, in so many milliseconds; the others get a bare answer. */
const MOST_TURNED_AWAY = 100;
const TURN_AWAY_MS = 1_000;
/**
 * Bytes that a client may send without having been let in. It has to wait for that, and who hardly does is forgiven. Through TLS no more than
 * 16 KiB come at a time, with the request.
 */
const MOST_EARLY = 8 * 1_024;

/** The way in for WebSockets, and all that are open. */
export class WebSockets {
  readonly #options: WebSocketsOptions;
  readonly #handshake: WebSocketServer;
  readonly #connections = new Set<Connection>();
  #turnedAway = 0;
  #isClosing = false;

  constructor(options: WebSocketsOptions) {
    this.#options = options;
    this.#handshake = new WebSocketServer({
      noServer: true,
      maxPayload: options.messageBytes,
      maxFragments: MAX_FRAGMENTS,
      perMessageDeflate: false,
      // One message of each socket in a turn of the event loop: a thousand that came at once must not keep everybody else waiting.
      allowSynchronousEvents: false,
      clientTracking: false,
      handleProtocols: (offered) => SUBPROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
    });
  }

  /** Open ones, by subprotocol. */
  get counts(): Readonly<Record<'websocket' | 'websocket-legacy', number>> {
    const connections = [...this.#connections];
    const legacy = connections.filter(({ via }) => via.transport === 'websocket-legacy').length;
    return { websocket: connections.length - legacy, 'websocket-legacy': legacy };
  }

  /**
   * Takes nobody new, and sends all away, evenly over the time given: their clients come back elsewhere. Whoever waits for an answer gets it
   * first.
   */
  async drain(ms: number): Promise<void> {
    this.#isClosing = true;
    this.#options.tarpit.close();
    const connections = [...this.#connections];
    const goodbye = [closeCodes.goingAway, 'The server is going away'] as const;
    const gone = connections.map(
      async (connection, index) =>
        new Promise<void>((resolve) => {
          const timers = [
            setTimeout(() => connection.leave(...goodbye), (ms * index) / connections.length),
            setTimeout(() => connection.close(...goodbye), ms + this.#options.closeGraceMs),
            setTimeout(() => connection.cutOff(), ms + CLOSE_GRACE_MS),
          ];
          connection.socket.once('close', () => {
            timers.forEach((timer) => clearTimeout(timer));
            resolve();
          });
        }),
    );
    await Promise.all(gone);
  }

  /** Lets a request to become a WebSocket in, or refuses it. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // It may fail while it is still being looked at.
    socket.on('error', () => undefined);
    // What it sends without waiting for the answer stays in the system, but for what Node reads at a time.
    socket.pause();
    try {
      if (head.length > MOST_EARLY)
        throw new TidingsError('BAD_REQUEST', 'A client has to wait for the answer to its handshake.');
      const url = urlOf(request);
      if (url === undefined) throw new TidingsError('BAD_REQUEST', 'The URL is malformed.');
      if (this.#isClosing) throw new TidingsError('SHUTTING_DOWN');
      if (url.pathname !== '/graphql') throw new TidingsError('NOT_FOUND', 'There is nothing here.');
      if (holdsToken(url)) throw new TidingsError('BAD_REQUEST', 'A token must not be in the URL.');
      if (!this.#options.authenticator.isAllowedOrigin(request.headers))
        throw new TidingsError('FORBIDDEN', 'This origin is not allowed.');
      await this.#admit(request, socket, head);
    } catch (error) {
      if (!(error instanceof TidingsError)) this.#options.onError(error);
      else if (error.code === 'OVERLOADED' && this.#turnedAway < MOST_TURNED_AWAY)
        return this.#turnAway(request, socket, head, error);
      const refusal = error instanceof TidingsError ? error : new TidingsError('INTERNAL_SERVER_ERROR');
      if (head.length > MOST_EARLY) {
        // Told that it is over, too, it would be back at once.
        socket.write(refusalOf(refusal));
        return this.#options.tarpit.take(socket);
      }
      this.#seeOff(socket);
      socket.end(refusalOf(refusal));
    }
  }

  /** Whatever becomes of the handshake, the place is free again when the socket is gone. */
  async #admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { limits, addressOf } = this.#options;
    const leave = await limits.connection(addressOf(request));
    if (socket.destroyed) return leave();
    socket.once('close', leave);
    if (this.#isClosing) throw new TidingsError('SHUTTING_DOWN');
    this.#options.requests.name(request);
    this.#handshake.handleUpgrade(request, socket, head, (webSocket) => {
      this.#open(webSocket, request, socket);
      socket.resume();
    });
  }

  /** Browsers are told nothing about a handshake that failed: to be told to come later, they have to be let in first. */
  #turnAway(request: IncomingMessage, socket: Duplex, head: Buffer, { message }: TidingsError): void {
    if (socket.destroyed) return;
    this.#turnedAway += 1;
    socket.once('close', () => (this.#turnedAway -= 1));
    this.#handshake.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined);
      webSocket.close(closeCodes.tryLater, message);
      this.#seeOff(socket, webSocket);
    });
  }

  /** Whoever is sent away is read from for a moment, to hear that it has left; but it may never leave, or go on sending as much as it can. */
  #seeOff(socket: Duplex, reader: Pick<WebSocket, 'pause'> = socket): void {
    const cut = setTimeout(() => socket.destroy(), TURN_AWAY_MS);
    socket.once('close', () => clearTimeout(cut));
    let bytes = 0;
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
      if (bytes <= MOST_EARLY) return;
      clearTimeout(cut);
      reader.pause();
      this.#options.tarpit.take(socket);
    });
    socket.resume();
  }

  /** A method of its own, so that nothing that stays with the connection keeps its upgrade request in memory. */
  #open(socket: WebSocket, request: IncomingMessage, rawSocket: Duplex): void {
    const { onError } = this.#options;
    const { headers } = request;
    socket.on('error', (error) => {
      // The peer's mistakes in the protocol close its socket, and are no news to us.
      if (!('code' in error) || !String(error.code).startsWith('WS_ERR')) onError(error);
    });
    // Who offers none speaks the legacy one; who offers only unknown ones is refused by the other.
    const isLegacy = socket.protocol === 'graphql-ws' || headers['sec-websocket-protocol'] === undefined;
    const transport = isLegacy ? 'websocket-legacy' : 'websocket';
    const via: Via = { transport, requestId: requestIdOf(request) };
    const from = { via, address: this.#options.addressOf(request) };
    const connection = new Connection(socket, rawSocket as Socket, from, this.#options);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    this.#options[isLegacy ? 'legacyWs' : 'transportWs'](connection, headers);
  }
}

function refusalOf(error: TidingsError): string {
  const body = JSON.stringify(refusalBody(error));
  const headers = {
    ...refusalHeaders(error),
    connection: 'close',
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const { httpStatus } = error;
  return `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus]}\r\n${lines.join('')}\r\n${body}`;
}
