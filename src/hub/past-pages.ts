import type { Entry } from '../events/event.ts';
import type { Position } from '../events/position.ts';
import { Ring } from './ring.ts';

/** Pages of the log that were read for some who catch up, kept for the others who come along the same way. Bounded in bytes. */
export class PastPages {
  readonly #maxBytes: number;
  /** Each from its first position on, the least recently read first. */
  #pages: Ring[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  keep(after: Position, entries: readonly Entry[]): void {
    const page = new Ring(after, Infinity);
    for (const entry of entries) page.push(entry);
    this.#pages.push(page);
    this.#bytes += page.bytes;
    while (this.#bytes > this.#maxBytes) this.#bytes -= this.#pages.shift()!.bytes;
  }

  /** Entries behind a position, at least one; undefined where no page has any. */
  after(position: Position): readonly Entry[] | undefined {
    for (const page of this.#pages) {
      const entries = page.after(position, Infinity);
      if (entries !== undefined && entries.length > 0) return entries;
    }
    return undefined;
  }

  clear(): void {
    this.#pages = [];
    this.#bytes = 0;
  }
}
