import type { Entry } from '../events/event.ts';
import { PositionLost, samePosition, type Position } from '../events/position.ts';
import { follows, type EventStore, type LogName, type Unwatch } from '../store/store.ts';
import type { PastPages } from './past-pages.ts';
import { Ring, type RingMemory } from './ring.ts';

export interface FeedOptions {
  readonly store: EventStore;
  readonly log: LogName;
  /** Where it keeps the newest entries, with other feeds. */
  readonly rings: RingMemory;
  /** Where it keeps older ones that were read from the log. */
  readonly pages: PastPages;
  /** Milliseconds between checks of the position against the store, which catch a lost last wake-up. */
  readonly checkMs: number;
  /** Milliseconds before a failed read is tried again. */
  readonly retryMs: number;
  /** Every entry, each once, in the order of the log. */
  readonly onEntry: (entry: Entry) => void;
  /** The log is not the one that was followed: it goes on from `head`, and what was delivered may not be in it. */
  readonly onReset: (lost: PositionLost) => void;
  readonly onError: (error: unknown) => void;
}

const PAGE = 500;

/**
 * Follows the end of one log. Wake-ups may be lost, doubled, late, out of order, or of a log that was rolled back: only the entry that
 * follows the last one is passed on, everything else makes it look at the log.
 */
export class Feed {
  readonly #options: FeedOptions;
  #position: Position;
  #ring: Ring;
  #filling: Promise<void> | undefined;
  #fillAgain = false;
  #closed = false;
  #unwatch: Unwatch = () => undefined;
  #check: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** The read under way for those who catch up: one at a time, as the others mostly want the same. */
  #reading: Promise<readonly Entry[]> | undefined;
  #logReads = 0;

  private constructor(options: FeedOptions, position: Position) {
    this.#options = options;
    this.#position = position;
    this.#ring = new Ring(position, options.rings);
  }

  /** Resolves when the feed misses nothing from its position on. */
  static async open(options: FeedOptions): Promise<Feed> {
    const { store, log } = options;
    let feed: Feed | undefined;
    let isBehind = false;
    // Watching begins before the head is read, and what comes in between may be newer than the head.
    const unwatch = await store.watch(log, (entries) => {
      if (feed === undefined) isBehind = true;
      else feed.accept(entries);
    });
    try {
      feed = new Feed(options, await store.head(log));
    } catch (error) {
      unwatch();
      throw error;
    }
    feed.#unwatch = unwatch;
    feed.#check = setInterval(() => void feed.#fill(), options.checkMs);
    if (isBehind) void feed.#fill();
    return feed;
  }

  /** Right behind the last entry that was passed on. */
  get position(): Position {
    return this.#position;
  }

  /** How often the log was read. */
  get logReads(): number {
    return this.#logReads;
  }

  /**
   * Entries behind a position: at once where they are in memory, else from the log.
   *
   * @throws PositionLost, TidingsError STORE_UNAVAILABLE (both only from the log)
   */
  after(position: Position): readonly Entry[] | Promise<readonly Entry[]> {
    return this.#known(position) ?? this.#readAfter(position);
  }

  /** Resolves when the feed has looked whether the log goes on behind its position. */
  async look(): Promise<void> {
    await this.#fill();
  }

  /** A wake-up. Without entries it only says that some may have been lost. */
  accept(entries: readonly Entry[]): void {
    if (entries.length === 0) void this.#fill();
    for (const entry of entries) {
      if (this.#closed) return;
      // Passed on before, and not another one with the same offset.
      if (this.#ring.after(entry.position, 0) !== undefined) continue;
      // While filling, the log says more than any wake-up; it is read once more for what came meanwhile.
      if (this.#filling !== undefined || !follows(entry, this.#position)) {
        void this.#fill();
        return;
      }
      this.#pass(entry);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unwatch();
    clearInterval(this.#check);
    clearTimeout(this.#retry);
    this.#forget();
  }

  #pass(entry: Entry): void {
    // Whoever got the entry before may have been the last to listen.
    if (this.#closed) return;
    this.#position = entry.position;
    this.#ring.push(entry);
    this.#options.onEntry(entry);
  }

  #forget(): void {
    const { rings, pages, log } = this.#options;
    rings.forget(this.#ring);
    pages.forget(log);
  }

  #known(position: Position): readonly Entry[] | undefined {
    return this.#ring.after(position, PAGE) ?? this.#options.pages.after(this.#options.log, position);
  }

  async #readAfter(position: Position): Promise<readonly Entry[]> {
    while (this.#reading !== undefined) {
      await this.#reading.catch((error: unknown) => {
        // Another one's position is no news to this one, but that the store is away is.
        if (!(error instanceof PositionLost)) throw error;
      });
      const known = this.#known(position);
      if (known !== undefined) return known;
    }
    const ring = this.#ring;
    this.#reading = this.#read(position);
    try {
      const entries = await this.#reading;
      // What the ring holds is taken from there, so that everybody gets the same objects, with the results that are kept for them.
      // Meanwhile the log turned out to be another one: this is of the old one.
      if (ring !== this.#ring) return [];
      const { floor } = ring;
      const past = entries.filter((entry) => entry.position.offset <= floor.offset);
      if (past.length === 0 || this.#closed) return entries;
      this.#options.pages.keep(this.#options.log, position, past);
      return past;
    } finally {
      this.#reading = undefined;
    }
  }

  async #read(position: Position): Promise<readonly Entry[]> {
    this.#logReads++;
    const page = await this.#options.store.read(this.#options.log, position, PAGE);
    return page.entries;
  }

  /** Reads the log until the feed is at its end. One at a time; asked for meanwhile, it looks once more. */
  async #fill(): Promise<void> {
    if (this.#closed) return;
    if (this.#filling !== undefined) this.#fillAgain = true;
    else
      this.#filling = this.#fillUp().finally(() => {
        this.#filling = undefined;
        // Asked for after the last look, and before this.
        if (this.#fillAgain) void this.#fill();
      });
    await this.#filling;
  }

  async #fillUp(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      do {
        this.#fillAgain = false;
        await this.#catchUp();
      } while (this.#fillAgain && !this.#closed);
    } catch (error) {
      if (this.#closed) return;
      this.#fillAgain = false;
      this.#options.onError(error);
      this.#retry = setTimeout(() => void this.#fill(), this.#options.retryMs);
    }
  }

  async #catchUp(): Promise<void> {
    const { store, log } = this.#options;
    for (;;) {
      try {
        const head = await store.head(log);
        if (this.#closed || samePosition(head, this.#position)) return;
        const entries = await this.#read(this.#position);
        if (this.#closed || entries.length === 0) return;
        for (const entry of entries) this.#pass(entry);
      } catch (error) {
        if (!(error instanceof PositionLost) || this.#closed) throw error;
        this.#forget();
        this.#position = error.head;
        this.#ring = new Ring(error.head, this.#options.rings);
        this.#options.onReset(error);
        return;
      }
    }
  }
}
