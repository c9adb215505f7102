import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { pingFrame } from './frame.ts';
import type { Outlet } from './outlet.ts';

export interface PulseOptions {
  readonly socket: WebSocket;
  /** What the WebSocket writes to. */
  readonly rawSocket: Socket;
  readonly outlet: Outlet;
  readonly pingMs: number;
  /** Called before each ping; what it returns is called when everything written before has arrived. */
  readonly onPing: () => (() => void) | undefined;
}

/**
 * Pings of the WebSocket protocol, which every client answers, whatever else it speaks. A ping goes behind all that was written before, so its
 * answer proves that this has arrived; a peer that doesn't answer is gone.
 */
export class Pulse {
  readonly #options: PulseOptions;
  readonly #timer: NodeJS.Timeout;
  /** The answer that is waited for; undefined when it has come. */
  #awaited: string | undefined;
  #count = 0;
  #onArrived: (() => void) | undefined;
  #sent = 0;

  constructor(options: PulseOptions) {
    this.#options = options;
    options.socket.on('pong', (data: Buffer) => this.#answered(data.toString()));
    this.#timer = setInterval(() => this.#beat(), options.pingMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const { socket, rawSocket, outlet, onPing } = this.#options;
    // A ping waits behind all that a slow peer has not taken yet; that it takes something shows as well that it is there.
    const { bytesWritten, writableLength } = rawSocket;
    const isTaking = writableLength > 0 && bytesWritten - writableLength > this.#sent;
    this.#sent = bytesWritten - writableLength;
    if (this.#awaited !== undefined) return isTaking ? undefined : socket.terminate();
    this.#onArrived = onPing();
    this.#awaited = String(++this.#count);
    outlet.write(pingFrame, this.#awaited, this.#awaited.length);
  }

  #answered(payload: string): void {
    // Some answer with nothing, or unasked: they are there, which proves nothing of what has arrived.
    const onArrived = payload === this.#awaited ? this.#onArrived : undefined;
    this.#awaited = undefined;
    this.#onArrived = undefined;
    onArrived?.();
  }
}
