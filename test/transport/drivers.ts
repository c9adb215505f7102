import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { TestSocket, type Message } from '../support/socket.ts';

/** A GraphQL result, or what an operation was refused with. */
export interface Result {
  readonly data?: Record<string, unknown>;
  readonly errors?: readonly { readonly extensions: Readonly<Record<string, unknown>> }[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** One operation, whatever it comes over. */
export class Operation {
  readonly #results: Result[] = [];
  #wake: () => void = () => undefined;
  #end: (how: 'over' | 'interrupted') => void = () => undefined;
  #hasEnded = false;
  /** How it ended: for good, or so that it can go on elsewhere. */
  readonly ended = new Promise<'over' | 'interrupted'>((resolve) => (this.#end = resolve));

  push(result: Result): void {
    this.#results.push(result);
    this.#wake();
  }

  end(how: 'over' | 'interrupted'): void {
    this.#hasEnded = true;
    this.#end(how);
    this.#wake();
  }

  /** The next result, in the order of arrival. */
  async next(): Promise<Result> {
    for (;;) {
      const result = this.#results.shift();
      if (result !== undefined) return result;
      if (this.#hasEnded) throw new Error(`ended (${await this.ended}) while a result was expected`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** What was received and not asked for. */
  get rest(): readonly Result[] {
    return this.#results;
  }
}

/** A client with its token; where the transport has connections, it has one. */
export interface Peer extends Disposable {
  start(query: string, variables?: Readonly<Record<string, unknown>>): Operation;
  /** Breaks its connection, without a word. */
  cut(): void;
  /** Reads nothing any more, until it resumes. */
  pause(): void;
  resume(): void;
}

export interface Driver {
  readonly name: string;
  /** `token: null` shows none. */
  connect(url: string, token: string | null): Promise<Peer>;
}

/** What a protocol over WebSocket calls things. */
interface Words {
  readonly start: string;
  readonly result: string;
}

function overWebSocket(protocol: string, words: Words): Driver {
  return {
    name: protocol,
    async connect(url, token) {
      const socket = new TestSocket(url.replace('http', 'ws'), { protocol });
      await socket.opened();
      socket.send({ type: 'connection_init', payload: token === null ? {} : { token } });
      const ack = await socket.receive();
      if (ack.type !== 'connection_ack') throw new Error(`not acknowledged: ${JSON.stringify(ack)}`);
      const operations = new Map<string, Operation>();
      const dispatch = ({ type, id = '', payload }: Message): void => {
        const operation = operations.get(id);
        if (operation === undefined) return;
        if (type === words.result) return operation.push(payload as Result);
        if (type === 'error') operation.push({ errors: [payload].flat() as Result['errors'] & object });
        operations.delete(id);
        operation.end('over');
      };
      void (async () => {
        for (;;) dispatch(await socket.receive());
      })().catch(() => {
        for (const operation of operations.values()) operation.end('interrupted');
      });
      let count = 0;
      return {
        start(query, variables) {
          const id = String(++count);
          const operation = new Operation();
          operations.set(id, operation);
          socket.send({ type: words.start, id, payload: { query, variables } });
          return operation;
        },
        cut: () => socket.socket.terminate(),
        pause: () => socket.socket.pause(),
        resume: () => socket.socket.resume(),
        [Symbol.dispose]: () => socket[Symbol.dispose](),
      };
    },
  };
}

/** Takes what it can from the front of a text: the results in it, what is left, and whether the operation is over. */
type Parse = (text: string) => {
  readonly results: Result[];
  readonly rest: string;
  readonly isOver: boolean;
};

const parseEvents: Parse = (text) => {
  const events = text.split('\n\n');
  const rest = events.pop()!;
  const data = events.filter((event) => event.startsWith('event: next'));
  return {
    results: data.map((event) => JSON.parse(/^data: (.*)$/m.exec(event)![1]!) as Result),
    rest,
    isOver: events.some((event) => event.startsWith('event: complete')),
  };
};

const parseParts: Parse = (text) => {
  const parts = text.split('\r\n--graphql');
  const rest = parts.pop()!;
  const bodies = parts
    .filter((part) => part !== '')
    .map((part) => JSON.parse(part.split('\r\n\r\n')[1]!) as object);
  // Errors without a payload are an interruption: the client is to come back.
  const isInterrupted = bodies.some((body) => 'payload' in body && body.payload === null);
  const results = bodies.flatMap((body) =>
    'payload' in body && body.payload !== null ? [body.payload as Result] : [],
  );
  const isOver = rest === '--\r\n' && !isInterrupted;
  return { results, rest, isOver };
};

/** Every operation is a request of its own. */
function overHttp(name: string, accept: string, parse: Parse): Driver {
  return {
    name,
    connect: async (url, token) => {
      const responses = new Set<IncomingMessage>();
      let isPaused = false;
      const read = (response: IncomingMessage, operation: Operation): void => {
        responses.add(response);
        response.setEncoding('utf8');
        let text = '';
        let isOver = false;
        response.on('data', (chunk: string) => {
          const parsed = parse(text + chunk);
          text = parsed.rest;
          isOver ||= parsed.isOver;
          for (const result of parsed.results) operation.push(result);
        });
        response.on('error', () => undefined);
        response.once('close', () => operation.end(isOver ? 'over' : 'interrupted'));
        if (isPaused) response.pause();
      };
      const cut = (): void => {
        for (const response of responses) response.destroy();
      };
      return {
        start(query, variables) {
          const operation = new Operation();
          const shown = token === null ? {} : { authorization: `Bearer ${token}` };
          const headers = { accept, 'content-type': 'application/json', ...shown };
          const sending = request(url, { method: 'POST', headers, agent: false });
          once(sending, 'response').then(
            ([response]) => read(response as IncomingMessage, operation),
            () => operation.end('interrupted'),
          );
          sending.end(JSON.stringify({ query, variables }));
          return operation;
        },
        cut,
        pause() {
          isPaused = true;
          for (const response of responses) response.pause();
        },
        resume() {
          isPaused = false;
          for (const response of responses) response.resume();
        },
        [Symbol.dispose]: cut,
      };
    },
  };
}

/** Every way to subscribe. */
export const drivers: readonly Driver[] = [
  overWebSocket('graphql-transport-ws', { start: 'subscribe', result: 'next' }),
  overWebSocket('graphql-ws', { start: 'start', result: 'data' }),
  overHttp('server-sent events', 'text/event-stream', parseEvents),
  overHttp('multipart', 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json', parseParts),
];
