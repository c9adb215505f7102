import { bar, Screen } from './terminal.ts';

/** Between two drawings. */
const DRAW_MS = 100;

/** Tells on standard error how far something is: with a bar on a terminal, not at all elsewhere. */
export class Progress {
  readonly #what: string;
  readonly #total: number | undefined;
  readonly #screen: Screen | undefined;
  #drawnAt = 0;

  /** `total`: of the amounts that `update` tells; absent where nobody knows. */
  constructor(what: string, total?: number) {
    this.#what = what;
    this.#total = total;
    this.#screen = process.stderr.isTTY ? new Screen(process.stderr) : undefined;
  }

  update(amount: number, count: number): void {
    const now = performance.now();
    if (this.#screen === undefined || now - this.#drawnAt < DRAW_MS) return;
    this.#drawnAt = now;
    const share =
      this.#total === undefined || this.#total === 0 ? '' : `${bar((amount / this.#total) * 100, 30)}  `;
    this.#screen.show(null, [`${share}${count} ${this.#what}`]);
  }

  /** A line that stays. */
  say(line: string): void {
    this.end();
    console.error(line);
  }

  end(): void {
    this.#screen?.show(null, []);
    this.#drawnAt = 0;
  }
}
