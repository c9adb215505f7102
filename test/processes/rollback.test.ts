/** The log of Redis is lost, or another one than it was: nobody may go on as if nothing had happened. */
import { randomUUID } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeCursor } from '../../src/events/position.ts';
import type { RedisServer } from '../support/redis.ts';
import { TestSocket, dataOf } from '../support/socket.ts';
import { Cluster, graphql, Publishers, subscribers, token, type Subscriber } from './cluster.ts';

const CLIENTS = 10;
const UPSERT = 'mutation ($input: UpsertProjectInput!) { upsertProject(input: $input) { cursor } }';
const REPORT = 'mutation ($input: ReportWorkflowInput!) { reportWorkflow(input: $input) { cursor } }';
const WATCH =
  'subscription ($projectId: ID!) { workflowProgress(projectId: $projectId, snapshot: true) { reason workflowId percent } }';

interface Item {
  readonly reason: string;
  readonly workflowId: string;
  readonly percent: number;
}

async function reportWorkflow(url: string, projectId: string, id: string, percent: number): Promise<void> {
  const project = await graphql(url, UPSERT, { input: { id: projectId, name: projectId } });
  const workflow = await graphql(url, REPORT, { input: { id, projectId, percent } });
  const [error] = [...(project.errors ?? []), ...(workflow.errors ?? [])];
  if (error !== undefined) throw new Error(JSON.stringify(error));
}

/** A subscription that begins with a snapshot, and again after a loss. */
class Board implements Disposable {
  readonly #socket: TestSocket;

  private constructor(socket: TestSocket) {
    this.#socket = socket;
  }

  static async watch(url: string, projectId: string): Promise<Board> {
    const socket = await TestSocket.connect(`${url.replace('http', 'ws')}/graphql`, { token });
    socket.subscribe('1', WATCH, { projectId });
    return new Board(socket);
  }

