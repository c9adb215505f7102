import { BenchServer } from '../bench-server.ts';
import { profiled, round, type Row, type Scenario } from '../scenario.ts';

const EVENTS = 1_000;

export const herd: Scenario = {
  about: `Clients that come back at once, each with a cursor ${EVENTS} events back, until all have got everything and are live. CPU includes what it takes to connect. of the load: CPU that the clients take for it, on the same cores.`,
  extent: (quick) => ({ clients: [quick ? 1_000 : 10_000], rounds: 1, seconds: 0 }),
  async run({ clients, profiles, say }) {
    const rows: Row[] = [];
    for (const count of clients) {
      say(`a herd of ${count}`);
      await BenchServer.during(['tidings'], async ([server]) => {
        await server!.connect(1);
        const before = await server!.stats();
        const load = await server!.load.cpu();
        const memory = await server!.probe.memory();
        const { cpu, result } = await profiled(server!, profiles, `herd-${count}`, async () =>
          server!.cpuOf(async () => server!.load.herd(count, EVENTS)),
        );
        const grown = (await server!.probe.memory()) - memory;
        const { logReads, executions } = await server!.stats();
        rows.push({
          clients: count,
          'events each': EVENTS,
          'all live after s': round(result.seconds),
          refused: result.refused,
          'log reads': logReads - before.logReads,
          executions: executions - before.executions,
          'CPU µs a delivery': round(cpu / (count * EVENTS), 2),
          'of the load': round(((await server!.load.cpu()) - load) / (count * EVENTS), 2),
          'MB more': round(grown / 1e6),
        });
      });
    }
    return rows;
  },
};
