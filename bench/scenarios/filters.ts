import { median, profiled, round, type Scenario } from '../scenario.ts';
import { BenchServer } from '../bench-server.ts';

const FILTERS = 100;
const PER_SECOND = 100;

export const filters: Scenario = {
  about: `Server CPU an event when ${FILTERS} different filters listen to one topic, so that each event concerns one client in a hundred. publish: the same with an event that concerns nobody.`,
  extent: (quick) => ({ clients: [1_000], rounds: quick ? 1 : 2, seconds: quick ? 2 : 3 }),
  async run({ clients, rounds, seconds, servers, profiles, say }) {
    // A broadcast has no filters.
    const names = servers.filter((name) => name !== 'raw ws');
    const [most = 1_000] = clients;
    const events = Math.round(seconds * PER_SECOND);
    return BenchServer.during(names, async (running) => {
      const measured = new Map(
        running.map((server) => [server, { heard: [] as number[], unheard: [] as number[] }]),
      );
      for (const [server] of measured) {
        say(`${most} clients connect to ${server.name}`);
        await server.connect(most, FILTERS);
        // As in fanout: this is not about a server's first minute.
        await server.load.unheard(1_000, 0, 1);
      }
      for (let turn = 1; turn <= rounds; turn++) {
        for (const [server, { heard, unheard }] of measured) {
          say(`filters, round ${turn} of ${rounds}: ${server.name}`);
          const { load } = server;
          const nobody = await server.cpuOf(async () => load.unheard(events, 1_000 / PER_SECOND, 1));
          const some = await profiled(server, turn === rounds ? profiles : undefined, 'filters', async () =>
            server.cpuOf(async () => load.steady(events, 1_000 / PER_SECOND)),
          );
          unheard.push(nobody.cpu / events);
          heard.push(some.cpu / events);
        }
      }
      return [...measured].map(([{ name }, { heard, unheard }]) => ({
        clients: most,
        filters: FILTERS,
        server: name,
        'CPU µs an event': round(median(heard), 0),
        'of it publish': round(median(unheard), 0),
      }));
    });
  },
};
