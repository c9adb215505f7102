import jwt from 'jsonwebtoken';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeCursor } from '../../src/events/position.ts';
import {
  AnnounceDocument,
  ReportWorkflowDocument,
  StatsDocument,
  UpsertProjectDocument,
} from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { drivers, type Operation, type Peer, type Result } from './drivers.ts';

const announcements = 'subscription ($after: Cursor) { announcement(after: $after) { cursor message } }';
const project = `subscription ($id: ID!, $snapshot: Boolean) {
  projectUpdated(projectId: $id, snapshot: $snapshot) { reason project { name } }
}`;
const progress = `subscription ($delivery: Delivery) {
  workflowProgress(projectId: "slow", delivery: $delivery) { workflowId percent logs }
}`;

const workflows = `subscription ($projectId: ID!, $after: Cursor) {
  workflowProgress(projectId: $projectId, after: $after, snapshot: true) { reason workflowId }
}`;

/** The one field of a result, which has to have data. */
const fieldOf = <Field>(result: Result): Field => {
  if (result.data === undefined || result.errors !== undefined)
    throw new Error(`no data: ${JSON.stringify(result)}`);
  return Object.values(result.data)[0] as Field;
};
const codesOf = ({ errors = [] }: Result): unknown[] => errors.map(({ extensions }) => extensions['code']);
const numbered = (count: number, name: string): string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

/** The next announcements, and behind which cursor to go on. */
const read = async (operation: Operation, count: number): Promise<{ messages: string[]; cursor: string }> => {
  const messages: string[] = [];
  let cursor = '';
  while (messages.length < count) {
    const next = fieldOf<{ cursor: string; message: string }>(await operation.next());
    messages.push(next.message);
    cursor = next.cursor;
  }
  return { messages, cursor };
};

