import type { EncodedResult } from './sink.ts';

/** The place of a result, empty once it was forgotten. */
export interface Kept {
  result: EncodedResult | undefined;
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
    const bytes = sizeOf(result);
    if (bytes > this.#maxBytes / 4) return undefined;
    const kept: Kept = { result };
    this.#queue.push(kept);
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#queue[this.#first++]!;
      this.#bytes -= sizeOf(oldest.result!);
      oldest.result = undefined;
    }
    if (this.#first > 1_024 && this.#first * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    return kept;
  }
}

function sizeOf({ payload }: EncodedResult): number {
  return OVERHEAD + payload.length;
}
