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

/** Looks after what no call does: trims logs that nobody writes to, in one process at a time, and warns of bad settings. */
export class Caretaker {
  readonly #options: CaretakerOptions;
  /** Every log that this process has to do with. */
  readonly #known = new Set<string>();
  /** Those that may be missing in the registry. */
  readonly #unregistered = new Set<string>();
  #isNewServer = true;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: CaretakerOptions) {
    this.#options = options;
    // What is there now may be older, or empty.
    options.client.on('ready', () => {
      for (const log of this.#known) this.#unregistered.add(log);
      this.#isNewServer = true;
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
    if (!this.#options.link.isReady) return;
    if (this.#isNewServer) await this.#checkPolicy();
    try {
      await this.#register();
      if (await this.#isMine()) await this.#trimAll();
    } catch (error) {
      // Refusals were reported where they came up, and the next round tries again.
      if (!(error instanceof TidingsError)) this.#options.onError(error as Error);
    }
  }

  /** Some settings make Redis drop parts of logs, which nothing that it answers would tell. */
  async #checkPolicy(): Promise<void> {
    this.#isNewServer = false;
    // Who may not ask has to know by himself.
    const info = await this.#options.client.info('memory').catch(() => '');
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction';
    const isBounded = /^maxmemory:[1-9]/m.test(info);
    if (policy === 'noeviction' || !isBounded) return;
    this.#options.onError(
      new Error(`Redis is set to lose events and keys (maxmemory-policy ${policy}): it has to be noeviction`),
    );
  }

  async #register(): Promise<void> {
    const { client, link, prefix } = this.#options;
    const missing = [...this.#unregistered];
    if (missing.length === 0) return;
    await unlessFull(async () => {
      await link.call(async () => client.sadd(registryKey(prefix), ...missing));
      for (const log of missing) this.#unregistered.delete(log);
    });
  }

  /** Whether this round is this process's. The claim goes by itself, so that the next one is anybody's. */
  async #isMine(): Promise<boolean> {
    const { client, link, prefix, everyMs } = this.#options;
    let isMine = true;
    await unlessFull(async () => {
      isMine =
        (await link.call(async () => client.set(caretakerKey(prefix), '', 'PX', everyMs, 'NX'))) !== null;
    });
    return isMine;
  }

  async #trimAll(): Promise<void> {
    const { client, link, prefix } = this.#options;
    for (const log of this.#known) await this.#trim(log);
    let cursor = '0';
    do {
      const from = cursor;
      const [next, logs] = await link.call(async () => client.sscan(registryKey(prefix), from));
      for (const log of logs) if (!this.#known.has(log)) await this.#trim(log);
      cursor = next;
    } while (cursor !== '0' && !this.#isStopped);
  }

  /** Step by step, so that others get in between. */
  async #trim(log: string): Promise<void> {
    while (!this.#isStopped && (await this.#options.trim(logNameOf(log), STEP)) === STEP);
  }
}

/** Where Redis has no memory left, trimming is what makes room: it must not wait for room to write something else. */
async function unlessFull(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof TidingsError && error.code === 'STORE_FULL')) throw error;
  }
}
