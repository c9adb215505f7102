import { Turns } from '../turns.ts';
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
  readonly #turns = new Turns();

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#busy = new Waits(options.now);
  }

  /** Resolves when it is the key's turn for so many more. What is more than a second's worth has a second. */
  async turn(key: string, count: number): Promise<void> {
    const { perSecond, sleep } = this.#options;
    const busyMs = this.#busy.leftOf(key);
    this.#busy.begin(key, busyMs + (1_000 * Math.min(count, perSecond)) / perSecond);
    const isFree = busyMs <= BURST_MS;
    if (isFree && this.#turns.last(key) === undefined) return;
    const slept = isFree ? undefined : sleep(busyMs - BURST_MS);
    // Timers ring in another order where the clock or the event loop jumps, or they lie less than a millisecond apart.
    await this.#turns.inTurn(key, async () => slept);
  }
}
