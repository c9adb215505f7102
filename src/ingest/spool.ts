import { mkdir, open, readdir, readFile, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCatalogue, TidingsError } from '../errors.ts';
import { decodeItem, encodeItem, syncDirectory, writeDurably, type SpooledItem } from './spool-file.ts';

export interface SpoolOptions {
  /** Holds a file for each item that waits; created when it is missing. One spool at a time, whatever the process. */
  readonly directory: string;
  /** Of the files of all that waits, in bytes; what would exceed it is refused. */
  readonly maxBytes: number;
  /** Passes an item on to where it could not be brought before. An item may come twice, after a crash. */
  readonly replay: (item: SpooledItem) => Promise<void>;
  /** Keeps others out of the directory. */
  readonly lock: (directory: string) => { release(): void };
  readonly log: SpoolLog;
  /** Pause before an item that failed is tried again; 500 ms when absent. */
  readonly retryMs?: number;
}

interface SpoolLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface Waiting {
  readonly name: string;
  readonly bytes: number;
  /** Settles when it is durable, or failed to become that. Never rejects. */
  readonly written: Promise<void>;
}

interface Found {
  readonly lock: { release(): void };
  /** Of the directory. */
  readonly handle: FileHandle;
  readonly waiting: readonly Waiting[];
  readonly lastNumber: number;
}

/** Names sort as the items came: milliseconds since 1970, or more where several came within one. */
const NAME = /^(\d{16})\.item$/;
/** Not durable yet: whoever handed it in has got no answer. */
const UNFINISHED = '.tmp';
const SET_ASIDE = 'set-aside';
/** Of an item that fails for reasons which may pass, or are ours. */
const MAX_ATTEMPTS = 10;

