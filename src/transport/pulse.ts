import type { Socket } from 'node:net';
import type { Connection } from './connection.ts';
import { pingFrame } from './frame.ts';
import type { Encoder } from './outlet.ts';

const pings: Encoder<string> = { encode: pingFrame };

/**
 * Pings of the WebSocket protocol, which every client answers, whatever else it speaks. A ping goes behind all that was written before, so its
 * answer proves that this has arrived; a peer that doesn't answer is gone.
 */
export class Pulse {
  readonly #connection: Connection;
  readonly #rawSocket: Socket;
  readonly #timer: NodeJS.Timeout;
  /** It has answered since the last ping. */
  #isAlive = true;
  #count = 0;
  #onArrived: (() => void) | undefined;
  #sent = 0;

  constructor(connection: Connection, rawSocket: Socket, pingMs: number) {
    this.#connection = connection;
    this.#rawSocket = rawSocket;
    connection.socket.on('pong', (data: Buffer) => this.#answered(data.toString()));
    this.#timer = setInterval(() => this.#beat(), pingMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const { socket, outlet } = this.#connection;
    // A ping waits behind all that a slow peer has not taken yet; that it takes something shows as well that it is there.
    const { bytesWritten, writableLength } = this.#rawSocket;
    const isTaking = writableLength > 0 && bytesWritten - writableLength > this.#sent;
    this.#sent = bytesWritten - writableLength;
    if (!this.#isAlive) return isTaking ? undefined : socket.terminate();
    this.#onArrived = this.#connection.mark();
    this.#isAlive = false;
    const payload = String(++this.#count);
    outlet.write(pings, payload, payload.length);
  }

  #answered(payload: string): void {
    // Some answer with nothing, or unasked: they are there, which proves nothing of what has arrived.
    this.#isAlive = true;
    if (payload !== String(this.#count)) return;
    this.#onArrived?.();
    this.#onArrived = undefined;
  }
}
