import { BenchServer } from '../bench-server.ts';
import { round, type Extent, type Row, type Scenario } from '../scenario.ts';

export const idle: Scenario = {
  about:
    'What a connection costs that has subscribed and waits. Memory: what the process has more than before, which tells little of few, since it had room before; and the heap with what hangs on it. Both without garbage. CPU: pings and all.',
  extent: (quick) => ({ clients: quick ? [1_000] : [1_000, 10_000], rounds: 1, seconds: quick ? 5 : 25 }),
  async run(extent) {
    const rows: Row[] = [];
    for (const clients of extent.clients) {
      rows.push(
        ...(await BenchServer.during(extent.servers, async (servers) => idleWith(clients, servers, extent))),
      );
    }
    return rows;
  },
};

async function idleWith(
  clients: number,
  servers: readonly BenchServer[],
  { seconds, say }: Extent,
): Promise<Row[]> {
  const grown = new Map<BenchServer, { readonly resident: number; readonly heap: number }>();
  for (const server of servers) {
    say(`${clients} clients connect to ${server.name}`);
    // So that what the first client brings into memory is there before.
    await server.connect(1);
    await server.load.disconnect();
    const [resident, heap] = [await server.probe.memory(), await server.probe.heap()];
    await server.connect(clients);
    grown.set(server, {
      resident: (await server.probe.memory()) - resident,
      heap: (await server.probe.heap()) - heap,
    });
  }
  say(`${clients} idle clients for ${seconds} seconds`);
  // All at the same time: each is asked for its own CPU.
  return Promise.all(
    [...grown].map(async ([server, { resident, heap }]) => {
      const { cpu } = await server.cpuOf(
        async () => new Promise((resolve) => setTimeout(resolve, seconds * 1_000)),
      );
      return {
        clients,
        server: server.name,
        'KB a connection': round(resident / clients / 1_000),
        'of the heap': round(heap / clients / 1_000),
        '% of a core': round(cpu / seconds / 1e4, 2),
      };
    }),
  );
}
