import { expect, it } from 'vitest';
import { decodeCursor } from '../../src/events/position.ts';
import { eventsOf, openStream } from '../support/event-stream.ts';
import { checkLog, nothingWrong, type Observed, type Told } from '../support/log-checker.ts';
import { until } from '../support/until.ts';
import { EVERYTHING, onCluster, pause, Publishers, subscribers, token } from './cluster.ts';

const PUBLISHERS = 4;
const SOCKETS = 20;
const STREAMS = 10;
const ROUNDS = 2;

/** Server-sent events as a browser resumes them: from its last event, again and again. */
class StreamClient implements Observed, Disposable {
  readonly name: string;
  readonly after: string;
  readonly events: Told[] = [];
  connections = 0;
  /** How often an answer was no stream. */
  refusals = 0;
  readonly #abort = new AbortController();

  constructor(name: string, after: string, urlOf: () => string) {
    this.name = name;
    this.after = after;
    void this.#run(urlOf);
  }

  async #run(urlOf: () => string): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        await this.#listen(urlOf());
      } catch {
        // The server is not there, or not any more.
      }
      await pause(20);
    }
  }

  async #listen(url: string): Promise<void> {
    const lastEventId = this.events.at(-1)?.cursor ?? this.after;
    const request = { query: EVERYTHING, token, lastEventId };
    const response = await openStream(`${url}/graphql`, request, this.#abort.signal);
    if (response.status === 200) this.connections++;
    else this.refusals++;
    for await (const { event, data = '' } of eventsOf(response.body!)) {
      if (event !== 'next') continue;
      this.events.push((JSON.parse(data) as { data: { event: Told } }).data.event);
    }
  }

  hasSeen(cursor: string): boolean {
    const last = this.events.at(-1);
    return (
      last !== undefined && decodeCursor(last.cursor).position.offset >= decodeCursor(cursor).position.offset
    );
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }
}

it('loses nothing when one server after the other is started anew, while events are published', async () => {
  await onCluster({ servers: 2, environment: { DRAIN_SECONDS: '1' } }, async (cluster) => {
    const publishers = new Publishers('rolling');
    const after = await publishers.publish(() => cluster.member(0).server.url, 'first');
    let turn = 0;
    const any = (): string => cluster.member(turn++).server.url;
    const sockets = subscribers(SOCKETS, after, any);
    const streams = Array.from(
      { length: STREAMS },
      (_, index) => new StreamClient(`stream ${index}`, after, any),
    );
    let isWriting = true;
    const writing = Promise.all(
      Array.from({ length: PUBLISHERS }, async (_, publisher) => {
        for (let index = 0; isWriting; index++) await publishers.publish(any, `${publisher}-${index}`);
      }),
    );
    await until(() => [...sockets, ...streams].every(({ events }) => events.length > 0));
    const codes: unknown[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const index of cluster.members.keys()) codes.push(await cluster.restart(index));
    }
    isWriting = false;
    await writing;
    const last = await publishers.publish(any, 'last');
    await Promise.all(sockets.map(async (client) => client.untilSeen(last)));
    await until(() => streams.every((client) => client.hasSeen(last)));

    const closeCodes = sockets.flatMap((client) => client.closeCodes);
    const check = checkLog(publishers.acknowledged, [...sockets, ...streams]);
    const { retries, known } = publishers;
    const sum = (clients: readonly { readonly connections: number }[]): number =>
      clients.reduce((total, { connections }) => total + connections, 0);
    const figures = {
      retries,
      known,
      webSockets: sum(sockets),
      streams: sum(streams),
      refusals: streams.reduce((total, { refusals }) => total + refusals, 0),
      sentAway: closeCodes.length,
    };
    console.log(`${codes.length} servers started anew:`, JSON.stringify({ ...check, ...figures }));
    for (const client of [...sockets, ...streams]) client[Symbol.dispose]();
    expect(check).toMatchObject(nothingWrong);
    expect(codes).toEqual(codes.map(() => 0));
    // All were sent away, none was cut off.
    expect(closeCodes.length).toBeGreaterThanOrEqual(SOCKETS);
    expect(new Set(closeCodes)).toEqual(new Set([1012]));
    expect(figures.refusals).toBe(0);
  });
}, 120_000);
