import { BenchServer } from '../bench-server.ts';
import type { Delivered } from '../load/swarm.ts';
import { median, profiled, round, type Extent, type Row, type Scenario } from '../scenario.ts';

const DELIVERIES_PER_SECOND = 10_000;
const BURST = 20;
/** In one measurement of bursts, at least. */
const BURST_DELIVERIES = 60_000;
/** Events that nobody hears, before anything is measured. */
const WARM_UP = 1_000;
/** With more than this, one more round tells less than it takes. */
const MANY = 5_000;

type Load = 'steady' | 'burst';
interface Measured extends Delivered {
  /** Microseconds a delivery. */
  readonly cpu: number;
  /** How much of it the same events take when nobody listens. */
  readonly publish: number;
}

export const fanout: Scenario = {
  about:
    'Server CPU a delivered message, of about 250 bytes; everybody listens to the same, and the servers are warm. steady: evenly spaced, 10 000 deliveries/s; burst: 20 events in one request. It includes what it takes to publish the events, which is also measured alone, where nobody listens.',
  extent: (quick) => ({
    clients: quick ? [1_000] : [1_000, 10_000],
    rounds: quick ? 2 : 3,
    seconds: quick ? 2 : 3,
  }),
  async run(extent) {
    const rows: Row[] = [];
    for (const clients of extent.clients) {
      rows.push(
        ...(await BenchServer.during(extent.servers, async (servers) => fanOutTo(clients, servers, extent))),
      );
    }
    return rows;
  },
};

async function fanOutTo(clients: number, servers: readonly BenchServer[], extent: Extent): Promise<Row[]> {
  const { seconds, profiles, say } = extent;
  const measured = new Map<BenchServer, Record<Load, Measured[]>>();
  for (const server of servers) {
    say(`${clients} clients connect to ${server.name}`);
    await server.connect(clients);
    // A server that has just been started runs what is not compiled yet, and this is not about its first minute.
    await server.load.unheard(WARM_UP, 0, 1);
    measured.set(server, { steady: [], burst: [] });
  }

  const rounds = clients > MANY ? Math.min(2, extent.rounds) : extent.rounds;
  const perSecond = DELIVERIES_PER_SECOND / clients;
  const work: Record<Load, (server: BenchServer) => Promise<Delivered>> = {
    steady: async ({ load }) => load.steady(Math.max(4, Math.round(seconds * perSecond)), 1_000 / perSecond),
    burst: async ({ load }) => load.bursts(Math.ceil(BURST_DELIVERIES / (BURST * clients)), BURST),
  };
  for (let turn = 0; turn <= rounds; turn++) {
    for (const load of ['steady', 'burst'] as const) {
      for (const [server, results] of measured) {
        if (turn === 0) {
          say(`${clients} clients: ${server.name} gets warm`);
          await work[load](server);
          continue;
        }
        say(`${clients} clients, round ${turn} of ${rounds}: ${load}, ${server.name}`);
        const { cpu, result } = await profiled(
          server,
          turn === rounds ? profiles : undefined,
          `fanout-${clients}-${load}`,
          async () => server.cpuOf(async () => work[load](server)),
        );
        const [requests, events] = load === 'steady' ? [20, 1] : [5, BURST];
        const unheard = await server.cpuOf(async () => server.load.unheard(requests, 20, events));
        const publish = unheard.cpu / (requests * events * clients);
        results[load].push({ ...result, cpu: cpu / result.deliveries, publish });
      }
    }
  }

  const raw = [...measured].find(([{ name }]) => name === 'raw ws')?.[1];
  return (['steady', 'burst'] as const).flatMap((load) =>
    [...measured].map(([server, results]) => {
      const typical = (of: (each: Measured) => number, digits = 1): number =>
        round(median(results[load].map(of)), digits);
      // Of the same round: what else the machine does is then in both.
      const ratio = (of: (each: Measured) => number): number | string =>
        raw ? round(median(results[load].map((each, i) => of(each) / of(raw[load][i]!))), 2) : '';
      return {
        clients,
        load,
        server: server.name,
        'CPU µs': typical(({ cpu }) => cpu, 2),
        '× raw': ratio(({ cpu }) => cpu),
        'publish µs': typical(({ publish }) => publish, 2),
        '× raw without': ratio(({ cpu, publish }) => cpu - publish),
        'p50 ms': typical(({ p50 }) => p50),
        'p99 ms': typical(({ p99 }) => p99),
      };
    }),
  );
}
