import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { JWT_SECRET, WEBHOOK_SECRET } from './keys.ts';
import { suiteLog } from './suite-log.ts';
import { unlimited } from './server.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The server as it is run in production: its own process, from the build. */
export class ServerProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly url: string;
  readonly exited: Promise<void>;

  private constructor(child: ChildProcess, url: string, exited: Promise<void>) {
    this.child = child;
    this.url = url;
    this.exited = exited;
  }

  static async start(
    directory: string,
    environment: Readonly<Record<string, string>> = {},
    program = main,
  ): Promise<ServerProcess> {
    const child = spawn(process.execPath, [program], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        DATA_DIR: directory,
        JWT_SECRET,
        GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
        DRAIN_SECONDS: '0',
        ...unlimited,
        ...environment,
      },
    });
    const exited = once(child, 'exit').then(() => undefined);
    let complaint = '';
    child.stderr.on('data', (text) => (complaint += String(text)));
    // Without a key it tells a token of its own, on purpose.
    if (environment['JWT_SECRET'] !== '')
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (text) => suiteLog.write(String(text)));
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, url } = parseLogLine(line);
      if (msg !== 'listening' || url === undefined) continue;
      child.stdout.resume();
      return new ServerProcess(child, url, exited);
    }
    throw new Error(`the server did not start: ${complaint}`);
  }

  get webSocketUrl(): string {
    return `${this.url.replace('http', 'ws')}/graphql`;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill('SIGKILL');
  }
}

function parseLogLine(line: string): { readonly msg?: string; readonly url?: string } {
  try {
    return JSON.parse(line) as { msg?: string; url?: string };
  } catch {
    return {};
  }
}
