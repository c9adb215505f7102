import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AnnounceDocument,
  ReportWorkflowDocument,
  StatsDocument,
  UpsertProjectDocument,
} from '../generated/operations.ts';
import { TestServer } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

describe('subscribers with the same operation', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const stats = async () => (await server.run(StatsDocument)).stats;
  const listening = async (count: number): Promise<void> =>
    until(async () => (await stats()).subscriptions.reduce((sum, each) => sum + each.count, 0) === count);
  const connect = async (): Promise<TestSocket> =>
    TestSocket.connect(server.webSocketUrl, { authorization: `Bearer ${server.token()}` });

  it('share one execution an event, all 1000 of them', async () => {
    const sockets = await Promise.all(Array.from({ length: 10 }, connect));
    for (const socket of sockets) {
      for (let id = 0; id < 100; id++)
        socket.subscribe(String(id), 'subscription { announcement { message } }');
    }
    await listening(1_000);
    const before = await stats();
    expect(before.sharedOperations).toBe(1);

    for (const message of ['one', 'two', 'three']) await server.run(AnnounceDocument, { input: { message } });

    for (const socket of sockets) {
      const messages = await socket.receiveMany(300);
      for (let id = 0; id < 100; id++) {
        const mine = messages.filter((message) => message.id === String(id)).map(dataOf);
        expect(mine).toEqual(['one', 'two', 'three'].map((message) => ({ announcement: { message } })));
      }
    }
    const after = await stats();
    expect(after.executions - before.executions).toBe(3);
    expect(after.deliveries - before.deliveries).toBe(3_000);
    for (const socket of sockets) socket[Symbol.dispose]();
    await listening(0);
    expect((await stats()).sharedOperations).toBe(0);
  });

  it('share whatever their layout, cursor, pacing and the way that they name values', async () => {
    using socket = await connect();
    const { headCursor } = await stats();
    socket.subscribe('a', 'subscription { workflowProgress(projectId: "p") { percent } }');
    socket.subscribe(
      'b',
      'subscription  { workflowProgress( projectId: "p", delivery: LATEST ) {\n percent } } # same',
    );
    socket.subscribe(
      'c',
      'subscription ($after: Cursor) { workflowProgress(after: $after, projectId: "p") { percent } }',
      {
        after: headCursor,
        unused: 1,
      },
    );
    await listening(3);
    expect((await stats()).sharedOperations).toBe(1);
    const before = await stats();
    await server.run(ReportWorkflowDocument, { input: { id: 'w', projectId: 'p', percent: 10 } });
    const messages = await socket.receiveMany(3);
    expect(new Set(messages.map((message) => message.id))).toEqual(new Set(['a', 'b', 'c']));
    for (const message of messages) expect(dataOf(message)).toEqual({ workflowProgress: { percent: 10 } });
    expect((await stats()).executions - before.executions).toBe(1);
  });

  it('share nothing where arguments or selections differ', async () => {
    await listening(0);
    using socket = await connect();
    socket.subscribe('a', 'subscription { announcement { message } }');
    socket.subscribe('b', 'subscription { announcement { message severity } }');
    socket.subscribe('c', 'subscription { announcement(minSeverity: HIGH) { message } }');
    socket.subscribe('d', 'subscription { other: announcement { message } }');
    await listening(4);
    expect((await stats()).sharedOperations).toBe(4);
    await server.run(AnnounceDocument, { input: { message: 'hello' } });
    const messages = await socket.drain();
    expect(Object.fromEntries(messages.map((message) => [message.id, dataOf(message)]))).toEqual({
      a: { announcement: { message: 'hello' } },
      b: { announcement: { message: 'hello', severity: 'INFO' } },
      d: { other: { message: 'hello' } },
    });
  });
});
