import type { Socket } from 'node:net';
import type { Connection } from './connection.ts';
import { pingFrame } from './frame.ts';
import type { Encoder } from './outlet.ts';

const pings: Encoder<string> = { encode: pingFrame };
/** Even a slow line takes so many bytes from one ping to the next. Of more, some may still be in the kernel's or a proxy's buffers. */
const SOON_TAKEN = 16 * 1_024;

export interface PulseOptions {
  readonly pingMs: number;
  /** How long a peer has for what may be on its way to it still. */
  readonly writeDeadlineMs: number;
}

/**
 * Pings of the WebSocket protocol, which every client answers, whatever else it speaks. A ping goes behind all that was written before, so its
 * answer proves that this has arrived; a peer that doesn't answer is gone.
 */
export class Pulse {
  readonly #connection: Pick<Connection, 'socket' | 'outlet' | 'mark'>;
  readonly #rawSocket: Pick<Socket, 'bytesWritten' | 'writableLength'>;
  readonly #timer: NodeJS.Timeout;
  /** So many times it may have nothing to show for a ping that waits behind much else. */
  readonly #patience: number;
  /** It has answered since the last ping. */
  #isAlive = true;
  #count = 0;
  #onArrived: (() => void) | undefined;
  /** Bytes that the kernel had taken at the last look. */
  #taken = 0;
  /** Bytes written before the last ping. */
  #written = 0;
  /** Whether the last ping waits behind much else. */
  #isBehind = false;
  #silence = 0;

  constructor(
    connection: Pick<Connection, 'socket' | 'outlet' | 'mark'>,
    rawSocket: Pick<Socket, 'bytesWritten' | 'writableLength'>,
    { pingMs, writeDeadlineMs }: PulseOptions,
  ) {
    this.#connection = connection;
    this.#rawSocket = rawSocket;
    this.#patience = Math.ceil(writeDeadlineMs / pingMs);
    connection.socket.on('pong', (data: Buffer) => this.#answered(data.toString()));
    this.#timer = setInterval(() => this.#beat(), pingMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const { socket, outlet } = this.#connection;
    const { bytesWritten, writableLength } = this.#rawSocket;
    // A ping waits behind all that a slow peer has not taken yet; that it takes something shows as well that it is there.
    const isTaking = writableLength > 0 && bytesWritten - writableLength > this.#taken;
    this.#taken = bytesWritten - writableLength;
    if (isTaking) this.#silence = 0;
    else if (!this.#isAlive && ++this.#silence >= (this.#isBehind ? this.#patience : 1))
      return socket.terminate();
    if (!this.#isAlive) return;
    this.#isBehind = writableLength > 0 || bytesWritten - this.#written > SOON_TAKEN;
    this.#written = bytesWritten;
    this.#onArrived = this.#connection.mark();
    this.#isAlive = false;
    const payload = String(++this.#count);
    outlet.write(pings, payload, payload.length);
  }

  #answered(payload: string): void {
    // Some answer with nothing, or unasked: they are there, which proves nothing of what has arrived.
    this.#isAlive = true;
    this.#silence = 0;
    if (payload !== String(this.#count)) return;
    this.#onArrived?.();
    this.#onArrived = undefined;
  }
}
