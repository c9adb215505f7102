import { expect, it } from 'vitest';
import { checkLog, nothingWrong } from '../support/log-checker.ts';
import { until } from '../support/until.ts';
import { onCluster, pause, Publishers, seeded, someSeed, subscribers } from './cluster.ts';

const PUBLISHERS = 8;
const EVENTS = 40;
const CLIENTS = 20;
/** Of the links to Redis: resets, stalls and lost answers, as many of each. */
const FAULTS = 12;
const KILLS = 6;

it('loses, doubles and reorders nothing while links to Redis and clients break off', async () => {
  await onCluster({ servers: 2 }, async (cluster) => {
    const seed = someSeed();
    console.log(`TEST_SEED=${seed}`);
    const random = seeded(seed);
    const any = (count: number): number => Math.floor(random() * count);
    const publishers = new Publishers('links');
    const after = await publishers.publish(() => cluster.member(0).server.url, 'first');
    // To either server, whichever it was before.
    const clients = subscribers(CLIENTS, after, () => cluster.member(any(2)).front.url);

    let isWriting = true;
    const writing = Promise.all(
      Array.from({ length: PUBLISHERS }, async (_, index) =>
        publishers.publishMany(() => cluster.member(any(2)).server.url, `publisher ${index}`, EVENTS),
      ),
    ).finally(() => (isWriting = false));
    const cutting = (async () => {
      for (; isWriting; await pause(30)) clients[any(CLIENTS)]!.cut();
    })();
    const faults = { reset: 0, stall: 0, lostAnswers: 0, stallGivenUp: 0 };
    for (let fault = 0; fault < FAULTS; fault++) {
      const { link } = cluster.member(any(2));
      const kind = (['reset', 'stall', 'lostAnswers'] as const)[fault % 3]!;
      faults[kind]++;
      if (kind === 'stall') link.hold();
      if (kind === 'lostAnswers') link.hold('answers');
      await pause(100 + any(400));
      if (kind !== 'stall') link.cut();
      link.release();
      await pause(any(300));
    }
    for (const { link } of cluster.members) {
      // Until the server gives it up and connects again.
      const { accepted } = link;
      link.hold();
      await until(() => link.accepted > accepted);
      link.release();
      faults.stallGivenUp++;
    }
    await writing;
    await cutting;
    const last = await publishers.publish(() => cluster.member(1).server.url, 'last');
    await Promise.all(clients.map(async (client) => client.untilSeen(last)));
    const check = checkLog(publishers.acknowledged, clients);
    const { retries, known } = publishers;
    const connections = clients.reduce((sum, client) => sum + client.connections, 0);
    console.log('links and clients cut:', JSON.stringify({ ...check, faults, retries, known, connections }));
    clients.forEach((client) => client[Symbol.dispose]());
    expect(check).toMatchObject({ acknowledged: PUBLISHERS * EVENTS + 2, ...nothingWrong });
    expect(check.reads).toBe(CLIENTS * (PUBLISHERS * EVENTS + 1));
  });
}, 120_000);

it(`loses nothing acknowledged when Redis is killed ${KILLS} times, with appendfsync always`, async () => {
  await onCluster({ servers: 2 }, async (cluster) => {
    const seed = someSeed();
    console.log(`TEST_SEED=${seed}`);
    const random = seeded(seed);
    const publishers = new Publishers('kills');
    const after = await publishers.publish(() => cluster.member(0).server.url, 'first');
    const clients = subscribers(CLIENTS, after, (index) => cluster.member(index).server.url);
    let isWriting = true;
    const writing = Promise.all(
      Array.from({ length: PUBLISHERS }, async (_, publisher) => {
        for (let index = 0; isWriting; index++)
          await publishers.publish(
            () => cluster.member(publisher).server.url,
            `publisher ${publisher}-${index}`,
          );
      }),
    );
    for (let kill = 0; kill < KILLS; kill++) {
      // While others are anywhere between sending and writing.
      const enough = publishers.acknowledged.length + 10 + Math.floor(random() * 30);
      while (publishers.acknowledged.length < enough) await pause(1);
      await cluster.redis.kill();
      await cluster.redis.restart();
    }
    isWriting = false;
    await writing;
    const last = await publishers.publish(() => cluster.member(1).server.url, 'last');
    await Promise.all(clients.map(async (client) => client.untilSeen(last)));
    const check = checkLog(publishers.acknowledged, clients);
    const { retries, known } = publishers;
    console.log(`${KILLS} kills of Redis:`, JSON.stringify({ ...check, retries, known }));
    const connections = clients.map((client) => client.connections);
    clients.forEach((client) => client[Symbol.dispose]());
    expect(check).toMatchObject(nothingWrong);
    // Their sockets stayed open all the while.
    expect(connections).toEqual(clients.map(() => 1));
  });
}, 120_000);
