import { OperationTypeNode } from 'graphql';
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from '../auth/authenticator.ts';
import { errorCatalogue, TidingsError } from '../errors.ts';
import type { Audit } from '../ops/audit.ts';
import { closeCodes, type Connection } from './connection.ts';
import { requestFrom } from './documents.ts';
import { parseJson } from './http-io.ts';
import { refusal, type OpenFailure, type Operations } from './operations.ts';
import type { SocketOperations } from './socket-operations.ts';

export interface LegacyWsOptions {
  readonly operations: Operations;
  readonly socketOperations: SocketOperations;
  readonly authenticator: Authenticator;
  /** How many operations one connection may have at a time. */
  readonly maxOperations: number;
  readonly initTimeoutMs: number;
  /** Milliseconds between keep-alive messages: some clients count these only, and leave after 30 s without one. */
  readonly keepAliveMs: number;
  readonly audit: Audit;
  readonly onError: (error: unknown) => void;
}

/** How long a refused connection stays open for the operations that its client sent right behind `connection_init`: each is told why. */
const REFUSAL_GRACE_MS = 100;

/**
 * The subprotocol graphql-ws of the package subscriptions-transport-ws, which older clients speak, and those that offer none at all.
 *
 *     client                          server
 *     connection_init { payload? }    connection_ack, ka, and ka again and again; or connection_error { payload: error }, then 4403
 *     start { id, payload: request }  data { id, payload: result } …, complete { id }; or error { id, payload: error }, which ends it as well
 *     stop { id }                     nothing
 *     connection_terminate            closes
 *
 * `start` may come before the acknowledgement, and with an id in use, when it takes the place of the operation that has it.
 */
export function createLegacyWs(options: LegacyWsOptions) {
  return {
    /** Hands a socket with this subprotocol over. */
    opened(connection: Connection, upgrade: IncomingMessage): void {
      const socket = new LegacySocket(connection, upgrade, options);
      connection.onMessage((data, isTooMany) => socket.receive(data, isTooMany));
      connection.socket.once('close', () => socket.closed());
    },
  };
}

interface Message {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly payload?: unknown;
}

/** An operation for as long as it is the one that its id means. */
interface Running {
  stop: () => void;
}

class LegacySocket {
  readonly #connection: Connection;
  readonly #upgrade: IncomingMessage;
  readonly #options: LegacyWsOptions;
  #phase: 'new' | 'admitting' | 'acknowledged' | 'refused' = 'new';
  /** Why, in that phase. */
  #refusal = new TidingsError('UNAUTHENTICATED');
  #timer: NodeJS.Timeout;
  /** What came before the acknowledgement, by id. */
  readonly #waiting = new Map<string, unknown>();
  readonly #running = new Map<string, Running>();

  constructor(connection: Connection, upgrade: IncomingMessage, options: LegacyWsOptions) {
    this.#connection = connection;
    this.#upgrade = upgrade;
    this.#options = options;
    const timeOut = (): void => connection.close(4408, 'Connection initialisation timeout');
    this.#timer = setTimeout(timeOut, options.initTimeoutMs);
  }

  receive(data: Buffer, isTooMany: boolean): void {
    let message: Message | null;
    try {
      message = parseJson(data) as Message | null;
    } catch {
      return this.#misunderstood();
    }
    const { type, id, payload } = message ?? {};
    if (type === 'connection_init') return void this.#init(payload);
    if (type === 'connection_terminate') return this.#connection.close(1000, '');
    if (typeof id !== 'string') return this.#misunderstood();
    if (type === 'start' && isTooMany) return this.#fail(id, refusal(new TidingsError('RATE_LIMITED')));
    if (type === 'start') return this.#start(id, payload);
    if (type === 'stop') return this.#stop(id);
    this.#misunderstood();
  }

  closed(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
    // Subscriptions are the connection's to end; queries and mutations finish for nobody.
    this.#running.clear();
  }

  /** Nothing but the message is lost by it; before the acknowledgement there is nothing that it could be answered with. */
  #misunderstood(): void {
    if (this.#isBeforeAnswer) return this.#connection.close(4400, 'Invalid message received');
    this.#send({ type: 'connection_error', payload: payloadOf(refusal(new TidingsError('BAD_REQUEST'))) });
  }

