import type { Entry } from '../events/event.ts';
import { samePosition, type Position } from '../events/position.ts';
import { sizeOf } from './size.ts';

/** So many places that have been given up wait to be cut off: in large pieces, that costs the same however many there are. */
const CUT = 1_024;

/** Bounds what the rings of all logs hold, all together: the oldest entries make room for new ones, of whichever log. */
export class RingMemory {
  readonly #maxBytes: number;
  /** Where each entry is, in the order of their coming. */
  #places: Ring[] = [];
  /** Places before this index have been given up. */
  #first = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The ring has taken an entry in. */
  took(ring: Ring, bytes: number): void {
    this.#places.push(ring);
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#bytes -= this.#places[this.#first++]!.dropOldest();
    if (this.#first > CUT && this.#first * 2 > this.#places.length) {
      this.#places = this.#places.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Nobody needs the ring any more. */
  forget(ring: Ring): void {
    this.#places = this.#places.slice(this.#first).filter((place) => place !== ring);
    this.#first = 0;
    this.#bytes -= ring.bytes;
  }
}

/** Consecutive entries of one log. */
export class Ring {
  readonly #memory: RingMemory | undefined;
  #entries: Entry[] = [];
  /** Entries before this index have been dropped. */
  #first = 0;
  #bytes = 0;
  /** The position right before the oldest entry. */
  #floor: Position;

  /** Keeps everything where no memory bounds it. */
  constructor(floor: Position, memory?: RingMemory) {
    this.#floor = floor;
    this.#memory = memory;
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
    this.#memory?.took(this, sizeOf(entry));
  }

  /** Returns how many bytes that makes free. */
  dropOldest(): number {
    const oldest = this.#entries[this.#first++]!;
    const bytes = sizeOf(oldest);
    this.#floor = oldest.position;
    this.#bytes -= bytes;
    if (this.#first > CUT && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return bytes;
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
