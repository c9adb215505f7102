import type { EncodedResult } from './sink.ts';

/** The place of a result, empty once it was forgotten. */
export interface Kept {
  result: EncodedResult | undefined;
  bytes: number;
}

/** What a result costs beside its texts: its place here, and in the map of its operation. */
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

  /** Undefined for a result that is too large to be kept. */
  keep(result: EncodedResult): Kept | undefined {
    const bytes = OVERHEAD + result.payload.length;
    if (bytes > this.#maxBytes / 4) return undefined;
    const kept: Kept = { result, bytes: 0 };
    result.onGrown = (more) => this.#count(kept, more);
    this.#queue.push(kept);
    this.#count(kept, bytes);
    return kept;
  }

  #count(kept: Kept, bytes: number): void {
    kept.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#queue[this.#first++]!;
      this.#bytes -= oldest.bytes;
      oldest.result!.onGrown = undefined;
      oldest.result = undefined;
    }
    // Cutting off in large pieces keeps it at constant cost.
    if (this.#first > 1_024 && this.#first * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
  }
}