  get #isBeforeAnswer(): boolean {
    return this.#phase === 'new' || this.#phase === 'admitting';
  }

  async #init(payload: unknown): Promise<void> {
    if (this.#phase !== 'new') return this.#connection.close(4429, 'Too many initialisation requests');
    clearTimeout(this.#timer);
    const { authenticator, keepAliveMs, audit, onError } = this.#options;
    this.#phase = 'admitting';
    try {
      const params =
        typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : undefined;
      this.#connection.greet(params);
      await this.#connection.admit(await authenticator.fromConnection(params, this.#upgrade.headers));
    } catch (error) {
      if (!(error instanceof TidingsError)) onError(error);
      else {
        audit.refused(error.code, 'connection', null, this.#connection.via);
        if (errorCatalogue[error.code].retryable) this.#refusal = error;
      }
      this.#phase = 'refused';
    }
    // It may have closed meanwhile.
    if (this.#connection.isClosing) return;
    if (this.#phase === 'refused') {
      this.#send({ type: 'connection_error', payload: payloadOf(refusal(this.#refusal)) });
      const isPassing = errorCatalogue[this.#refusal.code].retryable;
      const close = (): void =>
        isPassing
          ? this.#connection.close(closeCodes.tryLater, this.#refusal.message)
          : this.#connection.close(closeCodes.tokenOver, 'Forbidden');
      this.#timer = setTimeout(close, REFUSAL_GRACE_MS);
    } else {
      this.#phase = 'acknowledged';
      this.#send({ type: 'connection_ack' });
      this.#send({ type: 'ka' });
      this.#timer = setInterval(() => this.#send({ type: 'ka' }), keepAliveMs);
    }
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [id, request] of waiting) this.#start(id, request);
  }

  #start(id: string, payload: unknown): void {
    const { maxOperations } = this.#options;
    // The old one ends here, and whatever it still has to say is dropped.
    this.#stop(id);
    if (this.#phase === 'refused') return this.#fail(id, refusal(this.#refusal));
    if (this.#isBeforeAnswer) {
      if (this.#waiting.size >= maxOperations) return this.#connection.close(4401, 'Unauthorized');
      this.#waiting.set(id, payload);
      return;
    }
    if (this.#running.size >= maxOperations)
      return this.#fail(id, refusal(new TidingsError('TOO_MANY_SUBSCRIPTIONS')));
    const running: Running = { stop: () => undefined };
    this.#running.set(id, running);
    void this.#run(id, payload, running);
  }

  /** From its start to its last message, unless it stops being the one that its id means before. */
  async #run(id: string, payload: unknown, running: Running): Promise<void> {
    const isCurrent = (): boolean => this.#running.get(id) === running;
    let failure: OpenFailure | undefined;
    try {
      failure = await this.#perform(id, payload, running, isCurrent);
    } catch (error) {
      failure = { errors: [this.#options.operations.presentEnd(error)] };
    }
    if (!isCurrent()) return;
    this.#stop(id);
    if (failure === undefined) this.#send({ type: 'complete', id });
    else this.#fail(id, failure);
  }

  async #perform(
    id: string,
    payload: unknown,
    running: Running,
    isCurrent: () => boolean,
  ): Promise<OpenFailure | undefined> {
    const { operations, socketOperations } = this.#options;
    const connection = this.#connection;
    const request = requestFrom(payload);
    const prepared = operations.prepare(request);
    if ('errors' in prepared) return prepared;
    const socketRequest = { connection, id, request, prepared };
    if (prepared.type !== OperationTypeNode.SUBSCRIPTION) {
      const result = await socketOperations.execute(socketRequest);
      if (isCurrent()) this.#send({ type: 'data', id, payload: result });
      return undefined;
    }
    const prefix = `{"type":"data","id":${JSON.stringify(id)},"payload":`;
    const opened = await socketOperations.subscribe(socketRequest, prefix, isCurrent);
    if ('errors' in opened) return opened;
    running.stop = () => connection.remove(id, opened);
    if (!isCurrent()) running.stop();
    await opened.ended;
    return undefined;
  }

  #stop(id: string): void {
    this.#waiting.delete(id);
    this.#running.get(id)?.stop();
    this.#running.delete(id);
  }

  #fail(id: string, failure: OpenFailure): void {
    this.#send({ type: 'error', id, payload: payloadOf(failure) });
  }

  #send(message: Message): void {
    this.#connection.send(JSON.stringify(message));
  }
}

/** One object, because some clients take nothing else here; those that know more than one error look for them in `errors`. */
function payloadOf({ errors }: OpenFailure): unknown {
  const [first] = errors;
  return errors.length === 1 ? first : { ...first, errors };
}
