import type { Entry } from '../events/event.ts';
import type { EncodedResult } from './sink.ts';

interface Kept {
  readonly results: Map<Entry, EncodedResult>;
  readonly entry: Entry;
  readonly bytes: number;
}

/** What a result costs beside its texts: the entry's place in a map and in the queue here. */
const OVERHEAD = 200;

/**
 * Bounds the results that shared operations keep, all together: the oldest are forgotten first. With them, whoever catches up costs no
 * execution of its own.
 */
export class ResultCache {
  readonly #maxBytes: number;
  #queue: Kept[] = [];
  /** What is before this index is forgotten and waits to be cut off. */
  #first = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Puts a result into the map of its operation, from where it is taken again when its time has come. */
  keep(results: Map<Entry, EncodedResult>, entry: Entry, result: EncodedResult): void {
    const bytes = OVERHEAD + result.payload.length;
    if (bytes > this.#maxBytes / 4) return;
    results.set(entry, result);
    this.#queue.push({ results, entry, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#queue[this.#first++]!;
      oldest.results.delete(oldest.entry);
      this.#bytes -= oldest.bytes;
    }
    if (this.#first > 1_024 && this.#first * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
  }
}
