import type { Entry } from '../events/event.ts';
import { roughSizeOf } from './size.ts';

/** What is in memory until it is written, however many write it. */
export interface Held {
  readonly bytes: number;
}

/** Who has something to write. */
export interface Holder {
  /** It waits, and there is no room for what it has: it has to read that again when its connection is ready for it. */
  letGo(): void;
}

/** What a page of a snapshot is taken for until it has been read: about the most that a store gives at once. */
const PAGE_BYTES = 8 * 1_024 * 1_024;

/** Who holds what, in the order of their coming. Each counts once, however many hold it. */
class Holdings {
  readonly #holders = new Map<Holder, Held>();
  readonly #held = new Map<Held, { readonly bytes: number; holders: number }>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Who came first; undefined where nobody else has come. */
  get firstOfMany(): Holder | undefined {
    const [first] = this.#holders.keys();
    return this.#holders.size > 1 ? first : undefined;
  }

  add(holder: Holder, held: Held): void {
    let known = this.#held.get(held);
    if (known === undefined) {
      known = { bytes: held.bytes, holders: 0 };
      this.#held.set(held, known);
      this.#bytes += known.bytes;
    }
    known.holders++;
    this.#holders.set(holder, held);
  }

  remove(holder: Holder): boolean {
    const held = this.#holders.get(holder);
    if (held === undefined) return false;
    this.#holders.delete(holder);
    const known = this.#held.get(held)!;
    if (--known.holders > 0) return true;
    this.#held.delete(held);
    this.#bytes -= known.bytes;
    return true;
  }
}

/** A snapshot that is being read, with what it takes so far. */
interface Read {
  bytes: number;
}

/** Reads a page when there is room for it. */
export type ReadPage = <Page extends { readonly entries: readonly Entry[] }>(
  read: () => Promise<Page>,
) => Promise<Page>;

/**
 * Bounds what all subscriptions together have read and not written yet.
 *
 * Where too much waits for slow connections, whoever has waited the longest lets go of what it has. Where too much is being read and
 * written, those who want to read more wait; whoever has read the longest never does, so that it comes to an end.
 */
export class BacklogMemory {
  readonly #maxBytes: number;
  readonly #waiting = new Holdings();
  readonly #writing = new Holdings();
  /** The one that began first is first. */
  readonly #reads = new Set<Read>();
  #readBytes = 0;
  /** Those that wait for room. */
  readonly #wanting = new Map<Read, () => void>();

  /** Of what waits, and as many of what is read and written. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The holder writes it as fast as it can. */
  writes(holder: Holder, held: Held): void {
    this.#waiting.remove(holder);
    this.#writing.add(holder, held);
  }

  /** The holder's connection is not ready for it. */
  waits(holder: Holder, held: Held): void {
    this.forget(holder);
    this.#waiting.add(holder, held);
    // The last one may be too large by itself: it would come no further if it read it again.
    for (let first; this.#waiting.bytes > this.#maxBytes && (first = this.#waiting.firstOfMany);) {
      this.#waiting.remove(first);
      first.letGo();
    }
  }

  /** The holder has nothing any more. */
  forget(holder: Holder): void {
    this.#waiting.remove(holder);
    if (this.#writing.remove(holder)) this.#admit();
  }

  /** Counts what is read meanwhile. Whoever gets it from there has to hold it in the same turn of the event loop. */
  async whileReading<Result>(work: (readPage: ReadPage) => Promise<Result>): Promise<Result> {
    const read: Read = { bytes: 0 };
    this.#reads.add(read);
    try {
      return await work(async (readPage) => {
        await this.#roomFor(read);
        const page = await readPage();
        this.#count(read, roughSizeOf(page.entries) - PAGE_BYTES);
        return page;
      });
    } finally {
      this.#reads.delete(read);
      this.#readBytes -= read.bytes;
      setImmediate(() => this.#admit());
    }
  }

  async #roomFor(read: Read): Promise<void> {
    const admitted = new Promise<void>((resolve) => this.#wanting.set(read, resolve));
    this.#admit();
    await admitted;
  }

  #admit(): void {
    const [first] = this.#reads;
    if (first !== undefined) this.#letRead(first);
    for (const [read] of this.#wanting) {
      if (this.#writing.bytes + this.#readBytes + PAGE_BYTES > this.#maxBytes) return;
      this.#letRead(read);
    }
  }

  #letRead(read: Read): void {
    const go = this.#wanting.get(read);
    if (go === undefined) return;
    this.#wanting.delete(read);
    this.#count(read, PAGE_BYTES);
    go();
  }

  #count(read: Read, bytes: number): void {
    read.bytes += bytes;
    this.#readBytes += bytes;
  }
}
