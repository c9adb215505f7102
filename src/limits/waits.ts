/** Who has to wait, and until when. Knows so many of them that it costs nothing, the newest. */
export class Waits {
  readonly #waits = new Map<string, { readonly from: number; readonly until: number }>();
  readonly #now: () => number;
  readonly #most: number;

  constructor(now: () => number, most = 10_000) {
    this.#now = now;
    this.#most = most;
  }

  begin(key: string, ms: number): void {
    this.#waits.delete(key);
    const from = this.#now();
    this.#waits.set(key, { from, until: from + ms });
    const [oldest] = this.#waits.keys();
    if (this.#waits.size > this.#most && oldest !== undefined) this.#waits.delete(oldest);
  }

  /** Milliseconds that are left, 0 when it is over. */
  leftOf(key: string): number {
    const wait = this.#waits.get(key);
    if (wait === undefined) return 0;
    const now = this.#now();
    // Before it began: the clock was put back, and nobody knows.
    if (now >= wait.from && now < wait.until) return wait.until - now;
    this.#waits.delete(key);
    return 0;
  }
}
