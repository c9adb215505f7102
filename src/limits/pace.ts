import { Waits } from './waits.ts';

export interface PaceOptions {
  readonly perSecond: number;
  /** In milliseconds. */
  readonly now: () => number;
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** What comes at once is let in at once up to what is allowed in so many milliseconds. */
const BURST_MS = 100;

/**
 * Spreads what each key may do in a second over that second, in order. A second's worth that comes at once must not keep everybody else waiting
 * for as long as it takes.
 */
export class Pace {
  readonly #options: PaceOptions;
  /** Until when what was let in has its time. */
  readonly #busy: Waits;
  readonly #queues = new Map<string, number>();

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#busy = new Waits(options.now);
  }

  /** Resolves when it is the key's turn for so many more. */
  async turn(key: string, count: number): Promise<void> {
    const { perSecond, sleep } = this.#options;
    const busyMs = this.#busy.leftOf(key);
    this.#busy.begin(key, busyMs + (1_000 * count) / perSecond);
    const queued = this.#queues.get(key) ?? 0;
    if (queued === 0 && busyMs <= BURST_MS) return;
    this.#queues.set(key, queued + 1);
    // Those before it may still be there where the event loop was late: nobody overtakes them.
    await sleep(Math.max(1, busyMs - BURST_MS));
    const left = this.#queues.get(key)! - 1;
    if (left === 0) this.#queues.delete(key);
    else this.#queues.set(key, left);
  }
}
