import { fork, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { HttpClient } from './load/http-client.ts';
import type { Generator } from './load/generator.ts';
import type { SwarmOptions } from './load/swarm.ts';
import { remote, type Remote } from './rpc.ts';
import { adminToken, targets, type TargetName } from './targets.ts';

/** What bench/probe.mjs answers. */
interface Probe {
  readonly [name: string]: (...args: never[]) => unknown;
  readonly cpu: () => number;
  readonly memory: () => number;
  readonly heap: () => number;
  readonly memoryNow: () => number;
  readonly startProfile: () => void;
  readonly stopProfile: (file: string) => void;
  readonly watchLoop: () => void;
  readonly loopDelay: () => number;
  readonly heapSnapshot: (file: string) => string;
}

/** One server in a process of its own, and its load in another. */
export class BenchServer {
  readonly name: TargetName;
  readonly url: string;
  readonly probe: Remote<Probe>;
  readonly load: Remote<Generator>;
  readonly #children: readonly ChildProcess[];
  readonly #directory: string;

  private constructor(
    name: TargetName,
    url: string,
    children: readonly [ChildProcess, ChildProcess],
    directory: string,
  ) {
    this.name = name;
    this.url = url;
    this.#children = children;
    this.#directory = directory;
    this.probe = remote<Probe>(children[0], `the server ${name}`);
    this.load = remote<Generator>(children[1], `the load of ${name}`);
  }

  /** Has the servers for as long as the work takes, with more settings than they have usually. */
  static async during<Result>(
    names: readonly TargetName[],
    work: (servers: readonly BenchServer[]) => Promise<Result>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Result> {
    const servers: BenchServer[] = [];
    try {
      for (const name of names) servers.push(await BenchServer.#start(name, environment));
      return await work(servers);
    } finally {
      await Promise.all(servers.map(async (server) => server.#stop()));
    }
  }

  static async #start(name: TargetName, more: Readonly<Record<string, string>>): Promise<BenchServer> {
    const { start, environment } = targets[name];
    const directory = mkdtempSync(join(tmpdir(), 'tidings-bench-'));
    const probe = fileURLToPath(new URL('./probe.mjs', import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', '--import', probe, ...start], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        DATA_DIR: directory,
        NODE_ENV: 'production',
        ...environment,
        ...more,
      },
    });
    const url = await urlOf(child);
    const generator = fork(fileURLToPath(new URL('./load/generator.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
    });
    return new BenchServer(name, url, [child, generator], directory);
  }

  /** @throws when a client does not get its events */
  async connect(clients: number, streams = 1): Promise<void> {
    const options: SwarmOptions = { target: this.name, url: this.url, token: adminToken(), clients, streams };
    await this.load.connect(options);
  }

  /** What Tidings says of itself. */
  async stats(): Promise<{
    readonly logReads: number;
    readonly executions: number;
    readonly parked: number;
    readonly live: number;
  }> {
    const http = new HttpClient({ url: this.url, token: adminToken() }, 1);
    const { stats } = await http.post('/graphql', { query: '{ stats { logReads executions parked live } }' });
    http.close();
    return stats as never;
  }

  /** Microseconds of the server's CPU that the work takes. */
  async cpuOf<Result>(
    work: () => Promise<Result>,
  ): Promise<{ readonly cpu: number; readonly result: Result }> {
    const before = await this.probe.cpu();
    const result = await work();
    return { cpu: (await this.probe.cpu()) - before, result };
  }

  async #stop(): Promise<void> {
    await Promise.all(
      this.#children.map(
        async (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve();
            child.once('exit', () => resolve());
            child.kill('SIGKILL');
          }),
      ),
    );
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** All servers print a line of JSON with their URL when they listen. */
async function urlOf({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('no output');
  let said = '';
  for await (const line of createInterface({ input: stdout })) {
    said += `${line}\n`;
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (url === undefined) continue;
    stdout.resume();
    return url;
  }
  throw new Error(`the server did not start:\n${said}`);
}
