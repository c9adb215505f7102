import type { Entry } from '../events/event.ts';
import type { Position } from '../events/position.ts';
import type { Backlog } from './backlog.ts';
import type { SharedOperation } from './shared-operation.ts';
import type { EncodedResult } from './sink.ts';
import { sizeOf } from './size.ts';
import { keyOf } from './snapshot.ts';

/** So much is gathered before it is delivered: what a client is behind must not all be held in memory. */
const MAX_ENTRIES = 256;
const MAX_BYTES = 1_024 * 1_024;

/** For a subscription that is behind with LATEST: the newest entry of each entity, in the order of the log. */
export class LatestEntries implements Backlog {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #position: Position;

  /** `position` is where it begins to gather. */
  constructor(position: Position) {
    this.#position = position;
  }

  add(entry: Entry): void {
    const key = keyOf(entry);
    this.#remove(key);
    this.#entries.set(key, entry);
    this.#bytes += sizeOf(entry);
  }

  get held(): this {
    return this;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  get isDue(): boolean {
    return this.#entries.size >= MAX_ENTRIES || this.#bytes >= MAX_BYTES;
  }

  /** Whoever reads on from here gathers the same again: what was taken of an entity is older than what is left of any. */
  get position(): Position {
    return this.#position;
  }

  *take(shared: SharedOperation): Generator<EncodedResult, void, undefined> {
    for (const [key, entry] of this.#entries) {
      this.#remove(key);
      this.#position = entry.position;
      const result = shared.resultFor(entry);
      if (result !== undefined) yield result;
    }
  }

  #remove(key: string): void {
    const known = this.#entries.get(key);
    if (known === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= sizeOf(known);
  }
}
