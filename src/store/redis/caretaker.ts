import type { Cluster, Redis } from 'ioredis';
import { TidingsError } from '../../errors.ts';
import type { LogName } from '../store.ts';
import { caretakerKey, logNameOf, logNameText, registryKey } from './keys.ts';
import type { Link } from './link.ts';

export interface CaretakerOptions {
  readonly client: Redis | Cluster;
  readonly link: Link;
  readonly prefix: string;
  readonly everyMs: number;
  /** Trims what is outside a log's retention, at most `limit` entries. Returns how many. */
  readonly trim: (log: LogName, limit: number) => Promise<number>;
  readonly onError: (error: Error) => void;
}

/** Entries trimmed in one script: others wait while it runs. */
const STEP = 200;

/** Trims logs that nobody writes to, in one process at a time. */
export class Caretaker {
  readonly #options: CaretakerOptions;
  /** Every log that this process has to do with. */
  readonly #known = new Set<string>();
  /** Those that may be missing in the registry. */
  readonly #unregistered = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: CaretakerOptions) {
    this.#options = options;
    // What is there now may be older, or empty.
    options.client.on('ready', () => {
      for (const log of this.#known) this.#unregistered.add(log);
    });
  }

  remember(log: LogName): void {
    const text = logNameText(log);
    this.#known.add(text);
    this.#unregistered.add(text);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round ??= this.#makeRound().finally(() => (this.#round = undefined));
    }, this.#options.everyMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#round;
  }

  async #makeRound(): Promise<void> {
    const { client, link, prefix, everyMs, onError } = this.#options;
    if (!link.isReady) return;
    try {
      const missing = [...this.#unregistered];
      if (missing.length > 0) await link.call(() => client.sadd(registryKey(prefix), ...missing));
      for (const log of missing) this.#unregistered.delete(log);
      // It goes by itself, so that the next round is anybody's.
      const isMine = await link.call(() => client.set(caretakerKey(prefix), '', 'PX', everyMs, 'NX'));
      if (isMine !== null) await this.#trimAll();
    } catch (error) {
      // Refusals were reported where they came up, and the next round tries again.
      if (!(error instanceof TidingsError)) onError(error as Error);
    }
  }

  async #trimAll(): Promise<void> {
    const { client, link, prefix, trim } = this.#options;
    let cursor = '0';
    do {
      const from = cursor;
      const [next, logs] = await link.call(() => client.sscan(registryKey(prefix), from));
      for (const log of logs.map(logNameOf)) {
        // Step by step, so that others get in between.
        while (!this.#isStopped && (await trim(log, STEP)) === STEP);
      }
      cursor = next;
    } while (cursor !== '0' && !this.#isStopped);
  }
}