  async next(): Promise<Item> {
    return dataOf(await this.#socket.receive())['workflowProgress'] as Item;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** Those that are known are all that a client may have been told, when it learns that it can't go on. */
async function expectAllExpired(
  clients: readonly Subscriber[],
  known: ReadonlySet<string>,
  what: string,
): Promise<void> {
  await Promise.all(clients.map(async (client) => client.until(({ expired }) => expired !== undefined)));
  const silent = clients.filter(({ events }) => events.some(({ cursor }) => !known.has(cursor)));
  const heads = clients.map(({ expired }) => decodeCursor(expired!.headCursor as string));
  console.log(
    `${what}: ${clients.length} clients, ${heads.length} got CURSOR_EXPIRED with a head, ${silent.length} went on silently`,
  );
  expect(silent.map(({ name }) => name)).toEqual([]);
}

const cursorsOf = (clients: readonly Subscriber[]): Set<string> =>
  new Set(clients.flatMap(({ events }) => events.map(({ cursor }) => cursor)));

describe('clients of a log', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ servers: 2, redis: [] });
  }, 60_000);
  afterAll(async () => cluster?.[Symbol.asyncDispose]());
  // Those that lost Redis are back.
  beforeEach(async () => {
    const wakeUp = new Publishers(randomUUID());
    for (const { server } of cluster.members) {
      const cursor = await wakeUp.publish(() => server.url, `for ${server.url}`);
      const [client] = subscribers(1, cursor, () => server.url);
      await wakeUp.publish(() => server.url, `to ${server.url}`);
      await client!.until(({ events }) => events.length > 0);
      client![Symbol.dispose]();
    }
  });

  it('that is flushed while they listen get CURSOR_EXPIRED, or a new snapshot', async () => {
    const publishers = new Publishers('flush');
    const [{ server }, stalled] = [cluster.member(0), cluster.member(1)];
    const after = await publishers.publish(() => server.url, 'first');
    const clients = subscribers(CLIENTS, after, (index) => cluster.member(index).server.url);
    await reportWorkflow(server.url, 'flushed', 'old', 10);
    using board = await Board.watch(stalled.server.url, 'flushed');
    expect(await board.next()).toEqual({ workflowId: 'old', reason: 'SNAPSHOT', percent: 10 });
    const before = await publishers.publish(() => server.url, 'before');
    await Promise.all(clients.map(async (client) => client.untilSeen(before)));
    const known = cursorsOf(clients);

    stalled.link.hold();
    using admin = disposable(new Redis(cluster.redis.url));
    await admin.client.flushall();
    await reportWorkflow(server.url, 'flushed', 'new', 20);
    stalled.link.release();
    await expectAllExpired(clients, known, 'FLUSHALL');
    expect(await board.next()).toEqual({ workflowId: 'new', reason: 'SNAPSHOT', percent: 20 });
  });

  for (const stalled of ['server', 'clients'] as const) {
    it(`that is restored from an old dump and grown past them, while the ${stalled} stood still, get CURSOR_EXPIRED`, async () => {
      const { redis } = cluster;
      const [here, there] = [cluster.member(0), cluster.member(1)];
      const urlOf = (): string => there.server.url;
      const publishers = new Publishers(`${stalled}, before`);
      const after = await publishers.publish(urlOf, 'first');
      await reportWorkflow(there.server.url, stalled, 'w', 10);
      const dump = await dumpOf(redis);
      await publishers.publishMany(urlOf, 'lost', 10);
      const clients = subscribers(CLIENTS, after, () => here.front.url);
      using board = await Board.watch(here.front.url, stalled);
      expect(await board.next()).toMatchObject({ percent: 10, reason: 'SNAPSHOT' });
      const { cursor: lost } = publishers.acknowledged.at(-1)!;
      await Promise.all(clients.map(async (client) => client.untilSeen(lost)));
      const known = cursorsOf(clients);

      if (stalled === 'server') here.server.child.kill('SIGSTOP');
      else here.front.hold();
      await restore(redis, dump);
      const regrown = new Publishers(`${stalled}, after`);
      await regrown.publishMany(urlOf, 'regrown', 20);
      await reportWorkflow(there.server.url, stalled, 'w', 20);
      const positions = [lost, regrown.acknowledged.at(-1)!.cursor].map(
        (cursor) => decodeCursor(cursor).position,
      );
      expect(positions[1]!.epoch).toBe(positions[0]!.epoch);
      expect(positions[1]!.offset).toBeGreaterThan(positions[0]!.offset);
      if (stalled === 'server') here.server.child.kill('SIGCONT');
      else here.front.release();

      await expectAllExpired(clients, known, `old dump, ${stalled} stalled`);
      // Taken from the dump, or after that has grown: what comes first is state.
      let item = await board.next();
      expect(item).toMatchObject({ workflowId: 'w', reason: 'SNAPSHOT' });
      while (item.percent !== 20) item = await board.next();
    });
  }

  it('that is restored go on where both histories have their cursor, and get CURSOR_EXPIRED where not', async () => {
    const { redis } = cluster;
    const publishers = new Publishers('elsewhere, before');
    const urlOf = (): string => cluster.member(1).server.url;
    const elsewhere = (): string => cluster.member(0).server.url;
    const after = await publishers.publish(urlOf, 'first');
    const dump = await dumpOf(redis);
    await publishers.publishMany(urlOf, 'lost', 5);
    await restore(redis, dump);
    await new Publishers('elsewhere, after').publishMany(urlOf, 'regrown', 10);
    const lost = publishers.acknowledged.slice(1);
    const clients = lost.flatMap(({ cursor }) => subscribers(1, cursor, elsewhere));
    const [kept] = subscribers(1, after, elsewhere);
    await expectAllExpired(clients, new Set(), 'old dump, cursors of the lost part');
    await kept!.until(({ events }) => events.length === 10);
    expect(kept!.expired).toBeUndefined();
    kept![Symbol.dispose]();
  });
});

function disposable(client: Redis): { readonly client: Redis } & Disposable {
  return { client, [Symbol.dispose]: () => client.disconnect() };
}

/** A backup of now, out of the way. */
async function dumpOf(redis: RedisServer): Promise<string> {
  using admin = disposable(new Redis(redis.url));
  await admin.client.save();
  const file = join(redis.directory, 'backup.rdb');
  await copyFile(join(redis.directory, 'dump.rdb'), file);
  return file;
}

async function restore(redis: RedisServer, dump: string): Promise<void> {
  await redis.kill();
  await copyFile(dump, join(redis.directory, 'dump.rdb'));
  await redis.restart();
}
