import type { Entry } from '../events/event.ts';
import { sizeOf } from './ring.ts';
import { keyOf } from './snapshot.ts';

/** So much is gathered before it is delivered: what a client is behind must not all be held in memory. */
const MAX_ENTRIES = 256;
const MAX_BYTES = 1_024 * 1_024;

/** For a subscription that is behind with LATEST: the newest entry of each entity, in the order of the log. */
export class LatestEntries {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  add(entry: Entry): void {
    const key = keyOf(entry);
    this.#remove(key);
    this.#entries.set(key, entry);
    this.#bytes += sizeOf(entry);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  get isFull(): boolean {
    return this.#entries.size >= MAX_ENTRIES || this.#bytes >= MAX_BYTES;
  }

  /** Takes them out, one after the other. */
  *take(): Generator<Entry, void, undefined> {
    for (const [key, entry] of this.#entries) {
      this.#remove(key);
      yield entry;
    }
  }

  #remove(key: string): void {
    const known = this.#entries.get(key);
    if (known === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= sizeOf(known);
  }
}
