import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly protocol: 'graphql-transport-ws' | null;
  /** Payload of connection_init. */
  readonly init: unknown;
  /** Payload of subscribe. */
  readonly subscribe: unknown;
  /** An event has come: its number in its stream. */
  readonly onEvent: (seq: number) => void;
  readonly onClosed: (reason: string) => void;
  /** The server says what it should not. */
  readonly onMistake: (what: string) => void;
}

const TEXT = 0x1;
const CLOSE = 0x8;
const PING = 0x9;
const HEAD_END = '\r\n\r\n';
const SEQ = Buffer.from('seq=');

/** All sockets read into this: what they read is dealt with before the next one reads. */
const shared = Buffer.allocUnsafe(256 * 1_024);

/**
 * One WebSocket with one subscription, as cheap as it goes: 10 000 of them have to cost less than the server that they measure. Knows just
 * enough of the protocols for servers that behave.
 */
export class Client {
  readonly #socket: Socket;
  readonly #options: ClientOptions;
  /** A frame that has come in part. */
  #rest: Buffer | undefined;
  #phase: 'handshake' | 'init' | 'subscribed' = 'handshake';
  #settle: ((error?: Error) => void) | undefined;
  #isClosed = false;

  private constructor(options: ClientOptions, settle: (error?: Error) => void) {
    const { host, port, path, protocol } = options;
    this.#options = options;
    this.#settle = settle;
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (length) => {
          this.#read(shared.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('closed'));
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
        `${protocol === null ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`}\r\n`,
    );
  }

  /** Resolves when it has asked for its subscription, which it then has soon. */
  static open(options: ClientOptions): Promise<Client> {
    return new Promise((resolve, reject) => {
      const client: Client = new Client(options, (error) => (error ? reject(error) : resolve(client)));
    });
  }

  /** Reads nothing more, so that the server can't write. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Takes it away without a word. */
  destroy(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #fail(reason: string): void {
    if (this.#isClosed) return;
    this.destroy();
    if (this.#settle === undefined) return this.#options.onClosed(reason);
    this.#settle(new Error(`a client could not connect: ${reason}`));
    this.#settle = undefined;
  }

  #ready(): void {
    this.#phase = 'subscribed';
    this.#settle?.();
    this.#settle = undefined;
  }

  #read(chunk: Buffer): void {
    let data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.#phase === 'handshake') {
      const end = data.indexOf(HEAD_END);
      if (end >= 0) {
        this.#upgraded(data.toString('latin1', 0, end));
        data = data.subarray(end + HEAD_END.length);
      }
    }
    const used = this.#phase === 'handshake' ? 0 : this.#frames(data);
    // The buffer is the next socket's.
    this.#rest = used < data.length ? Buffer.from(data.subarray(used)) : undefined;
  }

  #upgraded(head: string): void {
    if (!head.startsWith('HTTP/1.1 101')) return this.#fail(head.slice(0, head.indexOf('\r\n')));
    if (this.#options.protocol === null) return this.#ready();
    this.#phase = 'init';
    this.#sendJson({ type: 'connection_init', payload: this.#options.init });
  }

  /** Deals with all frames that are complete; returns where they end. */
  #frames(data: Buffer): number {
    let at = 0;
    while (data.length - at >= 2) {
      let length = data[at + 1]!;
      let start = at + 2;
      if (length === 126) {
        if (data.length < at + 4) break;
        length = data.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (data.length < at + 10) break;
        length = Number(data.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      const end = start + length;
      if (end > data.length) break;
      this.#frame(data[at]! & 0x0f, data, start, end);
      at = end;
    }
    return at;
  }

  #frame(opcode: number, data: Buffer, start: number, end: number): void {
    if (opcode === TEXT) {
      const at = data.indexOf(SEQ, start);
      if (at >= 0 && at < end) this.#options.onEvent(numberAt(data, at + SEQ.length));
      else this.#message(data.toString('utf8', start, end));
    } else if (opcode === PING) {
      this.#send(0xa, data.subarray(start, end));
    } else if (opcode === CLOSE) {
      this.#fail(
        `closed with ${end - start >= 2 ? data.readUInt16BE(start) : 1005} ${data.toString('utf8', start + 2, end)}`,
      );
    }
  }

  #message(text: string): void {
    const type = /^\{(?:"id":"1",)?"type":"(\w+)"/.exec(text)?.[1];
    if (type === 'connection_ack') {
      this.#sendJson({ id: '1', type: 'subscribe', payload: this.#options.subscribe });
      this.#ready();
    } else if (type === 'ping') {
      this.#sendJson({ type: 'pong' });
    } else {
      this.#options.onMistake(type === undefined ? `bytes that are no message: ${text.slice(0, 100)}` : text);
    }
  }

  #sendJson(message: unknown): void {
    this.#send(TEXT, Buffer.from(JSON.stringify(message)));
  }

  /** Clients have to mask; a mask of zeros changes nothing. */
  #send(opcode: number, payload: Buffer): void {
    const { length } = payload;
    const head = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
    this.#socket.write(Buffer.concat([Buffer.from([0x80 | opcode, ...head, 0, 0, 0, 0]), payload]));
  }
}

function numberAt(data: Buffer, at: number): number {
  let number = 0;
  for (let i = at, digit = data[i]! - 48; digit >= 0 && digit <= 9; digit = data[++i]! - 48) {
    number = number * 10 + digit;
  }
  return number;
}
