/** A store that takes longer is as good as away: whoever needs it is told so then. */
const PATIENCE_MS = 2_000;

interface Beginning {
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/**
 * The subscriptions of one connection that still look for the place where they begin. What its client sent behind them waits for that: else they
 * could begin behind the event of a mutation, or behind the state that a query shows, and nobody would hear of what lies between.
 */
export class Beginnings {
  readonly #open = new Map<object, Beginning>();

  /** One that begins to look. */
  add(subscription: object): void {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.#open.set(subscription, { ended, end });
  }

  /** It has its place, or is over; more than once does no harm. */
  end(subscription: object): void {
    this.#open.get(subscription)?.end();
    this.#open.delete(subscription);
  }

  /** Resolves when all that look now have ended, or take too long; undefined where none does. */
  allEnded(): Promise<void> | undefined {
    if (this.#open.size === 0) return undefined;
    const all = Promise.all([...this.#open.values()].map(async ({ ended }) => ended));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      void all.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
