import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  const reports = 100;
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

  /** More than any kernel's buffers take: 16 MB. */
  const flood = async (): Promise<void> => {
    for (let percent = 1; percent <= reports; percent++)
      await report(percent % 2 === 0 ? 'even' : 'odd', percent);
  };

  it('is parked at its position, costs others nothing, and gets everything in order when it reads again', async () => {
    using slow = await connect();
    using quick = await connect();
    slow.subscribe('1', query);
    quick.subscribe('1', query);
    await until(async () => (await stats()).subscriptions[0]?.count === 2);
    slow.socket.pause();
    await flood();
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
    await flood();
    await until(async () => (await stats()).parked === 1);
    slow.socket.resume();
    const seen: Progress[] = [];
    while (!(
      seen.some((each) => each.percent === reports) && seen.some((each) => each.percent === reports - 1)
    )) {
      seen.push(dataOf(await slow.receive())['workflowProgress'] as Progress);
    }
    expect(seen.length).toBeLessThan(reports);
    expect(seen.slice(-2)).toMatchObject([
      { workflowId: 'odd', percent: reports - 1 },
      { workflowId: 'even', percent: reports },
    ]);
    expect(seen.map((each) => each.percent)).toEqual(
      seen.map((each) => each.percent).toSorted((a, b) => a - b),
    );
    await report('odd', 0);
    expect((dataOf(await slow.receive())['workflowProgress'] as Progress).percent).toBe(0);
  });
});
