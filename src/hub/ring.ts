import type { Entry } from '../events/event.ts';
import type { Position } from '../events/position.ts';

/** The newest entries of one log, consecutive and bounded in bytes, so that most catching up needs no read of the log. */
export class Ring {
  readonly #maxBytes: number;
  #entries: Entry[] = [];
  #sizes: number[] = [];
  /** Entries before this index have been dropped and wait to be cut off. */
  #first = 0;
  #bytes = 0;
  /** The position right before the oldest entry. */
  #floor: Position;

  constructor(floor: Position, maxBytes: number) {
    this.#floor = floor;
    this.#maxBytes = maxBytes;
  }

  /** `bytes` is an estimate of what the entry costs in memory. */
  push(entry: Entry, bytes: number): void {
    this.#entries.push(entry);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes && this.#first < this.#entries.length) {
      this.#floor = this.#entries[this.#first]!.position;
      this.#bytes -= this.#sizes[this.#first]!;
      this.#first++;
    }
    // Cutting off in large pieces keeps a push at constant cost.
    if (this.#first > 1_024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#sizes = this.#sizes.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Up to `limit` entries behind a position; undefined when the position isn't in the ring, whatever the reason. */
  after(position: Position, limit: number): readonly Entry[] | undefined {
    const index = position.offset - this.#floor.offset;
    if (index < 0 || index > this.#entries.length - this.#first) return undefined;
    const known = index === 0 ? this.#floor : this.#entries[this.#first + index - 1]!.position;
    if (known.chain !== position.chain || known.epoch !== position.epoch) return undefined;
    const start = this.#first + index;
    return this.#entries.slice(start, start + limit);
  }
}
