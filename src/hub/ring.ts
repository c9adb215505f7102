import type { Entry } from '../events/event.ts';
import { samePosition, type Position } from '../events/position.ts';
import { sizeOf } from './size.ts';

/** Consecutive entries of one log, bounded in bytes: the oldest make room for new ones. */
export class Ring {
  readonly #maxBytes: number;
  #entries: Entry[] = [];
  /** Entries before this index have been dropped and wait to be cut off. */
  #first = 0;
  #bytes = 0;
  /** The position right before the oldest entry. */
  #floor: Position;

  constructor(floor: Position, maxBytes: number) {
    this.#floor = floor;
    this.#maxBytes = maxBytes;
  }

  get floor(): Position {
    return this.#floor;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += sizeOf(entry);
    while (this.#bytes > this.#maxBytes && this.#first < this.#entries.length) {
      const oldest = this.#entries[this.#first]!;
      this.#floor = oldest.position;
      this.#bytes -= sizeOf(oldest);
      this.#first++;
    }
    // Cutting off in large pieces keeps a push at constant cost.
    if (this.#first > 1_024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Up to `limit` entries behind a position; undefined when the position isn't in the ring, whatever the reason. */
  after(position: Position, limit: number): readonly Entry[] | undefined {
    const index = position.offset - this.#floor.offset;
    if (index < 0 || index > this.#entries.length - this.#first) return undefined;
    const known = index === 0 ? this.#floor : this.#entries[this.#first + index - 1]!.position;
    if (!samePosition(known, position)) return undefined;
    const start = this.#first + index;
    return this.#entries.slice(start, start + limit);
  }
}
