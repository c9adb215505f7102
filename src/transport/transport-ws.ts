import {
  GraphQLError,
  OperationTypeNode,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
} from 'graphql';
import { CloseCode, makeServer } from 'graphql-ws';
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from '../auth/authenticator.ts';
import { errorCatalogue, TidingsError } from '../errors.ts';
import type { Audit } from '../ops/audit.ts';
import { closeCodes, type Connection } from './connection.ts';
import type { GraphQLRequest } from './documents.ts';
import { refusal, type Operations } from './operations.ts';
import type { SocketOperations } from './socket-operations.ts';

export interface TransportWsOptions {
  readonly operations: Operations;
  readonly socketOperations: SocketOperations;
  readonly authenticator: Authenticator;
  /** How many operations one connection may have at a time. */
  readonly maxOperations: number;
  readonly initTimeoutMs: number;
  readonly audit: Audit;
  readonly onError: (error: unknown) => void;
}

interface Extra {
  readonly connection: Connection;
  readonly upgrade: IncomingMessage;
}

/** What `onSubscribe` leaves for `execute` and `subscribe` of the same operation. */
interface Planned {
  readonly run: () => Promise<FormattedExecutionResult | EndOnly>;
}

/**
 * The subprotocol graphql-transport-ws. graphql-ws keeps the protocol: handshake, ids, close codes. Results of subscriptions don't pass
 * through it: they go to the connection as shared text, and the iterator that graphql-ws holds never yields, it only ends.
 */
export function createTransportWs(options: TransportWsOptions) {
  const { operations, socketOperations, authenticator, audit } = options;

  const server = makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: options.initTimeoutMs,

    // No hook may throw: graphql-ws would close the socket, and end every operation on it.
    async onConnect({ connectionParams, extra: { connection, upgrade } }) {
      try {
        const viewer = await authenticator.fromConnection(connectionParams, upgrade.headers);
        connection.greet(connectionParams);
        await connection.admit(viewer);
        return viewer.expiresAt === null ? true : { expiresAt: new Date(viewer.expiresAt).toISOString() };
      } catch (error) {
        if (!(error instanceof TidingsError)) options.onError(error);
        else {
          audit.refused(error.code, 'connection', null, connection.via);
          if (errorCatalogue[error.code].retryable) connection.close(closeCodes.tryLater, error.message);
        }
        return false;
      }
    },

    onSubscribe({ extra: { connection }, subscriptions }, id, payload) {
      if (Object.keys(subscriptions).length > options.maxOperations) {
        audit.refused('TOO_MANY_SUBSCRIPTIONS', 'connection', connection.viewer, connection.via);
        return shown(refusal(new TidingsError('TOO_MANY_SUBSCRIPTIONS')));
      }
      const request = payload as GraphQLRequest;
      const prepared = operations.prepare(request);
      if ('errors' in prepared) return shown(prepared);
      const socketRequest = { connection, id, request, prepared };
      const prefix = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
      const subscribe = async (): Promise<EndOnly> => {
        const opened = await socketOperations.subscribe(socketRequest, prefix);
        if ('errors' in opened)
          return new EndOnly(Promise.reject(new Refused(opened.errors)), () => undefined);
        return new EndOnly(opened.ended, () => connection.remove(id, opened));
      };
      const run =
        prepared.type === OperationTypeNode.SUBSCRIPTION
          ? subscribe
          : async () => socketOperations.execute(socketRequest);
      const planned: Planned = { run };
      // The schema is not used: execute and subscribe below do all of it.
      return {
        ...prepared,
        schema: operations.schema,
        operationName: request.operationName,
        contextValue: planned,
      };
    },

    execute: ({ contextValue }) => (contextValue as Planned).run() as never,
    subscribe: ({ contextValue }) => (contextValue as Planned).run() as never,

    // graphql-ws takes results apart as if their errors were GraphQLErrors; ours are presented already.
    onNext: (_context, _id, _payload, _args, result) => result as never,
    onError: (_context, _id, _payload, errors) =>
      errors.flatMap((error) => {
        if (error instanceof Shown) return [error.toJSON()];
        if (error.originalError instanceof Refused) return error.originalError.errors;
        return [operations.presentEnd(error)];
      }),
  });

  return {
    /** Hands a socket with this subprotocol over. */
    opened(connection: Connection, upgrade: IncomingMessage): void {
      const { socket } = connection;
      const inTurn = new IdQueue();
      let admitting: Promise<void> | undefined;
      /** Clients don't wait for the acknowledgement: what they send behind `connection_init` has its turn when that is through. */
      const receive = async (text: string, handle: (text: string) => Promise<void>): Promise<void> => {
        if (connection.isClosing) return;
        if (admitting !== undefined) return admitting.then(async () => receive(text, handle));
        const message = peek(text);
        if (message.type !== 'connection_init') return inTurn.run(message, text, handle);
        // What came along with it is kept; what comes later stays with the peer.
        socket.pause();
        admitting = handle(text).finally(() => {
          admitting = undefined;
          socket.resume();
        });
        return admitting;
      };
      const closed = server.opened(
        {
          protocol: socket.protocol,
          send: (message) => connection.send(message),
          close: (code = CloseCode.InternalServerError, reason = '') => connection.close(code, reason),
          onMessage: (handle) =>
            connection.onMessage((data, isTooMany) => {
              const text = data.toString();
              const { type, id } = isTooMany ? peek(text) : {};
              if (type === 'subscribe') {
                const payload = refusal(new TidingsError('RATE_LIMITED')).errors;
                return connection.send(JSON.stringify({ id, type: 'error', payload }));
              }
              receive(text, handle).catch((error: unknown) => {
                options.onError(error);
                connection.close(CloseCode.BadRequest, 'Invalid message received');
              });
            }),
        },
        { connection, upgrade },
      );
      socket.once('close', (code, reason) => {
        Promise.resolve(closed(code, String(reason))).catch(options.onError);
      });
    },
  };
}

