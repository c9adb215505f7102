/** Who is next at what many want at once: first come, first served. */
export class Turns {
  /** Ends with the turn of who came last. */
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves when everybody who came before is through, with what ends the turn; more than once does no harm. */
  async take(name: string): Promise<() => void> {
    const before = this.#last.get(name);
    let end: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => (end = resolve));
    this.#last.set(name, mine);
    await before;
    return () => {
      end();
      if (this.#last.get(name) === mine) this.#last.delete(name);
    };
  }

  /** Does a task when everybody who came before is through. */
  async inTurn<Result>(name: string, task: () => Promise<Result>): Promise<Result> {
    const end = await this.take(name);
    try {
      return await task();
    } finally {
      end();
    }
  }

  /** Ends with the turns of all who have one or wait for one; undefined where nobody does. */
  last(name: string): Promise<void> | undefined {
    return this.#last.get(name);
  }

  /** Resolves when all who have one by now, or wait for one, are through, whatever it is for. */
  async allTaken(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
