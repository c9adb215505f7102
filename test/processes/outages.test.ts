/** What takes its time: most of it is waiting, so the tests wait side by side. */
import { createHmac, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pullRequestEvent } from '../ingest/github.ts';
import { checkLog, nothingWrong } from '../support/log-checker.ts';
import { WEBHOOK_SECRET } from '../support/keys.ts';
import { tokenFor } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import {
  ANNOUNCE,
  EVERYTHING,
  graphql,
  onCluster,
  pause,
  Publishers,
  subscribers,
  token,
} from './cluster.ts';

const ROOM = 'lobby';
const USERS_PER_SERVER = 5;
const CLIENTS = 12;
const OUTAGE_MS = 20_000;
const WEBHOOKS = 200;
const REPO = 'github:100';
const GO_THERE = `mutation { setPresence(input: { room: "${ROOM}", status: ONLINE }) { expiresAt } }`;
const PRESENCE = `subscription { presence(room: "${ROOM}", snapshot: true) { reason userId status } }`;
const MEMBERS = `{ presence(room: "${ROOM}", first: 100) { nodes { userId status } } }`;

interface Change {
  readonly reason: string;
  readonly userId: string;
  readonly status: string;
}

/** A socket of a user who is in the room for as long as it is open. */
async function enter(webSocketUrl: string, userId: string): Promise<TestSocket> {
  const socket = await TestSocket.connect(webSocketUrl, { token: tokenFor({ sub: userId }) });
  socket.subscribe('presence', GO_THERE);
  expect(dataOf(await socket.receive())['setPresence']).toEqual({ expiresAt: null });
  return socket;
}

