import { HEARD, stateOf, targets, type TargetName } from '../targets.ts';
import { HttpClient } from './http-client.ts';

export interface PublishOptions {
  readonly target: TargetName;
  readonly url: string;
  readonly token: string;
  /** Each with a connection of its own and one request at a time. */
  readonly publishers: number;
  /** Events in one request; 1 are single mutations, as services send them. */
  readonly batch: number;
  readonly seconds: number;
}

export interface PublishRate {
  readonly requests: number;
  readonly seconds: number;
  /** Of a request; milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const SINGLE = 'mutation ($input: ReportPullRequestInput!) { reportPullRequest(input: $input) { cursor } }';

/** What a server acknowledges when it is never idle. Each publisher reports pull requests of its own, so that none waits for another. */
export async function publishForSeconds(options: PublishOptions): Promise<PublishRate> {
  const { target, publishers, batch, seconds } = options;
  const { prepare, publish, publishPath } = targets[target];
  const http = new HttpClient(options, publishers);
  for (const body of prepare) await http.post(publishPath, body);

  const times: number[] = [];
  const start = performance.now();
  const end = start + seconds * 1_000;
  const publisher = async (author: number): Promise<void> => {
    for (let seq = 0; performance.now() < end; seq += batch) {
      const events = Array.from({ length: batch }, (_, i) => ({
        repoId: HEARD,
        author: `author-${author}`,
        seq: seq + i,
        number: 1 + author * 100 + ((seq + i) % 100),
      }));
      const body =
        batch === 1 && target === 'tidings'
          ? { query: SINGLE, variables: { input: stateOf(events[0]!) } }
          : publish(events);
      const sent = performance.now();
      await http.post(publishPath, body);
      times.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: publishers }, async (_, author) => publisher(author)));
  const took = (performance.now() - start) / 1_000;
  http.close();

  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { requests: times.length, seconds: took, p50: at(0.5), p99: at(0.99) };
}