/**
 * graphql-ws mixes up operations when an id is completed and used again at once: the end of the old one takes the new one with it. Here the new
 * one waits until the old one is through.
 */
class IdQueue {
  readonly #operations = new Map<
    string,
    { isCompleting: boolean; readonly handed: Promise<void> | undefined; done: Promise<void> }
  >();

  async run({ type, id }: Peeked, text: string, handle: (text: string) => Promise<void>): Promise<void> {
    if (id === undefined) return handle(text);
    const before = this.#operations.get(id);
    if (type === 'complete') {
      if (before === undefined) return handle(text);
      before.isCompleting = true;
      // It may be for one that waits itself. If not, its place is free at once.
      if (before.handed !== undefined) await before.handed;
      return handle(text);
    }
    // An id in use is graphql-ws's to refuse.
    if (before !== undefined && !before.isCompleting) return handle(text);
    const handed = before?.done.catch(() => undefined);
    const done = handed === undefined ? handle(text) : handed.then(async () => handle(text));
    const operation = { isCompleting: false, handed, done };
    this.#operations.set(id, operation);
    try {
      await done;
    } finally {
      if (this.#operations.get(id) === operation) this.#operations.delete(id);
    }
  }
}

interface Peeked {
  readonly type?: 'connection_init' | 'subscribe' | 'complete';
  readonly id?: string;
}

/** What kind of message it is, where that matters here; graphql-ws judges all else. */
function peek(text: string): Peeked {
  try {
    const message = JSON.parse(text) as { type?: unknown; id?: unknown } | null;
    if (message?.type === 'connection_init') return { type: message.type };
    if (typeof message?.id !== 'string') return {};
    if (message.type === 'subscribe' || message.type === 'complete')
      return { type: message.type, id: message.id };
  } catch {
    // Not JSON: refused by graphql-ws.
  }
  return {};
}

/** An iterator that graphql-ws can hold in place of the results: it never yields, ends with the subscription, and ends it. */
class EndOnly implements AsyncIterableIterator<never> {
  readonly #ended: Promise<void>;
  readonly #onReturn: () => void;

  constructor(ended: Promise<void>, onReturn: () => void) {
    this.#ended = ended;
    // Whoever never asks for the end must not end the process.
    ended.catch(() => undefined);
    this.#onReturn = onReturn;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<never, undefined>> {
    try {
      await this.#ended;
    } finally {
      this.#onReturn();
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<never, undefined>> {
    this.#onReturn();
    return { done: true, value: undefined };
  }
}

/** An error in the form that clients see, where graphql-ws insists on GraphQLErrors. */
class Shown extends GraphQLError {
  readonly #formatted: GraphQLFormattedError;

  constructor(formatted: GraphQLFormattedError) {
    super(formatted.message);
    this.#formatted = formatted;
  }

  override toJSON(): GraphQLFormattedError {
    return this.#formatted;
  }
}

/** A subscription that may not be opened: all that is wrong with it. */
class Refused extends Error {
  readonly errors: readonly GraphQLFormattedError[];

  constructor(errors: readonly GraphQLFormattedError[]) {
    super('refused');
    this.errors = errors;
  }
}

function shown({ errors }: { readonly errors: readonly GraphQLFormattedError[] }): Shown[] {
  return errors.map((error) => new Shown(error));
}
