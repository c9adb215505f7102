/** Gives back what was taken; once, however often it is called. */
export type Release = () => void;

/** Counts what is held at a time under each key. */
export interface Tally {
  /** Takes one more; undefined where there are as many as allowed. */
  take(key: string, most: number): Promise<Release | undefined>;
  close(): Promise<void>;
}

/** Of one process. */
export class MemoryTally implements Tally {
  readonly #counts = new Map<string, number>();
  readonly #onRelease: (key: string) => void;

  constructor(onRelease: (key: string) => void = () => undefined) {
    this.#onRelease = onRelease;
  }

  async take(key: string, most: number): Promise<Release | undefined> {
    return this.takeNow(key, most);
  }

  takeNow(key: string, most: number): Release | undefined {
    const count = this.count(key);
    if (count >= most) return undefined;
    this.#counts.set(key, count + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = this.count(key) - 1;
      if (left === 0) this.#counts.delete(key);
      else this.#counts.set(key, left);
      this.#onRelease(key);
    };
  }

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  keys(): readonly string[] {
    return [...this.#counts.keys()];
  }

  async close(): Promise<void> {
    this.#counts.clear();
  }
}
