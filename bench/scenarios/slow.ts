import { BenchServer } from '../bench-server.ts';
import { round, type Scenario } from '../scenario.ts';

const READERS = 100;
const BATCH = 20;
const INTERVAL_MS = 100;

export const slow: Scenario = {
  about: `Clients stop reading while events pass, beside ${READERS} that read on. Memory: what the server has more at the end without garbage, and at the most. p99: of those that read, against when all did. Then they read again, and get everything in order.`,
  extent: (quick) => ({ clients: quick ? [200] : [1_000], rounds: 1, seconds: quick ? 5 : 50 }),
  async run({ clients: [clients = 1_000], seconds, say }) {
    return BenchServer.during(['tidings'], async ([server]) => {
      const { load, probe } = server!;
      await server!.connect(clients + READERS);
      say('all read');
      const quiet = await load.steady(30, INTERVAL_MS, BATCH);
      const before = await probe.memory();

      const requests = Math.round((seconds * 1_000) / INTERVAL_MS);
      say(`${clients} stop reading for ${seconds} seconds`);
      await load.pause(clients);
      let peak = before;
      const watch = setInterval(
        () => void probe.memoryNow().then((now) => (peak = Math.max(peak, now))),
        200,
      );
      const beside = await load.steady(requests, INTERVAL_MS, BATCH);
      clearInterval(watch);
      const after = await probe.memory();
      const { parked } = await server!.stats();

      say('all read again');
      const start = performance.now();
      const { deliveries } = await load.resume();
      return [
        {
          clients,
          events: requests * BATCH,
          parked,
          'MB more': round((after - before) / 1e6),
          'MB at most': round((peak - before) / 1e6),
          'p99 ms, all read': round(quiet.p99),
          'p99 ms': round(beside.p99),
          'caught up after s': round((performance.now() - start) / 1_000),
          deliveries,
        },
      ];
    });
  },
};
