import type { Duplex } from 'node:stream';

/** So many connections at a time; others leave soon. */
const ROOM = 256;
/** In which a peer that is not cut off in the middle of what it was told has got it; milliseconds. */
const LEAST_MS = 500;

/**
 * Where connections end up that send as much as they can: nothing of it is read, and they learn late that it is over. If they were cut off at
 * once, they would come back at once.
 */
export class Tarpit {
  readonly #ms: number;
  readonly #caught = new Set<Duplex>();
  #isClosed = false;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Destroys the socket when its time is over. Whoever had it must have stopped reading from it. */
  take(socket: Duplex): void {
    if (socket.destroyed || this.#caught.has(socket)) return;
    const hasRoom = this.#caught.size < ROOM && !this.#isClosed;
    const timer = setTimeout(() => socket.destroy(), hasRoom ? this.#ms : LEAST_MS);
    this.#caught.add(socket);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#caught.delete(socket);
    });
  }

  /** Ends all that are in it, and keeps nobody for long from now on. */
  close(): void {
    this.#isClosed = true;
    for (const socket of this.#caught) socket.destroy();
  }
}