async function deliver(url: string, prNumber: number): Promise<number> {
  const body = JSON.stringify({
    ...pullRequestEvent('opened', { number: prNumber, id: prNumber }),
    number: prNumber,
  });
  const response = await fetch(`${url}/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'pull_request',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')}`,
    },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

describe.concurrent('an outage', () => {
  it('of one of three servers: its clients go on at another one without a gap, and its members leave', async () => {
    await onCluster({ servers: 3 }, async (cluster) => {
      const publishers = new Publishers('a server');
      const victim = cluster.member(2);
      let isAlive = true;
      const after = await publishers.publish(() => cluster.member(0).server.url, 'first');
      const clients = subscribers(
        CLIENTS,
        after,
        (index) => cluster.member(isAlive || index % 3 < 2 ? index : index % 2).server.url,
      );
      const users = Array.from(
        { length: 3 * USERS_PER_SERVER },
        (_, index) => `user-${String(index).padStart(2, '0')}`,
      );
      const sockets = await Promise.all(
        users.map(async (user, index) => enter(cluster.member(index).server.webSocketUrl, user)),
      );
      const watcher = await TestSocket.connect(cluster.member(0).server.webSocketUrl, { token });
      watcher.subscribe('watch', PRESENCE);
      const changes: Change[] = [];
      const next = async (): Promise<Change> => {
        const change = dataOf(await watcher.receive())['presence'] as Change;
        changes.push(change);
        return change;
      };
      for (let count = 0; count < users.length; count++) await next();

      const writing = Promise.all(
        Array.from({ length: 4 }, async (_, index) =>
          publishers.publishMany(
            () => cluster.member(isAlive ? index : index % 2).server.url,
            `publisher ${index}`,
            40,
          ),
        ),
      );
      while (publishers.acknowledged.length < 40) await pause(1);
      await victim.server.kill('SIGKILL');
      const killedAt = performance.now();
      isAlive = false;
      // All but two of its users come back elsewhere.
      const [goneOne, goneTwo, ...returning] = users.filter((_, index) => index % 3 === 2);
      const returned = await Promise.all(
        returning.map(async (user, index) => enter(cluster.member(index % 2).server.webSocketUrl, user)),
      );
      await writing;
      const last = await publishers.publish(() => cluster.member(1).server.url, 'last');
      await Promise.all(clients.map(async (client) => client.untilSeen(last)));
      const check = checkLog(publishers.acknowledged, clients);

      const offline = [await next(), await next()];
      const seconds = ((performance.now() - killedAt) / 1_000).toFixed(1);
      console.log(
        'one of three servers killed:',
        JSON.stringify(check),
        `members OFFLINE after ${seconds} s: ${offline.length}`,
      );
      const gone = [goneOne, goneTwo];
      expect(offline.map(({ userId, status }) => `${userId} ${status}`).toSorted()).toEqual(
        gone.map((user) => `${user} OFFLINE`),
      );
      for (const { server } of [cluster.member(0), cluster.member(1)]) {
        const { nodes } = (await graphql(server.url, MEMBERS)).data.presence as { nodes: Change[] };
        expect(nodes.map(({ userId, status }) => `${userId} ${status}`)).toEqual(
          users.map((user) => `${user} ${gone.includes(user) ? 'OFFLINE' : 'ONLINE'}`),
        );
      }
      expect(check).toMatchObject({ acknowledged: 4 * 40 + 2, ...nothingWrong });
      for (const each of [...clients, ...sockets, ...returned, watcher]) each[Symbol.dispose]();
    });
  }, 90_000);

  it(`of Redis: ${WEBHOOKS} webhooks meanwhile are stored once, in order, and sockets stay open`, async () => {
    await onCluster({ servers: 2 }, async (cluster) => {
      const [{ server }, { server: other }] = [cluster.member(0), cluster.member(1)];
      const publishers = new Publishers('Redis');
      const after = await publishers.publish(() => server.url, 'first');
      const clients = subscribers(CLIENTS, after, (index) => cluster.member(index).server.url);
      // Makes the repository known.
      expect(await deliver(server.url, 1_000)).toBe(200);
      const socket = await TestSocket.connect(other.webSocketUrl, { token });
      socket.subscribe(
        '1',
        `subscription { prStateChanged(repoId: "${REPO}", snapshot: true) { prNumber } }`,
      );
      expect(dataOf(await socket.receive())).toEqual({ prStateChanged: { prNumber: 1_000 } });

      const quiet = tokenFor({ workspace: 'quiet' });
      const { announce } = (await graphql(server.url, ANNOUNCE, { input: { message: 'before' } }, quiet))
        .data;

      await cluster.redis.signal('SIGTERM');
      // Nobody listens in its workspace yet.
      const early = await TestSocket.connect(other.webSocketUrl, { token: quiet });
      early.subscribe('1', EVERYTHING, { after: announce.cursor });

      const longEnough = pause(OUTAGE_MS);
      const statuses = new Map<number, number>();
      const refusals = new Set<unknown>();
      const checks = new Set<string>();
      const numbers = Array.from({ length: WEBHOOKS }, (_, index) => index + 1);
      for (const number of numbers) {
        const status = await deliver(server.url, number);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (number % 20 === 0) {
          const refused = await graphql(server.url, ANNOUNCE, {
            input: { message: 'no', idempotencyKey: `no ${number}` },
          });
          refusals.add(refused.errors?.[0]?.extensions['code']);
          const [health, ready] = await Promise.all(
            ['health', 'ready'].map(async (path) => fetch(`${server.url}/${path}`)),
          );
          checks.add(`health ${health!.status}, ready ${ready!.status}`);
        }
        // Most of the outage.
        await pause((0.75 * OUTAGE_MS) / WEBHOOKS);
      }
      await longEnough;
      await cluster.redis.restart();
      const arrived = (await socket.receiveMany(WEBHOOKS)).map(
        (message) => (dataOf(message)['prStateChanged'] as { prNumber: number }).prNumber,
      );
      const last = await publishers.publish(() => other.url, 'last');
      await Promise.all(clients.map(async (client) => client.untilSeen(last)));
      await graphql(other.url, ANNOUNCE, { input: { message: 'after' } }, quiet);
      expect(dataOf(await early.receive())).toMatchObject({ event: { content: 'after' } });
      const history =
        '{ events(first: 500, filter: { types: [PR_CREATED] }) { nodes { ... on PrStateChange { prNumber } } } }';
      const { nodes } = (await graphql(server.url, history)).data.events as { nodes: { prNumber: number }[] };
      console.log(
        `Redis gone for ${OUTAGE_MS / 1_000} s: ${JSON.stringify(Object.fromEntries(statuses))} webhooks by status,`,
        `${nodes.length - 1} stored, ${arrived.length} seen; ${[...checks].join()}; mutations ${[...refusals].join()}`,
      );
      expect(Object.fromEntries(statuses)).toEqual({ 202: WEBHOOKS });
      expect([...refusals]).toEqual(['STORE_UNAVAILABLE']);
      expect([...checks]).toEqual(['health 200, ready 503']);
      expect(arrived).toEqual(numbers);
      expect(nodes.map(({ prNumber }) => prNumber)).toEqual([1_000, ...numbers]);
      expect((await fetch(`${server.url}/ready`)).status).toBe(200);
      expect(clients.map(({ connections }) => connections)).toEqual(clients.map(() => 1));
      for (const each of [...clients, socket, early]) each[Symbol.dispose]();
    });
  }, 90_000);
});
