import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BenchServer } from '../bench-server.ts';
import type { FloodKind, Flooder } from '../load/flooder.ts';
import { remote, type Remote } from '../rpc.ts';
import { profiled, round, type Extent, type Row, type Scenario } from '../scenario.ts';
import { adminToken } from '../targets.ts';

const QUIET = 100;
const EVERY_MS = 50;
const PLACES = 64;
const MANY = 200;
const WARM_UP_MS = 3_000;
/** After which a flood is at its height, and after which the server has let go of all of it. */
const HEIGHT_MS = 1_000;
const AFTER_MS = 6_000;
/** What the server keeps of the newest events: requests, each so long after the other, with events, each so many characters longer. */
const RECENT = [160, 30, 25, 8_000] as const;
const HURRY_MS = 10;
const kinds: readonly FloodKind[] = ['connections', 'messages', 'publishes', 'streams'];

interface Flood {
  readonly which: readonly FloodKind[];
  readonly addresses: number;
  /** How long its clients wait for their answers; null: as long as it takes. */
  readonly patienceMs: number | null;
}

const clients: readonly Omit<Flood, 'which'>[] = [
  { addresses: 1, patienceMs: null },
  { addresses: MANY, patienceMs: null },
  { addresses: MANY, patienceMs: HURRY_MS },
];
const floods: readonly Flood[] = clients.flatMap((each) =>
  [...kinds.map((kind) => [kind]), kinds].map((which) => ({ which, ...each })),
);

/** The limits that users have, but for those of one user, whom all that are quiet are here. */
const environment = {
  LIMIT_CONNECTIONS: '10000',
  LIMIT_NEW_CONNECTIONS: '200',
  LIMIT_PUBLISHES: '1000',
};

export const flood: Scenario = {
  about: `${QUIET} users get an event each ${EVERY_MS} ms, while processes of low priority flood the server with connections, messages, publishes (100 events in one), streams, or all of them, each from ${PLACES} sockets, again and again: from one address or ${MANY}, and either waiting for the answers or, after ${HURRY_MS} ms without one, coming again. A short flood of everything goes before, and as many events as the server keeps in memory. client: from the request to the arrival; server: from when an event was recorded until all sockets had it. loop: how late the server's event loop was. MB, of another server that is flooded for ${WARM_UP_MS / 1_000} s each time: more of resident memory than before, with the flood at its height, and when it is over for ${AFTER_MS / 1_000} s and the garbage is gone, and of JavaScript's objects and what they hold (heap); the rest is what V8 and the allocator keep for the next time.`,
  extent: (quick) => ({ clients: [], rounds: 1, seconds: quick ? 4 : 10 }),
  async run(extent) {
    // Of a server of its own: a heap that was collected by force is collected more often from then on, which costs time.
    const times = await BenchServer.during(
      ['tidings'],
      async ([server]) => timesOf(server!, extent),
      environment,
    );
    const memory = await BenchServer.during(
      ['tidings'],
      async ([server]) => memoryOf(server!, extent),
      environment,
    );
    return times.map((row, index) => ({ ...row, ...memory[index] }));
  },
};

/** Has users, and has been at work for a while: with a flood behind it, and as many events as it keeps. */
async function prepare(server: BenchServer, { say }: Extent): Promise<void> {
  say(`${QUIET} users connect`);
  await server.connect(QUIET);
  say('a first flood of everything');
  const first = await flooded(server, { which: kinds, addresses: MANY, patienceMs: HURRY_MS });
  await setTimeout(WARM_UP_MS);
  await ended(first);
  await server.load.unheard(...RECENT);
  await setTimeout(AFTER_MS);
}

