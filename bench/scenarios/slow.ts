import { BenchServer } from '../bench-server.ts';
import { profiled, round, type Scenario } from '../scenario.ts';

const READERS = 20;
const EVENTS = 10_000;
/** Published together, and the next when all that read have got them. */
const BATCH = 100;
/** So that what passes is more than the system takes for a connection (some 3 MB), and the server has to do something about it. */
const PADDING = 500;
/** What servers keep of the last events for everybody, full before anything is measured. */
const WARM_UP = 40_000;

export const slow: Scenario = {
  about: `Clients stop reading while ${EVENTS} events of 750 bytes pass, beside ${READERS} that read on; then they read again, and get everything in order. Memory: what the server has more when the events have passed, without garbage, and at the most; its caches of recent events are full before. p99: of those that read, in batches of ${BATCH}, against when all did.`,
  extent: (quick) => ({ clients: [quick ? 200 : 1_000], rounds: 1, seconds: 0 }),
  async run({ clients: [clients = 1_000], profiles, say }) {
    return BenchServer.during(['tidings'], async ([server]) => {
      const { load, probe } = server!;
      say('caches get full');
      await server!.connect(READERS);
      await load.bursts(WARM_UP / BATCH, BATCH, PADDING);
      say(`${clients} more clients connect`);
      await load.grow(clients);
      say('all read');
      const quiet = await load.bursts(10, BATCH, PADDING);
      const before = await probe.memory();

      say(`${clients} stop reading`);
      await load.pause(clients);
      let peak = before;
      const watch = setInterval(
        () => void probe.memoryNow().then((now) => (peak = Math.max(peak, now))),
        200,
      );
      const start = performance.now();
      const beside = await load.bursts(EVENTS / BATCH, BATCH, PADDING);
      const stopped = performance.now();
      clearInterval(watch);
      const after = await probe.memory();
      const { parked } = await server!.stats();

      say('all read again');
      const again = performance.now();
      const { cutOff } = await profiled(server!, profiles, 'slow-resume', async () => load.resume());
      return [
        {
          clients,
          events: EVENTS,
          parked,
          'cut off': cutOff,
          'MB more': round((after - before) / 1e6),
          'MB at most': round((peak - before) / 1e6),
          'p99 ms, all read': round(quiet.p99),
          'p99 ms': round(beside.p99),
          'stopped for s': round((stopped - start) / 1_000),
          'all caught up after s': round((performance.now() - again) / 1_000),
        },
      ];
    });
  },
};
