import { fork } from 'node:child_process';
import { once } from 'node:events';
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
const kinds: readonly FloodKind[] = ['connections', 'messages', 'publishes', 'streams'];

/** The limits that users have, but for those of one user, whom all that are quiet are here. */
const environment = {
  LIMIT_CONNECTIONS: '10000',
  LIMIT_NEW_CONNECTIONS: '200',
  LIMIT_PUBLISHES: '1000',
};

export const flood: Scenario = {
  about: `${QUIET} users get an event each ${EVERY_MS} ms, while a process of low priority floods the server: with connections, messages (${PLACES} sockets), publishes (100 events in one) or streams, or all of them, from one address and from ${MANY}. client: from the request to the arrival, which the flood slows down on the clients' side too; server: from when an event was recorded until all sockets had it. loop: how late the server's event loop was. MB: more than before, with the flood at its height, and when it is over and the garbage is gone.`,
  extent: (quick) => ({ clients: [], rounds: 1, seconds: quick ? 4 : 10 }),
  async run(extent) {
    return BenchServer.during(['tidings'], async ([server]) => floodsOf(server!, extent), environment);
  },
};

async function floodsOf(server: BenchServer, extent: Extent): Promise<Row[]> {
  const { seconds, profiles, say } = extent;
  const child = (): { flooder: Remote<Flooder>; end: () => Promise<unknown> } => {
    const process = fork(fileURLToPath(new URL('../load/flooder.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
    });
    return {
      flooder: remote<Flooder>(process, 'the flood'),
      end: async () => {
        const ended = once(process, 'exit');
        process.kill('SIGKILL');
        return ended;
      },
    };
  };
  say(`${QUIET} users connect`);
  await server.connect(QUIET);
  const listen = async (): Promise<{ client: number; server: number; loop: number; cpu: number }> => {
    const before = await publishToSocket(server);
    await server.probe.watchLoop();
    const start = performance.now();
    const { cpu, result } = await server.cpuOf(async () =>
      server.load.steady((seconds * 1_000) / EVERY_MS, EVERY_MS),
    );
    const loop = await server.probe.loopDelay();
    return {
      client: result.p99,
      server: percentile99(before, await publishToSocket(server)),
      loop,
      cpu: cpu / (performance.now() - start) / 10,
    };
  };
  const rowOf = (
    kind: string,
    from: string,
    { client, server: own, loop, cpu }: Awaited<ReturnType<typeof listen>>,
  ) => ({
    flood: kind,
    from,
    'client p99 ms': round(client),
    'server p99 ms': round(own),
    'loop p99 ms': round(loop),
    '% of a core': round(cpu, 0),
  });
  say('quiet');
  await listen();
  const rows: Row[] = [
    { ...rowOf('none', '', await listen()), 'attempts/s': 0, held: 0, 'MB at most': 0, 'MB after': 0 },
  ];
  for (const addresses of [1, MANY]) {
    for (const which of [...kinds.map((kind) => [kind]), kinds]) {
      const name = which.length === 1 ? which[0]! : 'all';
      say(`flood of ${name} from ${addresses}`);
      const memory = await server.probe.memory();
      const { flooder, end } = child();
      const children =
        which.length === 1 ? [{ flooder, end }] : [{ flooder, end }, child(), child(), child()];
      for (const [index, kind] of which.entries())
        await children[index]!.flooder.start({
          kind,
          url: server.url,
          token: adminToken(`flood-${kind}`),
          addresses,
          places: PLACES,
        });
      // At its height.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const measured = await profiled(server, profiles, `flood-${name}-${addresses}`, listen);
      const height = await server.probe.memoryNow();
      let attempts = 0;
      let held = 0;
      for (const each of children) {
        const told = await each.flooder.stop();
        attempts += told.attempts;
        held += told.held;
        await each.end();
      }
      const after = await server.probe.memory();
      rows.push({
        ...rowOf(name, addresses === 1 ? 'one address' : `${addresses} addresses`, measured),
        'attempts/s': round(attempts / (seconds + 1), 0),
        held,
        'MB at most': round((height - memory) / 1e6),
        'MB after': round((after - memory) / 1e6),
      });
    }
  }
  return rows;
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
