import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';
import { MemoryTally, type Release, type Tally } from './tally.ts';

export interface RedisTallyOptions {
  /** A connection that neither queues nor resends by itself. It is up to its maker to end. */
  readonly redis: Redis | Cluster;
  /** How all keys begin; `tidings` when absent. Servers with the same one count together. */
  readonly prefix?: string;
  /** How long what a process said counts; it says it again three times in this. 30 s when absent. */
  readonly leaseMs?: number;
}

type Script = (...values: (string | number)[]) => Promise<number>;

/** Keys in one script: others wait while it runs. */
const STEP = 200;

/**
 * Counts over all processes that share a Redis. Each counts exactly what it holds and tells the others; what a process held that died is
 * forgotten when its lease ends. While Redis is away, each goes by its own count.
 */
export class RedisTally implements Tally {
  readonly #script: Script;
  readonly #prefix: string;
  readonly #leaseMs: number;
  readonly #process = randomUUID();
  readonly #own = new MemoryTally((key) => void this.#tell([key]));
  readonly #renewal: NodeJS.Timeout;
  /** The last call: Redis takes them in order. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor({ redis, prefix = 'tidings', leaseMs = 30_000 }: RedisTallyOptions) {
    redis.defineCommand('tidings_tally', {
      lua: readFileSync(new URL('./tally.lua', import.meta.url), 'utf8'),
    });
    const scripts = redis as unknown as { readonly tidings_tally: Script };
    this.#script = async (...values) => scripts.tidings_tally(...values);
    // One hash tag, so that a cluster takes many keys in one script.
    this.#prefix = `${prefix}:{limits}:held`;
    this.#leaseMs = leaseMs;
    this.#renewal = setInterval(() => this.#tellAll(), leaseMs / 3);
    this.#renewal.unref();
  }

  async take(key: string, most: number): Promise<Release | undefined> {
    const release = this.#own.takeNow(key, most);
    if (release === undefined) return undefined;
    // Where it can't be asked, what is held here has to do.
    const isTaken = await this.#call('take', [key], most).catch(() => 1);
    if (isTaken === 1) return release;
    release();
    return undefined;
  }

  /** Gives back what is held by whoever was sent away before its place was found. Resolves when Redis knows, or can't be told. */
  async close(): Promise<void> {
    clearInterval(this.#renewal);
    this.#isClosed = true;
    this.#tellAll();
    await this.#last;
  }

  #tellAll(): void {
    const keys = this.#own.keys();
    for (let from = 0; from < keys.length; from += STEP) void this.#tell(keys.slice(from, from + STEP));
  }

  /** What can't be told now is told with the next renewal. */
  async #tell(keys: readonly string[]): Promise<void> {
    await this.#call('tell', keys, 0).catch(() => undefined);
  }

  async #call(operation: 'take' | 'tell', keys: readonly string[], most: number): Promise<number> {
    const names = keys.map((key) => `${this.#prefix}:${key}`);
    const counts = keys.map((key) => (this.#isClosed ? 0 : this.#own.count(key)));
    const called = this.#script(
      keys.length,
      ...names,
      operation,
      this.#process,
      this.#leaseMs,
      most,
      ...counts,
    );
    this.#last = called.catch(() => undefined);
    return called;
  }
}
