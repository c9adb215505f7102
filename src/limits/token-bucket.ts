/** So much a second, and a burst of it. It costs two numbers and no timer. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  #level: number;
  #filledAt: number;

  /** Without limit where one of them is 0. */
  constructor({
    perSecond,
    burst,
    now,
  }: {
    readonly perSecond: number;
    readonly burst: number;
    /** In milliseconds. */
    readonly now: () => number;
  }) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#now = now;
    this.#level = burst;
    this.#filledAt = now();
  }

  /** Takes one: `fine`, `tooMany` once the burst is used up, and `abuse` for whoever goes on for as much again. */
  take(): 'fine' | 'tooMany' | 'abuse' {
    if (this.#perSecond === 0 || this.#burst === 0) return 'fine';
    const now = this.#now();
    const refilled = this.#level + (Math.max(0, now - this.#filledAt) * this.#perSecond) / 1_000;
    this.#level = Math.min(this.#burst, refilled) - 1;
    this.#filledAt = now;
    if (this.#level >= 0) return 'fine';
    return this.#level >= -this.#burst ? 'tooMany' : 'abuse';
  }
}
