import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface CommandOptions {
  /** In place of the environment of the tests, but for PATH and HOME. */
  readonly environment?: Readonly<Record<string, string>>;
  /** All of standard input. */
  readonly input?: string;
  /** On a terminal of this many columns (`script` of util-linux), where standard output and error are one. */
  readonly columns?: number;
}

/** The program `tidings`, from the build. */
export class CommandProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #exited: Promise<unknown>;
  #onOutput: () => void = () => undefined;

  constructor(given: readonly string[], { environment = {}, input, columns }: CommandOptions = {}) {
    const command = [process.execPath, main, ...given];
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const [program = '', ...rest] =
      columns === undefined
        ? command
        : ['script', '-qefc', `stty cols ${columns}; exec ${quoted}`, '/dev/null'];
    const { PATH, HOME } = process.env;
    this.child = spawn(program, rest, { env: { PATH, HOME, ...environment }, stdio: 'pipe' });
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]!.setEncoding('utf8').on('data', (text: string) => {
        this[name] += text;
        this.#onOutput();
      });
    }
    // It may be gone before it has read everything.
    this.child.stdin!.on('error', () => undefined);
    if (columns === undefined) this.child.stdin!.end(input ?? '');
    this.#exited = once(this.child, 'close');
  }

  /** Runs it to its end. */
  static async run(
    given: readonly string[],
    options: CommandOptions = {},
  ): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    const command = new CommandProcess(given, options);
    const code = await command.exit();
    return { code, stdout: command.stdout, stderr: command.stderr };
  }

  /** Resolves when an output holds a text. */
  async said(name: 'stdout' | 'stderr', text: string): Promise<void> {
    while (!this[name].includes(text)) {
      if (this.child.exitCode !== null)
        expect.fail(`it ended without "${text}": ${this.stdout}${this.stderr}`);
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#onOutput = resolve;
        }),
        this.#exited,
      ]);
    }
  }

  async exit(): Promise<number | null> {
    await this.#exited;
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.#exited;
  }
}
