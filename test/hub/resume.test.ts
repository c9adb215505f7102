import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCursor } from '../../src/events/position.ts';
import {
  AnnounceDocument,
  ReportWorkflowDocument,
  StatsDocument,
  UpsertProjectDocument,
} from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';

const announcements = 'subscription ($after: Cursor) { announcement(after: $after) { cursor message } }';
const workflow = `subscription ($id: ID, $after: Cursor, $snapshot: Boolean) {
  workflowProgress(workflowId: $id, projectId: "p", after: $after, snapshot: $snapshot) { cursor reason workflowId percent changedFields }
}`;

interface Progress {
  readonly cursor: string;
  readonly reason: string;
  readonly workflowId: string;
  readonly percent: number;
  readonly changedFields: readonly string[];
}
const progressOf = (message: Message): Progress => dataOf(message)['workflowProgress'] as Progress;
const announcementOf = (message: Message) =>
  dataOf(message)['announcement'] as { cursor: string; message: string };
const errorOf = (message: Message) => {
  expect(message.type).toBe('error');
  const [error] = message.payload as { message: string; extensions: Record<string, unknown> }[];
  return error!;
};

describe('a subscription with a cursor', () => {
  let server: TestServer;
  const connect = async (token = tokenFor()) => TestSocket.connect(server.webSocketUrl, { token });
  const announce = async (message: string) =>
    (await server.run(AnnounceDocument, { input: { message } })).announce.cursor;
  const report = async (id: string, percent: number) =>
    (await server.run(ReportWorkflowDocument, { input: { id, projectId: 'p', percent } })).reportWorkflow
      .cursor;

  beforeAll(async () => {
    server = await TestServer.start({ environment: { RETENTION_EVENTS: '1000' } });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  it('continues right behind it, first with the past and then live', async () => {
    const after = await announce('before');
    await announce('past 1');
    await announce('past 2');
    using socket = await connect();
    socket.subscribe('1', announcements, { after });
    const past = await socket.receiveMany(2);
    await announce('live');
    const live = await socket.receive();
    expect([...past, live].map((message) => announcementOf(message).message)).toEqual([
      'past 1',
      'past 2',
      'live',
    ]);
  });

  it('misses nothing and repeats nothing while others publish, wherever it is cut off', async () => {
    const start = await announce('start');
    const total = 200;
    const publishing = (async () => {
      for (let count = 0; count < total; count += 10) {
        await Promise.all(Array.from({ length: 10 }, async (_, index) => announce(`event ${count + index}`)));
      }
    })();
    const seen: string[] = [];
    let after = start;
    for (let cut = 1; seen.length < total; cut = (cut * 7 + 3) % 23) {
      using socket = await connect();
      socket.subscribe('1', announcements, { after });
      for (let count = 0; count <= cut && seen.length < total; count++) {
        const { cursor, message } = announcementOf(await socket.receive());
        seen.push(message);
        after = cursor;
      }
    }
    await publishing;
    expect(seen.toSorted()).toEqual(Array.from({ length: total }, (_, index) => `event ${index}`).toSorted());
    const { events } = await server.run<{ events: { nodes: { message: string }[] } }, unknown>(
      'query ($after: Cursor) { events(after: $after, first: 500) { nodes { ... on Announcement { message } } } }',
      { after: start },
    );
    expect(seen).toEqual(events.nodes.map((node) => node.message));
  });

  it('sees each of its own entity exactly once when many catch up at the same time', async () => {
    const after = await announce('herd');
    for (let percent = 1; percent <= 50; percent++) await report('herd', percent);
    const before = (await server.run(StatsDocument)).stats.logReads;
    const sockets = await Promise.all(Array.from({ length: 20 }, async () => connect()));
    for (const socket of sockets) socket.subscribe('1', workflow, { id: 'herd', after });
    for (const socket of sockets) {
      const percents = (await socket.receiveMany(50)).map((message) => progressOf(message).percent);
      expect(percents).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
      socket[Symbol.dispose]();
    }
    // One feed, opened after the events: the first to come reads the log, and the others with it.
    expect((await server.run(StatsDocument)).stats.logReads - before).toBeLessThanOrEqual(5);
  });

  it('is refused for itself alone where graphql-js throws in place of reporting', async () => {
    using socket = await connect();
    socket.subscribe('1', announcements, {});
    socket.subscribe('2', 'subscription ($s: Boolean!) { announcement @skip(if: $s) { message } }', {
      s: false,
    });
    expect(errorOf(await socket.receive())).toMatchObject({
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
    await until(async () => (await server.run(StatsDocument)).stats.live === 1);
    await announce('still here');
    expect(announcementOf(await socket.receive()).message).toBe('still here');
  });

  it('is told BAD_CURSOR for what is no cursor, and CURSOR_EXPIRED with the head for one of another log', async () => {
    using socket = await connect();
    socket.subscribe('1', announcements, { after: 'nonsense' });
    expect(errorOf(await socket.receive()).extensions).toMatchObject({ code: 'BAD_CURSOR' });
    const foreign = encodeCursor({ epoch: 'aaaaaaaaaa', offset: 1, chain: 'abc' });
    socket.subscribe('2', announcements, { after: foreign });
    const { extensions } = errorOf(await socket.receive());
    const { headCursor } = (await server.run(StatsDocument)).stats;
    expect(extensions).toMatchObject({ code: 'CURSOR_EXPIRED', reason: 'epoch', headCursor });
    socket.subscribe('3', announcements, { after: headCursor });
    await announce('after the head');
    expect(announcementOf(await socket.receive()).message).toBe('after the head');
  });

  it('is told CURSOR_EXPIRED when what comes next has been trimmed', async () => {
    const after = await announce('soon trimmed');
    const events = Array.from({ length: 500 }, (_, index) => ({
      type: 'ANNOUNCEMENT',
      data: { message: `${index}` },
    }));
    for (let batch = 0; batch < 3; batch++) {
      await server.run(
        'mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { duplicate } }',
        {
          input: { events },
        },
      );
    }
    const attempt = async () => {
      using socket = await connect();
      socket.subscribe('1', announcements, { after });
      const message = await socket.receive();
      return message.type === 'error' ? errorOf(message).extensions : undefined;
    };
    // Trimming runs beside the writes.
    await until(async () => (await attempt()) !== undefined);
    expect(await attempt()).toMatchObject({ code: 'CURSOR_EXPIRED', reason: 'trimmed' });
  });

  describe('and with a snapshot', () => {
    it('shows the current entities and then continues from exactly there', async () => {
      await report('s1', 10);
      await report('s2', 20);
      await report('s1', 30);
      using socket = await connect();
      socket.subscribe('1', workflow, { snapshot: true });
      // The workflow of the herd went with its last event.
      const items = (await socket.receiveMany(2)).map(progressOf);
      expect(items).toMatchObject([
        { reason: 'SNAPSHOT', workflowId: 's1', percent: 30, changedFields: [] },
        { reason: 'SNAPSHOT', workflowId: 's2', percent: 20, changedFields: [] },
      ]);
      await report('s2', 40);
      expect(progressOf(await socket.receive())).toMatchObject({
        reason: 'PROGRESS',
        workflowId: 's2',
        percent: 40,
      });
    });

    it('joins it to the live events without a gap or a double, however fast they come', async () => {
      await report('fast', 0);
      let percent = 0;
      let isOver = false;
      const reporting = (async () => {
        while (!isOver) await report('fast', ++percent % 100);
      })();
      for (let round = 0; round < 20; round++) {
        using socket = await connect();
        socket.subscribe('1', workflow, { id: 'fast', snapshot: true });
        const [first, ...rest] = (await socket.receiveMany(6)).map(progressOf);
        expect(first!.reason).toBe('SNAPSHOT');
        let expected = first!.percent;
        for (const item of rest) {
          expected = (expected + 1) % 100;
          expect(item).toMatchObject({ reason: 'PROGRESS', percent: expected });
        }
      }
      isOver = true;
      await reporting;
    });

    it('joins one that is too large to be read at once, without a gap or a double', async () => {
      const many = 80;
      const error = 'x'.repeat(60_000);
      await server.run(UpsertProjectDocument, { input: { id: 'large', name: 'Large' } });
      const reportLarge = async (index: number, percent: number): Promise<unknown> =>
        server.run(ReportWorkflowDocument, {
          input: { id: `l${index}`, projectId: 'large', percent, error },
        });
      for (let index = 0; index < many; index++) await reportLarge(index, 0);
      let isOver = false;
      const reporting = (async () => {
        for (let count = 0; !isOver; count++) await reportLarge(count % many, 1 + Math.floor(count / many));
      })();
      for (let round = 0; round < 2; round++) {
        using socket = await connect();
        socket.subscribe('1', workflow.replace('"p"', '"large"'), { snapshot: true });
        const percents = new Map<string, number>();
        for (let count = 0; count < 2 * many; count++) {
          const item = progressOf(await socket.receive());
          expect(item.reason).toBe(count < many ? 'SNAPSHOT' : 'PROGRESS');
          const before = percents.get(item.workflowId);
          expect(item.percent).toBe(before === undefined ? item.percent : before + 1);
          percents.set(item.workflowId, item.percent);
        }
        expect(percents.size).toBe(many);
      }
      isOver = true;
      await reporting;
    });

    it('goes on from the last item, and from inside of the snapshot starts it again', async () => {
      using socket = await connect();
      socket.subscribe('1', workflow, { snapshot: true });
      const items = (await socket.receiveMany(3)).map(progressOf);
      expect(items.map((item) => item.workflowId)).toEqual(['fast', 's1', 's2']);
      socket.send({ id: '1', type: 'complete' });
      const next = await report('s1', 50);

      socket.subscribe('2', workflow, { after: items.at(-1)!.cursor });
      const late = progressOf(await socket.receive());
      expect(late).toMatchObject({ cursor: next, workflowId: 's1', percent: 50 });

      socket.subscribe('3', workflow, { after: items[0]!.cursor });
      const anew = await socket.receiveMany(3);
      const told = anew.map(({ payload }) => (payload as { extensions?: unknown }).extensions);
      expect(told).toEqual([{ restarted: { reason: 'incomplete' } }, undefined, undefined]);
      const again = anew.map(progressOf);
      expect(again.map((item) => item.reason)).toEqual(Array(3).fill('SNAPSHOT'));
      expect(again.find((item) => item.workflowId === 's1')!.percent).toBe(50);
    });

    it('prefers the cursor where both are given, and the snapshot where the cursor has expired', async () => {
      const after = await report('s1', 60);
      await report('s1', 70);
      using socket = await connect();
      socket.subscribe('1', workflow, { id: 's1', after, snapshot: true });
      expect(progressOf(await socket.receive())).toMatchObject({ reason: 'PROGRESS', percent: 70 });
      const foreign = encodeCursor({ epoch: 'aaaaaaaaaa', offset: 1, chain: 'abc' });
      socket.subscribe('2', workflow, { id: 's1', after: foreign, snapshot: true });
      expect(progressOf(await socket.receive())).toMatchObject({ reason: 'SNAPSHOT', percent: 70 });
    });
  });
});
