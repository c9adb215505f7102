import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface RedisServerOptions {
  /** Lines as in redis.conf, for example 'appendonly yes'. Nothing is persisted without. */
  readonly config?: readonly string[];
  readonly sentinel?: boolean;
}

/** A redis-server process of the tests, on a free port and with a directory of its own. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly #options: RedisServerOptions;
  #child: ChildProcess | undefined;

  private constructor(port: number, directory: string, options: RedisServerOptions) {
    this.port = port;
    this.directory = directory;
    this.#options = options;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const directory = mkdtempSync(join(tmpdir(), 'tidings-redis-'));
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(await freePort(), directory, options);
      try {
        await server.restart();
        return server;
      } catch (error) {
        // Somebody else may have taken the port meanwhile.
        if (attempt === 5) throw error;
        rmSync(join(directory, 'redis.conf'), { force: true });
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again, on the same port and directory, after it was ended. Resolves when it has loaded its data. */
  async restart(): Promise<void> {
    const { config = [], sentinel = false } = this.#options;
    const file = join(this.directory, 'redis.conf');
    // A sentinel writes down there what it learns.
    if (!existsSync(file)) {
      const basics = [`port ${this.port}`, 'bind 127.0.0.1', `dir ${this.directory}`];
      const memoryOnly = sentinel ? [] : ['save ""', 'appendonly no'];
      writeFileSync(file, [...basics, ...memoryOnly, ...config].join('\n'));
    }
    const program = redisProgram();
    const child = spawn(program, [file, ...(sentinel ? ['--sentinel'] : [])], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    endWithThisProcess(child);
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      if (/Ready to accept connections|Sentinel ID is/.test(line)) {
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`${program} did not start:\n${said.join('\n')}`);
  }

  /** By its process id, as the operating system would: SIGKILL, SIGSTOP, SIGCONT, SIGTERM. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ends = signal === 'SIGKILL' || signal === 'SIGTERM';
    const exited = ends ? once(child, 'exit') : undefined;
    child.kill(signal);
    await exited;
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A Redis to share: the one that TEST_REDIS_URL names, or one that is started. */
export async function anyRedis(): Promise<{ readonly url: string } & AsyncDisposable> {
  const url = process.env['TEST_REDIS_URL'];
  if (url !== undefined && url !== '') return { url, [Symbol.asyncDispose]: async () => undefined };
  return RedisServer.start();
}

/** However this process ends: the pipe to the guard is closed by that, and by nothing else. */
function endWithThisProcess(child: ChildProcess): void {
  const guard = spawn('sh', ['-c', 'read _; kill -9 "$1"', 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  child.once('exit', () => guard.kill('SIGKILL'));
}

let program: string | undefined;

/** redis-server of the PATH, else installed where that is possible. */
function redisProgram(): string {
  if (program !== undefined) return program;
  const isThere = (): boolean => spawnSync('redis-server', ['--version']).status === 0;
  if (!isThere() && process.getuid?.() === 0) {
    spawnSync('apt-get', ['update'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { stdio: 'ignore' });
  }
  if (!isThere()) {
    throw new Error(
      'These tests start redis-server, which is not on the PATH and could not be installed: install Redis 7 (Debian: apt-get install redis-server).',
    );
  }
  return (program = 'redis-server');
}

/** One that nobody listens to now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
