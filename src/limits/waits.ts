/** Who has to wait, and until when. Knows so many of them that it costs nothing, the newest. */
export class Waits {
  readonly #waits = new Map<string, { readonly ms: number; readonly until: number }>();
  readonly #now: () => number;
  readonly #most: number;

  constructor(now: () => number, most = 10_000) {
    this.#now = now;
    this.#most = most;
  }

  begin(key: string, ms: number): void {
    this.#waits.delete(key);
    this.#waits.set(key, { ms, until: this.#now() + ms });
    const [oldest] = this.#waits.keys();
    if (this.#waits.size > this.#most && oldest !== undefined) this.#waits.delete(oldest);
  }

  /** Milliseconds that are left, 0 when it is over. */
  leftOf(key: string): number {
    const wait = this.#waits.get(key);
    if (wait === undefined) return 0;
    const left = wait.until - this.#now();
    // More than it was: the clock was put back, and nobody knows.
    if (left > 0 && left <= wait.ms) return left;
    this.#waits.delete(key);
    return 0;
  }
}
