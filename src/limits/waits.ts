/** Who has to wait, and until when. Knows so many of them that it costs nothing, the newest. */
export class Waits {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;
  readonly #most: number;

  constructor(now: () => number, most = 10_000) {
    this.#now = now;
    this.#most = most;
  }

  begin(key: string, ms: number): void {
    this.#until.delete(key);
    this.#until.set(key, this.#now() + ms);
    const [oldest] = this.#until.keys();
    if (this.#until.size > this.#most && oldest !== undefined) this.#until.delete(oldest);
  }

  /** Milliseconds that are left, 0 when it is over. */
  leftOf(key: string): number {
    const until = this.#until.get(key);
    if (until === undefined) return 0;
    const left = until - this.#now();
    if (left > 0) return left;
    this.#until.delete(key);
    return 0;
  }
}
