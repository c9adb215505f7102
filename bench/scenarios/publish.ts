import { BenchServer } from '../bench-server.ts';
import { median, profiled, round, type Scenario } from '../scenario.ts';
import { adminToken } from '../targets.ts';

const PUBLISHERS = 64;

export const publish: Scenario = {
  about: `Publishing over HTTP with keep-alive, ${PUBLISHERS} requests at a time: single mutations, and 100 events in one. Tidings answers when they are on disk; raw ws only parses them, and the textbook keeps nothing.`,
  extent: (quick) => ({ clients: [], rounds: quick ? 1 : 3, seconds: 2 }),
  async run({ rounds, seconds, servers, profiles, say }) {
    return BenchServer.during(servers, async (running) => {
      const rows = [];
      for (const batch of [1, 100]) {
        const measured = new Map(
          running.map((server) => [server, [] as { rate: number; cpu: number; p99: number }[]]),
        );
        for (let turn = 0; turn <= rounds; turn++) {
          for (const [server, results] of measured) {
            say(`publish, ${batch} a request, round ${turn} of ${rounds}: ${server.name}`);
            const { name: target, url, load } = server;
            const options = { target, url, token: adminToken(), publishers: PUBLISHERS, batch };
            // The first time is to get warm.
            if (turn === 0) {
              await load.publish({ ...options, seconds: 1 });
              continue;
            }
            const { cpu, result } = await profiled(
              server,
              turn === rounds ? profiles : undefined,
              `publish-${batch}`,
              async () => server.cpuOf(async () => load.publish({ ...options, seconds })),
            );
            const events = result.requests * batch;
            results.push({ rate: events / result.seconds, cpu: cpu / events, p99: result.p99 });
          }
        }
        for (const [{ name }, results] of measured) {
          const cpu = median(results.map((each) => each.cpu));
          rows.push({
            'events a request': batch,
            server: name,
            'events/s': round(median(results.map(({ rate }) => rate)), 0),
            'CPU µs an event': round(cpu),
            // What a core could do that has nothing else to do.
            'events/s a core': round(1e6 / cpu, 0),
            'p99 ms': round(median(results.map(({ p99 }) => p99))),
          });
        }
      }
      return rows;
    });
  },
};