describe.each(drivers)('a subscription over $name', (driver) => {
  let server: TestServer;
  const peers: Peer[] = [];

  beforeAll(async () => {
    // Whoever doesn't read doesn't answer pings either.
    server = await TestServer.start({ limits: { highWaterMark: 64 * 1_024, pingMs: 600_000 } });
  });
  afterEach(() => {
    for (const peer of peers.splice(0)) peer[Symbol.dispose]();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const connect = async (token = tokenFor(), to = server): Promise<Peer> => {
    const peer = await driver.connect(to.graphqlUrl, token);
    peers.push(peer);
    return peer;
  };
  const announce = async (message: string, to = server): Promise<string> =>
    (await to.run(AnnounceDocument, { input: { message } })).announce.cursor;
  const announceAll = async (messages: readonly string[], to = server): Promise<void> => {
    for (const message of messages) await announce(message, to);
  };
  const report = async (id: string, projectId: string, percent: number): Promise<void> => {
    await server.run(UpsertProjectDocument, { input: { id: projectId, name: projectId } });
    await server.run(ReportWorkflowDocument, { input: { id, projectId, percent } });
  };
  const stats = async (of = server) => (await of.run(StatsDocument)).stats;
  const open = async (count: number, of = server): Promise<void> =>
    until(async () => (await stats(of)).live === count);

  it('gets its results in the order of the log, in whatever alphabet', async () => {
    const peer = await connect();
    const after = await announce('start');
    const messages = [
      ...numbered(20, 'before'),
      'Überraschung 🎉 "quoted"\r\n--graphql\n\n',
      ...numbered(20, 'after'),
    ];
    const operation = peer.start(announcements, { after });
    await announceAll(messages);
    expect((await read(operation, messages.length)).messages).toEqual(messages);
  });

  it('goes on behind its last cursor after its connection was cut, without a gap and with nothing twice', async () => {
    let after = await announce('start');
    const messages = numbered(40, 'event');
    const publishing = announceAll(messages);
    const seen: string[] = [];
    while (seen.length < messages.length) {
      const peer = await connect();
      const part = await read(
        peer.start(announcements, { after }),
        Math.min(7, messages.length - seen.length),
      );
      seen.push(...part.messages);
      after = part.cursor;
      peer.cut();
    }
    await publishing;
    expect(seen).toEqual(messages);
  });

  it('begins with the state where it asks for that, and is live from exactly there', async () => {
    const id = 'snapshot';
    const rename = async (name: string) => server.run(UpsertProjectDocument, { input: { id, name } });
    await rename('first');
    const peer = await connect();
    const names = numbered(30, 'name');
    const renaming = (async () => {
      for (const name of names) await rename(name);
    })();
    const operation = peer.start(project, { id, snapshot: true });
    const seen: { reason: string; project: { name: string } }[] = [];
    while (seen.at(-1)?.project.name !== names.at(-1)) seen.push(fieldOf(await operation.next()));
    await renaming;
    expect(seen[0]?.reason).toBe('SNAPSHOT');
    const all = ['first', ...names];
    expect(seen.map((each) => each.project.name)).toEqual(all.slice(all.indexOf(seen[0]!.project.name)));
    expect(seen.filter(({ reason }) => reason === 'SNAPSHOT')).toHaveLength(1);
  });

  describe('whose cursor has expired begins with the state', () => {
    const after = encodeCursor({ epoch: 'aaaaaaaaaa', offset: 1, chain: 'abc' });

    it('and is told so beside the first of it', async () => {
      for (const id of ['w1', 'w2']) await report(id, 'expired', 1);
      const operation = (await connect()).start(workflows, { projectId: 'expired', after });
      const [first, second] = [await operation.next(), await operation.next()];
      expect(first.extensions).toEqual({ restarted: { reason: 'epoch' } });
      expect(second.extensions).toBeUndefined();
      const seen = [first, second].map((result) => fieldOf<{ reason: string; workflowId: string }>(result));
      expect(seen).toMatchObject([
        { reason: 'SNAPSHOT', workflowId: 'w1' },
        { reason: 'SNAPSHOT', workflowId: 'w2' },
      ]);
    });

    it('and is told so by an error that ends nothing where there is none', async () => {
      await server.run(UpsertProjectDocument, { input: { id: 'empty', name: 'Empty' } });
      const operation = (await connect()).start(workflows, { projectId: 'empty', after });
      const { headCursor } = await stats();
      const extensions = { code: 'CURSOR_EXPIRED', reason: 'epoch', headCursor };
      expect(await operation.next()).toEqual({
        data: null,
        errors: [{ message: expect.any(String), extensions }],
        extensions: { restarted: { reason: 'epoch' } },
      });
      await report('w3', 'empty', 1);
      const live = await operation.next();
      expect(fieldOf(live)).toMatchObject({ workflowId: 'w3' });
      expect(live.extensions).toBeUndefined();
    });
  });

  it.each([
    ['FORBIDDEN', 'may not see what it asks for', project, { id: 'two' }],
    ['GRAPHQL_VALIDATION_FAILED', 'asks for what there is not', 'subscription { nonsense }', {}],
    ['BAD_CURSOR', 'has no cursor of ours', announcements, { after: 'nonsense' }],
  ])('ends with %s when it %s, and no other one with it', async (code, _why, query, variables) => {
    const peer = await connect(tokenFor({ projects: ['one'], scope: 'read' }));
    const other = peer.start(announcements, { after: await announce('start') });
    const refused = peer.start(query, variables);
    expect(codesOf(await refused.next())).toEqual([code]);
    expect(await refused.ended).toBe('over');
    await announce('still here');
    expect((await read(other, 1)).messages).toEqual(['still here']);
  });

  it('ends with its token, and goes on with another one', async () => {
    let skew = 0;
    await using own = await TestServer.start({ now: () => Date.now() + skew });
    const token = tokenFor({}, 60);
    const { exp } = jwt.decode(token) as { exp: number };
    skew = exp * 1_000 - 500 - Date.now();
    const peer = await connect(token, own);
    const operation = peer.start(announcements);
    await open(1, own);
    const after = await announce('with the first', own);
    expect((await read(operation, 1)).messages).toEqual(['with the first']);
    await operation.ended;
    // Where the connection stays usable for it, it is told why.
    expect([[], ['UNAUTHENTICATED']]).toContainEqual(operation.rest.flatMap(codesOf));
    await announce('between', own);
    const next = (await connect(tokenFor(), own)).start(announcements, { after });
    expect((await read(next, 1)).messages).toEqual(['between']);
  });

  it('is interrupted when its server stops, and goes on at the next one', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidings-test-'));
    const first = await TestServer.start({ directory });
    const before = await announce('start', first);
    const operation = (await connect(tokenFor(), first)).start(announcements, { after: before });
    await announce('from the first', first);
    const { cursor } = await read(operation, 1);
    await first[Symbol.asyncDispose]();
    expect(await operation.ended).toBe('interrupted');
    expect(operation.rest).toEqual([]);
    {
      await using second = await TestServer.start({ directory });
      await announce('from the second', second);
      const next = (await connect(tokenFor(), second)).start(announcements, { after: cursor });
      expect((await read(next, 1)).messages).toEqual(['from the second']);
    }
    await rm(directory, { recursive: true, force: true });
  });

  it('keeps to itself, of how many it may be one', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `many-${index}`);
    for (const id of ids) await server.run(UpsertProjectDocument, { input: { id, name: 'first' } });
    const peer = await connect();
    const operations = ids.map((id) => peer.start(project, { id }));
    await open(ids.length);
    for (const name of ['second', 'third'])
      await Promise.all(
        ids.map(async (id) => server.run(UpsertProjectDocument, { input: { id, name: `${name} ${id}` } })),
      );
    for (const [index, operation] of operations.entries()) {
      const names: string[] = [];
      while (names.length < 2)
        names.push(fieldOf<{ project: { name: string } }>(await operation.next()).project.name);
      expect(names).toEqual([`second ${ids[index]}`, `third ${ids[index]}`]);
      expect(operation.rest).toEqual([]);
    }
  });

  it('is executed once for all who ask for the same', async () => {
    const operations = [
      ...(await Promise.all([connect(), connect()])).map((peer) => peer.start(announcements)),
      (await connect(tokenFor({ sub: 'somebody else' }))).start(announcements),
    ];
    await open(operations.length);
    const before = await stats();
    await announce('for all');
    for (const operation of operations) expect((await read(operation, 1)).messages).toEqual(['for all']);
    const after = await stats();
    expect(after.sharedOperations).toBe(1);
    expect(after.executions - before.executions).toBe(1);
    expect(after.deliveries - before.deliveries).toBe(operations.length);
  });

  it('is parked while its client reads nothing, and gets everything in order afterwards; with LATEST what is newest', async () => {
    await server.run(UpsertProjectDocument, { input: { id: 'slow', name: 'Slow' } });
    const [every, latest] = [await connect(), await connect()];
    const slow = { every: every.start(progress), latest: latest.start(progress, { delivery: 'LATEST' }) };
    await open(2);
    for (const peer of [every, latest]) peer.pause();
    // More than the kernel's buffers take, and then some.
    const logs = Array.from({ length: 20 }, () => 'x'.repeat(8_000));
    const percents: number[] = [];
    for (let beyond = 0; beyond < 10;) {
      const percent = percents.length + 1;
      const id = percent % 2 === 0 ? 'even' : 'odd';
      await server.run(ReportWorkflowDocument, { input: { id, projectId: 'slow', percent, logs } });
      percents.push(percent);
      if ((await stats()).parked === 2) beyond++;
    }
    for (const peer of [every, latest]) peer.resume();
    const percentOf = async (operation: Operation): Promise<number> =>
      fieldOf<{ percent: number }>(await operation.next()).percent;

    const seen: number[] = [];
    while (seen.length < percents.length) seen.push(await percentOf(slow.every));
    expect(seen).toEqual(percents);

    const newest: number[] = [];
    while (newest.at(-1) !== percents.at(-1)) newest.push(await percentOf(slow.latest));
    expect(newest.length).toBeLessThan(percents.length);
    expect(newest).toEqual(newest.toSorted((a, b) => a - b));
    expect(newest.slice(-2)).toEqual(percents.slice(-2));
    await until(async () => (await stats()).live === 2);
  }, 60_000);
});
