/** Text for terminals: colours, bars, and what must not get there. Pure functions, and a screen that is given what it writes to. */

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'grey' | 'bold';

const codes: Readonly<Record<Colour, number>> = {
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
  grey: 90,
  bold: 1,
};

export type Paint = (colour: Colour, text: string) => string;

/** Paints nothing where the output is no terminal, or NO_COLOR is set (https://no-color.org). */
export function painter(
  isTerminal: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): Paint {
  const isOff = !isTerminal || (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  return isOff ? (_colour, text) => text : (colour, text) => `\x1b[${codes[colour]}m${text}\x1b[0m`;
}

/** Text of others on one line, without anything that a terminal would take for a command. */
export function plain(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
}

/** At most so many characters; painted text doesn't fit here. */
export function shortened(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** `[######----]  60 %` */
export function bar(percent: number, width: number): string {
  const share = Math.max(0, Math.min(100, percent));
  const full = Math.round((share / 100) * width);
  return `[${'#'.repeat(full)}${'-'.repeat(width - full)}] ${String(Math.floor(share)).padStart(3)} %`;
}

interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * A terminal with lines at its lower end that change in place, while others scroll by above them.
 */
export class Screen {
  readonly #terminal: Terminal;
  #footer: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  get columns(): number {
    return this.#terminal.columns ?? 80;
  }

  /**
   * Writes a line that stays, or none, and the lines at the lower end, which stand for those before. Each of these has to fit
   * the width.
   */
  show(line: string | null, footer: readonly string[]): void {
    if (line === null && footer.join('\n') === this.#footer.join('\n')) return;
    const erase = this.#footer.length === 0 ? '' : `\x1b[${this.#footer.length}A\r\x1b[J`;
    const lines = line === null ? footer : [line, ...footer];
    this.#terminal.write(erase + lines.map((each) => `${each}\n`).join(''));
    this.#footer = footer;
  }
}
