import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkLog, nothingWrong } from '../support/log-checker.ts';
import { TestSocket, dataOf } from '../support/socket.ts';
import { Cluster, EVERYTHING, graphql, Publishers, subscribers, token } from './cluster.ts';

const PUBLISHERS = 6;
const EVENTS = 40;
const SUBSCRIBERS = 4;
const HERD = 200;
const MISSED = 200;
const STATS = '{ stats { logReads } }';

describe('servers on one Redis', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ servers: 3 });
  }, 60_000);
  afterAll(async () => cluster?.[Symbol.asyncDispose]());

  it.each([2, 3])(
    'publish on one, subscribe on another: all see one order, complete, of %i',
    async (servers) => {
      const publishers = new Publishers(`${servers} servers`);
      const urlOf = (index: number) => () => cluster.member(index % servers).server.url;
      const after = await publishers.publish(urlOf(0), 'first');
      const listening = subscribers(SUBSCRIBERS * servers, after, (index) => urlOf(index)());
      await Promise.all(
        Array.from({ length: PUBLISHERS }, async (_, index) =>
          publishers.publishMany(urlOf(index), `publisher ${index}`, EVENTS),
        ),
      );
      const last = await publishers.publish(urlOf(1), 'last');
      await Promise.all(listening.map(async (each) => each.untilSeen(last)));
      const check = checkLog(publishers.acknowledged, listening);
      console.log(`${servers} servers:`, JSON.stringify(check));
      listening.forEach((each) => each[Symbol.dispose]());
      expect(check).toMatchObject({ acknowledged: PUBLISHERS * EVENTS + 2, ...nothingWrong });
      expect(check.reads).toBe(listening.length * (PUBLISHERS * EVENTS + 1));
    },
    60_000,
  );

  it(`resume ${HERD} clients from the same old cursor with few reads of the log`, async () => {
    const publishers = new Publishers('herd');
    const [publishing, { server }] = [() => cluster.member(0).server.url, cluster.member(1)];
    const logReads = async (): Promise<number> => (await graphql(server.url, STATS)).data.stats.logReads;
    const after = await publishers.publish(publishing, 'first');
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        publishers.publishMany(publishing, `${index}`, MISSED / 8),
      ),
    );
    const sockets = await Promise.all(
      Array.from({ length: HERD }, async () => TestSocket.connect(server.webSocketUrl, { token })),
    );
    // Nobody listens there now, so that it has nothing in its memory.
    const before = await logReads();
    for (const socket of sockets) socket.subscribe('1', EVERYTHING, { after });
    const seen = await Promise.all(sockets.map(async (socket) => socket.receiveMany(MISSED)));
    const contents = seen.map((messages) => JSON.stringify(messages.map(dataOf)));
    const reads = (await logReads()) - before;
    console.log(`${HERD} clients, ${MISSED} events each: ${reads} log reads`);
    for (const socket of sockets) socket[Symbol.dispose]();
    expect(new Set(contents).size).toBe(1);
    expect(reads).toBeLessThanOrEqual(10);
  }, 60_000);
});
