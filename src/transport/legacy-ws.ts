import type { IncomingHttpHeaders } from 'node:http';
import type { Authenticator } from '../auth/authenticator.ts';
import { mayPass, TidingsError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { Audit } from '../ops/audit.ts';
import { closeCodes, type Connection } from './connection.ts';
import { refusal, tooManyMessages, type OpenFailure } from './operations.ts';
import { SocketOperation, type SocketServices, type Wording } from './socket-operation.ts';

export interface LegacyWsOptions {
  readonly services: SocketServices;
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

const wording: Wording = {
  result: (id) => `{"type":"data","id":${JSON.stringify(id)},"payload":`,
  complete: (id) => JSON.stringify({ type: 'complete', id }),
  error: (id, failure) => JSON.stringify({ type: 'error', id, payload: payloadOf(failure) }),
};

interface Message {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly payload?: unknown;
}

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
export class LegacyWs {
  readonly #connection: Connection;
  /** Of the upgrade, until it is known who it is. */
  #headers: IncomingHttpHeaders | undefined;
  readonly #options: LegacyWsOptions;
  #phase: 'new' | 'admitting' | 'acknowledged' | 'refused' = 'new';
  /** Why, in that phase. */
  #refusal = new TidingsError('UNAUTHENTICATED');
  #timer: NodeJS.Timeout;
  /** What came before the acknowledgement, by id. */
  readonly #waiting = new Map<string, unknown>();

  constructor(connection: Connection, headers: IncomingHttpHeaders, options: LegacyWsOptions) {
    this.#connection = connection;
    this.#headers = headers;
    this.#options = options;
    const timeOut = (): void => connection.close(4408, 'Connection initialisation timeout');
    this.#timer = setTimeout(timeOut, options.initTimeoutMs);
    connection.onMessage((data, isTooMany) => this.#receive(data, isTooMany));
    connection.socket.once('close', () => clearTimeout(this.#timer));
  }

  #receive(data: Buffer, isTooMany: boolean): void {
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
    if (type === 'start' && isTooMany) return this.#fail(id, tooManyMessages());
    if (type === 'start') return this.#start(id, payload);
    if (type === 'stop') return this.#stop(id);
    this.#misunderstood();
  }

  /** Nothing but the message is lost by it; before the acknowledgement there is nothing that it could be answered with. */
  #misunderstood(): void {
    if (this.#isBeforeAnswer) return this.#connection.close(4400, 'Invalid message received');
    const payload = payloadOf(refusal(new TidingsError('BAD_REQUEST')));
    this.#connection.reply(JSON.stringify({ type: 'connection_error', payload }));
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
      await this.#connection.admit(await authenticator.fromConnection(params, this.#headers!));
    } catch (error) {
      if (!(error instanceof TidingsError)) onError(error);
      else {
        audit.refused(error.code, 'connection', null, this.#connection.via);
        if (mayPass(error)) this.#refusal = error;
      }
      this.#phase = 'refused';
    }
    this.#headers = undefined;
    // It may have closed meanwhile.
    if (this.#connection.isClosing) return;
    if (this.#phase === 'refused') {
      this.#send({ type: 'connection_error', payload: payloadOf(refusal(this.#refusal)) });
      const isPassing = mayPass(this.#refusal);
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
    const { services, maxOperations } = this.#options;
    // Clients ask again elsewhere for what was not answered.
    if (this.#connection.isLeaving) return;
    // The old one ends here, and whatever it still has to say is dropped. Some clients send a start twice: it goes on where it was then.
    this.#connection.operation(id)?.abandon();
    if (this.#phase === 'refused') return this.#fail(id, refusal(this.#refusal));
    if (this.#isBeforeAnswer) {
      if (this.#waiting.size >= maxOperations) return this.#connection.close(4401, 'Unauthorized');
      this.#waiting.set(id, payload);
      return;
    }
    const connection = this.#connection;
    if (connection.operationCount >= maxOperations)
      return this.#fail(id, refusal(new TidingsError('TOO_MANY_SUBSCRIPTIONS')));
    const operation = new SocketOperation(services, connection, wording, id);
    connection.add(operation);
    void operation.start(payload);
  }

  #stop(id: string): void {
    this.#waiting.delete(id);
    this.#connection.operation(id)?.stop();
  }

  #fail(id: string, failure: OpenFailure): void {
    this.#connection.reply(wording.error(id, failure));
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
