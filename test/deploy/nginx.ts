import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/redis.ts';
import { until } from '../support/until.ts';

const project = new URL('../../deploy/nginx.conf', import.meta.url);

/** nginx with the configuration of the project, where only addresses are other ones. */
export class Nginx implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #directory: string;
  #said = '';

  private constructor(url: string, child: ChildProcess, directory: string) {
    this.url = url;
    this.#child = child;
    this.#directory = directory;
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.stderr!.on('data', (text) => (this.#said += String(text)));
  }

  /** `servers` are the URLs of two. */
  static async start(servers: readonly [string, string]): Promise<Nginx> {
    const directory = mkdtempSync(join(tmpdir(), 'tidings-nginx-'));
    const port = await freePort();
    let config = readFileSync(project, 'utf8');
    const replacements = [
      ['listen 8080', `listen 127.0.0.1:${port}`],
      ...servers.map(
        (url, index) => [`server tidings-${index + 1}:4000`, `server ${new URL(url).host}`] as const,
      ),
    ] as const;
    for (const [given, mine] of replacements) {
      if (config.split(given).length !== 2) throw new Error(`nginx.conf has to hold "${given}" once`);
      config = config.replace(given, mine);
    }
    const file = join(directory, 'nginx.conf');
    writeFileSync(file, config);
    const own = `daemon off; pid ${join(directory, 'nginx.pid')};`;
    const child = spawn(nginxProgram(), ['-c', file, '-p', directory, '-g', own], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const nginx = new Nginx(`http://127.0.0.1:${port}`, child, directory);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`nginx did not start:\n${nginx.#said}`);
      return fetch(`${nginx.url}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
    return nginx;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await exited;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What is left when the tests end early, with them. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/** nginx of the PATH, else installed where that is possible. */
function nginxProgram(): string {
  const isThere = (): boolean => spawnSync('nginx', ['-v']).status === 0;
  if (!isThere() && process.getuid?.() === 0) {
    spawnSync('apt-get', ['update'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'nginx-light'], { stdio: 'ignore' });
  }
  if (!isThere()) {
    throw new Error(
      'These tests start nginx, which is not on the PATH and could not be installed: install it (Debian: apt-get install nginx-light).',
    );
  }
  return 'nginx';
}