/**
 * A durable queue in a directory, for what was accepted while the store can't be reached. It passes items on in the order in
 * which they came, one at a time, until each has got through. One that never will is set aside in a directory beside.
 *
 * An item is a file of its own: written under another name, synced, renamed, and gone when it has got through. So nothing that
 * happens to one can reach another, and there is nothing to repair after a crash.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #handle: FileHandle;
  readonly #lock: { release(): void };
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();
  readonly #closing = new AbortController();
  #bytes = 0;
  #lastNumber: number;
  #isStarted = false;
  #isReplaying = false;
  #replaying: Promise<void> = Promise.resolve();
  #lastSync: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Finds what waits from an earlier time.
   *
   * @throws TidingsError STORE_UNAVAILABLE with a message that names the directory: it is in use, or can't be written
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory, log } = options;
    let lock: { release(): void } | undefined;
    try {
      await mkdir(join(directory, SET_ASIDE), { recursive: true, mode: 0o700 });
      await syncDirectory(dirname(directory));
      // Not only permissions tell whether it can be written: a disk may be read-only, or full.
      await writeDurably(join(directory, `probe${UNFINISHED}`), [Buffer.from('probe')]);
      lock = options.lock(directory);
      const names = (await readdir(directory)).toSorted();
      for (const name of names) if (name.endsWith(UNFINISHED)) await unlink(join(directory, name));
      const waiting: Waiting[] = [];
      for (const name of names.filter((each) => NAME.test(each))) {
        const { size } = await stat(join(directory, name));
        waiting.push({ name, bytes: size, written: Promise.resolve() });
      }
      const setAside = (await readdir(join(directory, SET_ASIDE))).toSorted();
      const lastNumber = Math.max(numberOf(waiting.at(-1)?.name), numberOf(setAside.at(-1)));
      if (waiting.length > 0)
        log.info({ directory, items: waiting.length }, 'the spool has items from before');
      return new Spool(options, { lock, handle: await open(directory), waiting, lastNumber });
    } catch (error) {
      lock?.release();
      const why = error instanceof Error ? error.message : String(error);
      const message = `The spool in ${directory} can't be used: ${why}.`;
      throw new TidingsError('STORE_UNAVAILABLE', message, {}, { cause: error });
    }
  }

  private constructor(options: SpoolOptions, found: Found) {
    this.#options = options;
    this.#lock = found.lock;
    this.#handle = found.handle;
    this.#lastNumber = found.lastNumber;
    for (const waiting of found.waiting) this.#enqueue(waiting);
  }

  /** False until the last item has got through: whatever comes has to go behind it. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  get size(): { readonly items: number; readonly bytes: number } {
    return { items: this.#waiting.size, bytes: this.#bytes };
  }

  /** Begins to pass items on. */
  start(): void {
    this.#isStarted = true;
    this.#wake();
  }

  /**
   * Resolves when the item is durable. It has got its place in the order at once.
   *
   * @throws TidingsError STORE_UNAVAILABLE there is no room, or the disk fails; SHUTTING_DOWN
   */
  async add(item: SpooledItem): Promise<void> {
    if (this.#closing.signal.aborted) throw new TidingsError('SHUTTING_DOWN');
    const parts = encodeItem(item);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (this.#bytes + bytes > this.#options.maxBytes) {
      throw new TidingsError(
        'STORE_UNAVAILABLE',
        'The event store cannot be reached, and the spool is full.',
      );
    }
    if (this.isEmpty) this.#options.log.warn({ directory: this.#options.directory }, 'items go to the spool');
    this.#lastNumber = Math.max(this.#lastNumber + 1, Date.now());
    const name = `${String(this.#lastNumber).padStart(16, '0')}.item`;
    const writing = this.#write(name, parts);
    const waiting: Waiting = { name, bytes, written: writing.catch(() => this.#forget(waiting)) };
    this.#enqueue(waiting);
    this.#wake();
    try {
      await writing;
    } catch (error) {
      this.#options.log.error({ err: error }, 'the spool cannot be written');
      throw new TidingsError('STORE_UNAVAILABLE', undefined, {}, { cause: error });
    }
  }

  /** Waits for what is under way. What waits then is found again by the next one. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#replaying;
    await Promise.all([...this.#waiting].map(({ written }) => written));
    await this.#handle.close();
    this.#lock.release();
  }

  #enqueue(waiting: Waiting): void {
    this.#waiting.add(waiting);
    this.#bytes += waiting.bytes;
  }

  #forget(waiting: Waiting): void {
    if (this.#waiting.delete(waiting)) this.#bytes -= waiting.bytes;
  }

  #pathOf({ name }: { readonly name: string }): string {
    return join(this.#options.directory, name);
  }

  async #write(name: string, parts: readonly Buffer[]): Promise<void> {
    const path = this.#pathOf({ name });
    const unfinished = `${path}${UNFINISHED}`;
    try {
      await writeDurably(unfinished, parts);
      await rename(unfinished, path);
      await this.#syncDirectory();
    } catch (error) {
      await Promise.allSettled([unfinished, path].map((each) => rm(each, { force: true })));
      throw error;
    }
  }

  /** The one that begins next serves all who ask until then. */
  #syncDirectory(): Promise<void> {
    this.#nextSync ??= this.#lastSync.then(() => {
      this.#nextSync = undefined;
      return this.#handle.sync();
    });
    this.#lastSync = this.#nextSync.catch(() => undefined);
    return this.#nextSync;
  }

  #wake(): void {
    if (!this.#isStarted || this.#isReplaying || this.isEmpty || this.#closing.signal.aborted) return;
    this.#isReplaying = true;
    this.#replaying = this.#replayAll();
  }

  async #replayAll(): Promise<void> {
    let count = 0;
    for (;;) {
      const [oldest] = this.#waiting;
      if (oldest === undefined || this.#closing.signal.aborted) break;
      await oldest.written;
      if (!this.#waiting.has(oldest)) continue;
      if (await this.#replay(oldest)) count++;
    }
    // In the same step as the last look at what waits: whoever adds now wakes it again.
    this.#isReplaying = false;
    if (this.isEmpty) this.#options.log.info({ passedOn: count }, 'the spool is empty');
  }

  /** Tells whether the item has got through. If neither that nor set aside it is closing. */
  async #replay(waiting: Waiting): Promise<boolean> {
    const path = this.#pathOf(waiting);
    let item: SpooledItem | undefined;
    for (let attempt = 1; ;) {
      try {
        item ??= decodeItem(await readFile(path));
        await this.#options.replay(item);
        break;
      } catch (error) {
        const isFinal = error instanceof TidingsError && !errorCatalogue[error.code].retryable;
        if (isFinal || (!isStoreAway(error) && attempt++ === MAX_ATTEMPTS)) {
          await this.#setAside(waiting, item, error);
          return false;
        }
        if (!(await this.#pause())) return false;
      }
    }
    // Should this fail, or the process end before, it comes once more: what it said is known by then.
    await unlink(path).catch((error: unknown) =>
      this.#options.log.error({ err: error }, 'an item of the spool stays'),
    );
    this.#forget(waiting);
    return true;
  }

  async #setAside(waiting: Waiting, item: SpooledItem | undefined, error: unknown): Promise<void> {
    const { directory, log } = this.#options;
    const file = join(directory, SET_ASIDE, waiting.name);
    log.error(
      { err: error, file, about: item?.about },
      'an item of the spool cannot be passed on, and is set aside',
    );
    await rename(this.#pathOf(waiting), file).catch((failure: unknown) => {
      log.error({ err: failure, file }, 'an item of the spool cannot be set aside');
    });
    this.#forget(waiting);
  }

  /** False when it is closing. */
  async #pause(): Promise<boolean> {
    const { signal } = this.#closing;
    await pause(this.#options.retryMs ?? 500, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }
}

/** The store takes nothing now, whatever it is. */
export function isStoreAway(error: unknown): boolean {
  return error instanceof TidingsError && (error.code === 'STORE_UNAVAILABLE' || error.code === 'STORE_FULL');
}

function numberOf(name = ''): number {
  return Number(NAME.exec(name)?.[1] ?? 0);
}
