import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCursor } from '../../src/events/position.ts';
import { ReportWorkflowDocument, StatsDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

const query = `subscription ($delivery: Delivery) {
  workflowProgress(projectId: "p", delivery: $delivery) { workflowId percent logs }
}`;
interface Progress {
  readonly workflowId: string;
  readonly percent: number;
}

describe('a client that stops reading', () => {
  let server: TestServer;
  const logs = Array.from({ length: 20 }, () => 'x'.repeat(8_000));

  beforeAll(async () => {
    // Whoever doesn't read doesn't answer pings either.
    server = await TestServer.start({ limits: { highWaterMark: 64 * 1_024, pingMs: 600_000 } });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const connect = async () => TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
  const stats = async () => (await server.run(StatsDocument)).stats;
  const report = async (id: string, percent: number) =>
    server.run(ReportWorkflowDocument, { input: { id, projectId: 'p', percent, logs } });

  /** More than the kernel's buffers take of what one client doesn't read, and then some. Returns how many events it was. */
  const flood = async (): Promise<number> => {
    let percent = 0;
    for (let beyond = 0; beyond < 10;) {
      percent++;
      await report(percent % 2 === 0 ? 'even' : 'odd', percent);
      if ((await stats()).parked === 1) beyond++;
    }
    return percent;
  };

  it('is parked at its position, costs others nothing, and gets everything in order when it reads again', async () => {
    using slow = await connect();
    using quick = await connect();
    slow.subscribe('1', query);
    quick.subscribe('1', query);
    await until(async () => (await stats()).subscriptions[0]?.count === 2);
    slow.socket.pause();
    const reports = await flood();
    const all = Array.from({ length: reports }, (_, index) => index + 1);
    const percents = async (socket: TestSocket) =>
      (await socket.receiveMany(reports)).map(
        (message) => (dataOf(message)['workflowProgress'] as Progress).percent,
      );
    expect(await percents(quick)).toEqual(all);
    expect((await stats()).parked).toBe(1);
    slow.socket.resume();
    expect(await percents(slow)).toEqual(all);
    await until(async () => (await stats()).parked === 0);
    await report('odd', 0);
    expect((dataOf(await slow.receive())['workflowProgress'] as Progress).percent).toBe(0);
  });

  it('with LATEST gets only the newest event of each entity for the time that it was behind', async () => {
    using slow = await connect();
    slow.subscribe('1', query, { delivery: 'LATEST' });
    await until(async () => (await stats()).subscriptions[0]?.count === 1);
    slow.socket.pause();
    const reports = await flood();
    slow.socket.resume();
    const seen: Progress[] = [];
    while (!(
      seen.some((each) => each.percent === reports) && seen.some((each) => each.percent === reports - 1)
    )) {
      seen.push(dataOf(await slow.receive())['workflowProgress'] as Progress);
    }
    expect(seen.length).toBeLessThan(reports);
    const [evenly, oddly] = reports % 2 === 0 ? ['even', 'odd'] : ['odd', 'even'];
    expect(seen.slice(-2)).toMatchObject([
      { workflowId: oddly, percent: reports - 1 },
      { workflowId: evenly, percent: reports },
    ]);
    expect(seen.map((each) => each.percent)).toEqual(
      seen.map((each) => each.percent).toSorted((a, b) => a - b),
    );
    await report('odd', 0);
    expect((dataOf(await slow.receive())['workflowProgress'] as Progress).percent).toBe(0);
  });
});

describe('clients that stop reading inside of their snapshots', () => {
  const count = 300;
  const ids = Array.from({ length: count }, (_, index) => `w${String(index).padStart(3, '0')}`);
  let server: TestServer;

  beforeAll(async () => {
    // The state takes about 36 MB in memory: there is room for one snapshot of it, but not for two.
    server = await TestServer.start({
      limits: { highWaterMark: 64 * 1_024, pingMs: 600_000, backlogBytes: 48_000_000 },
    });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
    const error = 'x'.repeat(60_000);
    const report = async (id: string): Promise<unknown> =>
      server.run(ReportWorkflowDocument, { input: { id, projectId: 'p', percent: 1, error } });
    for (let begun = 0; begun < count; begun += 20)
      await Promise.all(ids.slice(begun, begun + 20).map(report));
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const parked = async (clients: number): Promise<void> =>
    until(async () => (await server.run(StatsDocument)).stats.parked === clients);
  const ask = (socket: TestSocket, id: string, fields: string): void =>
    socket.subscribe(id, `subscription { workflowProgress(projectId: "p", snapshot: true) { ${fields} } }`);
  const listen = async (fields: string): Promise<TestSocket> => {
    const socket = await TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
    ask(socket, '1', fields);
    socket.socket.pause();
    return socket;
  };
  /** The ids of a snapshot, up to its last one, with what is said beside them. */
  const items = async (socket: TestSocket, isLast: (id: string, isAnew: boolean) => boolean) => {
    const seen: { readonly id: string; readonly restarted: unknown }[] = [];
    let isAnew = false;
    for (let id = ''; !isLast(id, isAnew);) {
      const message = await socket.receive();
      ({ workflowId: id } = dataOf(message)['workflowProgress'] as Progress);
      const { extensions } = message.payload as { extensions?: { restarted: unknown } };
      isAnew ||= extensions !== undefined;
      seen.push({ id, restarted: extensions?.restarted });
    }
    return seen;
  };

  /** Two ask for different fields, so that each has a snapshot of its own. */
  const losesItsSnapshot = async (fields: readonly [string, string]): Promise<void> => {
    using first = await listen(fields[0]);
    await parked(1);
    using second = await listen(fields[1]);
    await parked(2);
    for (const { socket } of [first, second]) socket.resume();
    const all = ids.map((id) => ({ id, restarted: undefined }));
    expect(await items(second, (id) => id === ids.at(-1))).toEqual(all);
    const seen = await items(first, (id, isAnew) => isAnew && id === ids.at(-1));
    const begun = seen.findIndex(({ restarted }) => restarted !== undefined);
    expect(seen.slice(0, begun)).toEqual(all.slice(0, begun));
    expect(begun).toBeLessThan(count);
    expect(seen.slice(begun)).toEqual([{ id: ids[0], restarted: { reason: 'incomplete' } }, ...all.slice(1)]);
  };

  it('hold so much of them, and beyond that whoever waits the longest is given a new one', async () => {
    await losesItsSnapshot(['workflowId workflow { error }', 'workflow { error } workflowId']);
  }, 60_000);

  it('hold no more of them after one that is empty has had to wait', async () => {
    using socket = await listen('percent workflow { error }');
    await parked(1);
    const after = encodeCursor({ epoch: 'another', offset: 1, chain: 'a' });
    const empty = `subscription ($after: Cursor) {
      workflowProgress(projectId: "empty", snapshot: true, after: $after) { workflowId }
    }`;
    socket.subscribe('2', empty, { after });
    await parked(2);
    socket.socket.resume();
    for (let id; id !== '2';) ({ id } = await socket.receive());
    socket[Symbol.dispose]();
    await parked(0);
    await losesItsSnapshot(['workflowId status workflow { error }', 'workflow { error } status workflowId']);
  }, 60_000);

  it('share one where they ask for the same at the same time, which counts once', async () => {
    using socket = await TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
    for (const id of ['1', '2']) ask(socket, id, 'percent workflowId workflow { error }');
    socket.socket.pause();
    await parked(2);
    socket.socket.resume();
    const all = await socket.receiveMany(2 * count);
    for (const asked of ['1', '2']) {
      const given = all.filter(({ id }) => id === asked);
      expect(given.map((message) => (dataOf(message)['workflowProgress'] as Progress).workflowId)).toEqual(
        ids,
      );
      expect(given.filter(({ payload }) => 'extensions' in (payload as object))).toEqual([]);
    }
  }, 60_000);
});