async function timesOf(server: BenchServer, extent: Extent): Promise<Row[]> {
  const { seconds, profiles, say } = extent;
  const listen = async (): Promise<Row> => {
    const before = await publishToSocket(server);
    await server.probe.watchLoop();
    const start = performance.now();
    const { cpu, result } = await server.cpuOf(async () =>
      server.load.steady((seconds * 1_000) / EVERY_MS, EVERY_MS),
    );
    const loop = await server.probe.loopDelay();
    return {
      'client p99 ms': round(result.p99),
      'server p99 ms': round(percentile99(before, await publishToSocket(server))),
      'loop p99 ms': round(loop),
      '% of a core': round(cpu / (performance.now() - start) / 10, 0),
    };
  };
  await prepare(server, extent);
  await listen();
  say('quiet');
  const rows: Row[] = [{ flood: 'none', from: '', waits: '', ...(await listen()), 'attempts/s': 0, held: 0 }];
  for (const each of floods) {
    const { which, addresses, patienceMs } = each;
    const name = which.length === 1 ? which[0]! : 'all';
    const from = addresses === 1 ? 'one address' : `${addresses} addresses`;
    const waits = patienceMs === null ? 'as long as it takes' : `${patienceMs} ms`;
    say(`flood of ${name} from ${from} that waits ${waits}`);
    const flooders = await flooded(server, each);
    await setTimeout(HEIGHT_MS);
    const measured = await profiled(server, profiles, `flood-${name}-${addresses}-${patienceMs}`, listen);
    const { attempts, held } = await ended(flooders);
    const perSecond = round(attempts / (seconds + HEIGHT_MS / 1_000), 0);
    rows.push({ flood: name, from, waits, ...measured, 'attempts/s': perSecond, held });
    await setTimeout(AFTER_MS);
  }
  return rows;
}

async function memoryOf(server: BenchServer, extent: Extent): Promise<Row[]> {
  await prepare(server, extent);
  const rows: Row[] = [{ 'MB at most': 0, 'MB after': 0, 'heap after': 0 }];
  for (const [index, each] of floods.entries()) {
    extent.say(`memory with flood ${index + 1} of ${floods.length}`);
    const [memory, heap] = [await server.probe.memory(), await server.probe.heap()];
    const flooders = await flooded(server, each);
    await setTimeout(WARM_UP_MS);
    const height = await server.probe.memoryNow();
    await ended(flooders);
    await setTimeout(AFTER_MS);
    rows.push({
      'MB at most': round((height - memory) / 1e6),
      'MB after': round(((await server.probe.memory()) - memory) / 1e6),
      'heap after': round(((await server.probe.heap()) - heap) / 1e6),
    });
  }
  return rows;
}

interface FloodProcess {
  readonly flooder: Remote<Flooder>;
  readonly process: ChildProcess;
}

/** Begins a flood of each kind, each from a process of its own. */
async function flooded(
  { url }: BenchServer,
  { which, addresses, patienceMs }: Flood,
): Promise<readonly FloodProcess[]> {
  return Promise.all(
    which.map(async (kind) => {
      const process = fork(fileURLToPath(new URL('../load/flooder.ts', import.meta.url)), {
        execArgv: ['--import', 'tsx'],
      });
      const flooder = remote<Flooder>(process, `the flood of ${kind}`);
      const token = adminToken(`flood-${kind}`);
      await flooder.start({ kind, url, token, addresses, places: PLACES, patienceMs });
      return { flooder, process };
    }),
  );
}

/** Ends them. Tells how much they tried, and how many connections they held. */
async function ended(flooders: readonly FloodProcess[]): Promise<{ attempts: number; held: number }> {
  const sum = { attempts: 0, held: 0 };
  for (const { flooder, process } of flooders) {
    const told = await flooder.stop();
    sum.attempts += told.attempts;
    sum.held += told.held;
    const exit = once(process, 'exit');
    process.kill('SIGKILL');
    await exit;
  }
  return sum;
}

/** Of the server's own histogram: how many events took at most so many milliseconds. */
async function publishToSocket({ url }: BenchServer): Promise<ReadonlyMap<number, number>> {
  const text = await (
    await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${adminToken()}` } })
  ).text();
  const buckets = text.matchAll(/^tidings_publish_to_socket_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm);
  return new Map(
    [...buckets].map(([, most, count]) => [most === '+Inf' ? Infinity : Number(most) * 1_000, Number(count)]),
  );
}

/** The upper end of the bucket that the 99th of a hundred is in. */
function percentile99(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  const counts = [...after].map(([most, count]) => [most, count - (before.get(most) ?? 0)] as const);
  const all = counts.at(-1)?.[1] ?? 0;
  return counts.find(([, count]) => count >= 0.99 * all)?.[0] ?? Infinity;
}
