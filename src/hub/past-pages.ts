import type { Entry } from '../events/event.ts';
import type { Position } from '../events/position.ts';
import type { LogName } from '../store/store.ts';
import { Ring } from './ring.ts';

/**
 * Pages of logs that were read for some who catch up, kept for the others who come along the same way. Bounded in bytes, those of all logs
 * together; a log is known by the one object that its feed calls it by.
 */
export class PastPages {
  readonly #maxBytes: number;
  /** With their logs, the one that was read first is first. */
  readonly #pages = new Map<Ring, LogName>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  keep(log: LogName, after: Position, entries: readonly Entry[]): void {
    const page = new Ring(after);
    for (const entry of entries) page.push(entry);
    this.#pages.set(page, log);
    this.#bytes += page.bytes;
    for (const oldest of this.#pages.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  /** Entries of a log behind a position, at least one; undefined where no page has any. Positions are what clients say: they tell no log. */
  after(log: LogName, position: Position): readonly Entry[] | undefined {
    for (const [page, itsLog] of this.#pages) {
      const entries = itsLog === log ? page.after(position, Infinity) : undefined;
      if (entries !== undefined && entries.length > 0) return entries;
    }
    return undefined;
  }

  /** What was read of this log is not true any more, or nobody needs it. */
  forget(log: LogName): void {
    for (const [page, itsLog] of this.#pages) if (itsLog === log) this.#drop(page);
  }

  #drop(page: Ring): void {
    this.#pages.delete(page);
    this.#bytes -= page.bytes;
  }
}
