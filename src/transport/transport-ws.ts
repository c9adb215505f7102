import {
  CloseCode,
  GRAPHQL_TRANSPORT_WS_PROTOCOL,
  MessageType,
  validateMessage,
  type Message,
} from 'graphql-ws';
import type { IncomingHttpHeaders } from 'node:http';
import type { Authenticator } from '../auth/authenticator.ts';
import { mayPass, TidingsError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { Audit } from '../ops/audit.ts';
import { closeCodes, type Connection } from './connection.ts';
import { refusal, tooManyMessages } from './operations.ts';
import { SocketOperation, type SocketServices, type Wording } from './socket-operation.ts';

export interface TransportWsOptions {
  readonly services: SocketServices;
  readonly authenticator: Authenticator;
  /** How many operations one connection may have at a time. */
  readonly maxOperations: number;
  readonly initTimeoutMs: number;
  readonly audit: Audit;
  readonly onError: (error: unknown) => void;
}

const wording: Wording = {
  result: (id) => `{"id":${JSON.stringify(id)},"type":"next","payload":`,
  complete: (id) => JSON.stringify({ id, type: MessageType.Complete }),
  error: (id, { errors }) => JSON.stringify({ id, type: MessageType.Error, payload: errors }),
};

/**
 * The subprotocol graphql-transport-ws (PROTOCOL.md of graphql-ws, which also tells here what a message is):
 *
 *     client                          server
 *     connection_init { payload? }    connection_ack { payload? }; or 4403, where the token is refused, 4408 where it comes too late
 *     subscribe { id, payload }       next { id, payload: result } …, complete { id }; or error { id, payload: errors }, which ends it as well
 *     complete { id }                 nothing
 *     ping { payload? }               pong { payload? }
 *
 * What breaks the protocol closes the connection: 4400 no message of it, 4401 before the acknowledgement, 4409 an id in use, 4429 a second
 * connection_init. Whatever is wrong with an operation is an `error` of that operation.
 */
export class TransportWs {
  readonly #connection: Connection;
  readonly #options: TransportWsOptions;
  /** Of the upgrade, until it is known who it is. */
  #headers: IncomingHttpHeaders | undefined;
  #timer: NodeJS.Timeout | undefined;
  #phase: 'new' | 'admitting' | 'acknowledged' = 'new';
  /** What came along with connection_init: clients don't wait for its answer. */
  #waiting: Message[] | undefined;

  constructor(connection: Connection, headers: IncomingHttpHeaders, options: TransportWsOptions) {
    this.#connection = connection;
    this.#headers = headers;
    this.#options = options;
    const { socket } = connection;
    if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
      connection.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable');
      return;
    }
    this.#timer = setTimeout(
      () => connection.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout'),
      options.initTimeoutMs,
    );
    socket.once('close', () => clearTimeout(this.#timer));
    connection.onMessage((data, isTooMany) => this.#receive(data, isTooMany));
  }

  #receive(data: Buffer, isTooMany: boolean): void {
    let message: Message;
    try {
      message = validateMessage(parseJson(data));
    } catch {
      return this.#connection.close(CloseCode.BadRequest, 'Invalid message received');
    }
    if (isTooMany && message.type === MessageType.Subscribe)
      return this.#connection.reply(wording.error(message.id, tooManyMessages()));
    if (this.#waiting !== undefined && message.type !== MessageType.ConnectionInit)
      return void this.#waiting.push(message);
    this.#handle(message);
  }

  #handle(message: Message): void {
    const connection = this.#connection;
    if (connection.isClosing) return;
    switch (message.type) {
      case MessageType.ConnectionInit:
        return void this.#init(message.payload);
      case MessageType.Ping:
        return connection.reply(
          JSON.stringify({
            type: MessageType.Pong,
            ...(message.payload === undefined ? {} : { payload: message.payload }),
          }),
        );
      case MessageType.Pong:
        return;
      case MessageType.Subscribe:
        return this.#subscribe(message.id, message.payload);
      case MessageType.Complete:
        return connection.operation(message.id)?.stop();
      default:
        connection.close(CloseCode.BadRequest, `Unexpected message of type ${message.type} received`);
    }
  }

  async #init(params: Record<string, unknown> | undefined): Promise<void> {
    const connection = this.#connection;
    const { authenticator, audit, onError } = this.#options;
    if (this.#phase !== 'new')
      return connection.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests');
    this.#phase = 'admitting';
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    // What comes meanwhile stays with the peer.
    connection.socket.pause();
    try {
      const viewer = await authenticator.fromConnection(params ?? undefined, this.#headers!);
      connection.greet(params);
      await connection.admit(viewer);
      const expiresAt = viewer.expiresAt === null ? undefined : new Date(viewer.expiresAt).toISOString();
      connection.send(
        JSON.stringify({
          type: MessageType.ConnectionAck,
          ...(expiresAt === undefined ? {} : { payload: { expiresAt } }),
        }),
      );
    } catch (error) {
      if (!(error instanceof TidingsError)) onError(error);
      else audit.refused(error.code, 'connection', null, connection.via);
      if (mayPass(error)) connection.close(closeCodes.tryLater, error.message);
      else connection.close(CloseCode.Forbidden, 'Forbidden');
    }
    this.#phase = 'acknowledged';
    this.#headers = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    connection.readOn();
    for (const message of waiting) this.#handle(message);
  }

  #subscribe(id: string, payload: unknown): void {
    const connection = this.#connection;
    if (this.#phase !== 'acknowledged') return connection.close(CloseCode.Unauthorized, 'Unauthorized');
    // Clients ask again elsewhere for what was not answered.
    if (connection.isLeaving) return;
    if (connection.operation(id) !== undefined)
      return connection.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`);
    const { services, maxOperations, audit } = this.#options;
    if (connection.operationCount >= maxOperations) {
      audit.refused('TOO_MANY_SUBSCRIPTIONS', 'connection', connection.viewer, connection.via);
      return connection.reply(wording.error(id, refusal(new TidingsError('TOO_MANY_SUBSCRIPTIONS'))));
    }
    const operation = new SocketOperation(services, connection, wording, id);
    connection.add(operation);
    void operation.start(payload);
  }
}
