import type { Writable } from 'node:stream';

export interface OutletOptions {
  /** Bytes waiting for the peer from which it counts as congested. */
  readonly highWaterMark: number;
  /** Milliseconds in which a congested peer has to take something; else `onStalled`. */
  readonly writeDeadlineMs: number;
  readonly onStalled: () => void;
}

/**
 * The writing end of one connection, whatever is written to it: makes the frames of one turn of the event loop leave in one write, and tells
 * when the peer takes them too slowly.
 */
export class Outlet {
  readonly #stream: Writable;
  readonly #options: OutletOptions;
  #isCorked = false;
  #waiting: (() => void)[] = [];
  #deadline: NodeJS.Timeout | undefined;

  constructor(stream: Writable, options: OutletOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('drain', () => {
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const listener of waiting) listener();
    });
    stream.on('close', () => {
      clearTimeout(this.#deadline);
      this.#waiting = [];
    });
  }

  /** To be called before each write: what is written until the end of this turn leaves together. */
  cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#stream.uncork();
    });
  }

  get isCongested(): boolean {
    return this.#stream.writableLength > this.#options.highWaterMark;
  }

  /** Calls back once, when everything that waited has been taken. */
  whenDrained(listener: () => void): void {
    this.#waiting.push(listener);
    if (this.#deadline === undefined) this.#watch(this.#stream.writableLength);
  }

  /** A peer that takes no byte for a whole deadline will not take more, and holds memory for as long as it is waited for. */
  #watch(before: number): void {
    this.#deadline = setTimeout(() => {
      const { writableLength } = this.#stream;
      if (writableLength >= before) this.#options.onStalled();
      else this.#watch(writableLength);
    }, this.#options.writeDeadlineMs);
  }
}
