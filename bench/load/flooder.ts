/** A process that floods a server, as cheaply for itself as it goes. It is to have what processor time the others leave. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { answerTo } from '../rpc.ts';

export type FloodKind = 'connections' | 'messages' | 'publishes' | 'streams';

export interface FloodOptions {
  readonly kind: FloodKind;
  readonly url: string;
  readonly token: string;
  /** From how many addresses, as a proxy would tell them. */
  readonly addresses: number;
  /** Connections that are opened, one after the other, in so many places at once. */
  readonly places: number;
  /** After so many milliseconds without an answer one goes and comes again: the server can't slow it down by letting it wait. Null: they wait. */
  readonly patienceMs: number | null;
}

/** What one place does in the life of one connection. */
interface Behaviour {
  readonly hello: (address: string) => Buffer;
  /** Again and again, as soon as the system takes it; null: nothing. */
  readonly again: (address: string) => Buffer | null;
  /** It is left alone once it has an answer with this in it. */
  readonly holdsOn: string | null;
}

const EVENTS = 100;
const MESSAGES = 50;

const upgrade = (address: string): string =>
  `GET /graphql HTTP/1.1\r\nhost: bench\r\nx-forwarded-for: ${address}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n`;

/** Clients have to mask; a mask of zeros changes nothing. */
function frame(message: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(message));
  const size =
    payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...size, 0, 0, 0, 0]), payload]);
}

function post(address: string, token: string, accept: string, body: unknown): Buffer {
  const json = JSON.stringify(body);
  return Buffer.from(
    `POST /graphql HTTP/1.1\r\nhost: bench\r\nx-forwarded-for: ${address}\r\nauthorization: Bearer ${token}\r\naccept: ${accept}\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`,
  );
}

function behaviourOf({ kind, token }: FloodOptions): Behaviour {
  switch (kind) {
    case 'connections':
      return {
        hello: (address) => Buffer.from(upgrade(address)),
        again: () => null,
        holdsOn: '101 Switching',
      };
    case 'messages': {
      const init = frame({ type: 'connection_init', payload: { token } });
      const query = '{ viewer { userId } }';
      const messages = Buffer.concat(
        Array.from({ length: MESSAGES }, (_each, id) =>
          frame({ id: String(id), type: 'subscribe', payload: { query } }),
        ),
      );
      return {
        hello: (address) => Buffer.concat([Buffer.from(upgrade(address)), init]),
        again: () => messages,
        holdsOn: null,
      };
    }
    case 'publishes': {
      const events = Array.from({ length: EVENTS }, (_each, index) => ({
        type: 'PR_UPDATED',
        data: { repoId: 'flooded', number: 1 + index, title: 'A flood of pull requests', state: 'OPEN' },
      }));
      const query = 'mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { cursors } }';
      const bodies = new Map<string, Buffer>();
      const body = (address: string): Buffer => {
        let known = bodies.get(address);
        if (known === undefined)
          bodies.set(
            address,
            (known = post(address, token, 'application/json', { query, variables: { input: { events } } })),
          );
        return known;
      };
      return { hello: body, again: body, holdsOn: null };
    }
    case 'streams': {
      const body = { query: 'subscription { announcement { message } }' };
      return {
        hello: (address) => post(address, token, 'text/event-stream', body),
        again: () => null,
        holdsOn: '200 OK',
      };
    }
  }
}

let isOver = true;
let attempts = 0;
let held = 0;
const open = new Set<Socket>();

/** One connection, until the server ends it or has answered. */
async function live(address: string, options: FloodOptions, behaviour: Behaviour): Promise<void> {
  const { hostname, port } = new URL(options.url);
  const isOneByOne = options.kind === 'publishes';
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname);
    open.add(socket);
    socket.on('error', () => undefined);
    let patience: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(patience);
      if (options.patienceMs !== null) patience = setTimeout(() => socket.destroy(), options.patienceMs);
    };
    socket.once('close', () => {
      clearTimeout(patience);
      open.delete(socket);
      resolve();
    });
    const more = (): void => {
      const bytes = behaviour.again(address);
      if (isOver || bytes === null || !socket.writable) return;
      attempts += isOneByOne ? 1 : MESSAGES;
      if (isOneByOne) wait();
      if (socket.write(bytes)) setImmediate(isOneByOne ? (): void => undefined : more);
      else socket.once('drain', isOneByOne ? (): void => undefined : more);
    };
    socket.on('data', (data) => {
      clearTimeout(patience);
      if (isOneByOne) return more();
      if (behaviour.again(address) !== null) return;
      if (behaviour.holdsOn !== null && data.includes(behaviour.holdsOn)) {
        // It has a place, and keeps it.
        held += 1;
        socket.removeAllListeners('data').resume();
        return resolve();
      }
      if (open.has(socket)) socket.destroy();
    });
    attempts += 1;
    wait();
    socket.write(behaviour.hello(address));
    if (options.kind === 'messages') more();
  });
}

const flooder = {
  start(options: FloodOptions): void {
    // Whoever is measured beside it must not wait for it.
    setPriority(constants.priority.PRIORITY_LOW);
    isOver = false;
    attempts = 0;
    held = 0;
    const behaviour = behaviourOf(options);
    for (let place = 0; place < options.places; place++) {
      void (async () => {
        for (let turn = 0; !isOver; turn++) {
          const number = (place + turn * options.places) % options.addresses;
          await live(`198.51.${100 + (number >> 8)}.${number & 255}`, options, behaviour);
        }
      })();
    }
  },
  /** Leaves. Tells how much was tried, and how many connections were held. */
  stop(): { readonly attempts: number; readonly held: number } {
    isOver = true;
    for (const socket of open) socket.destroy();
    return { attempts, held };
  },
};

export type Flooder = typeof flooder;

answerTo(flooder);
