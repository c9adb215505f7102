import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { EmbeddedEventStore } from '../../src/store/embedded/embedded-store.ts';
import { enumName, kindNames, kinds, type Kind } from '../../src/events/catalogue.ts';
import type { Entry } from '../../src/events/event.ts';
import type { EventStore, LogName } from '../../src/store/store.ts';
import { CommandProcess } from '../support/command.ts';
import { anyRedis } from '../support/redis.ts';
import { sampleFacts } from '../support/samples.ts';
import { JWT_SECRET } from '../support/keys.ts';
import { TestServer } from '../support/server.ts';

// Each starts many processes, and machines may be slow.
vi.setConfig({ testTimeout: 60_000 });

let directory: string;
/** Data directory of a server that has stopped. */
let source: string;
let exported: string;
const log: LogName = { workspace: 'default', stream: 'events' };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidings-log-'));
  source = join(directory, 'source');
  exported = join(directory, 'default.jsonl');
  // Few enough that the oldest events go, and only the states of their entities are left.
  await using server = await TestServer.start({
    directory: source,
    environment: { RETENTION_EVENTS: '100' },
  });
  const run = async (query: string, variables: object = {}): Promise<unknown> => server.run(query, variables);
  await run('mutation { upsertProject(input: { id: "old", name: "Old" }) { cursor } }');
  for (const id of ['p1', 'gone'])
    await run(`mutation { upsertProject(input: { id: "${id}", name: "${id}" }) { cursor } }`);
  await run(
    'mutation { registerRepository(input: { projectId: "p1", repoId: "r1", fullName: "o/r" }) { cursor } }',
  );
  const publish =
    'mutation ($events: [EventInput!]!) { publishEvents(input: { events: $events }) { duplicate } }';
  const issue = { type: 'ISSUE_CREATED', data: { id: 'again', projectId: 'gone', title: 'Forgotten' } };
  const filler = Array.from({ length: 150 }, (_, index) => ({
    type: 'RISK_ALERT',
    data: { id: `risk-${index}`, projectId: 'p1', severity: 'LOW', message: 'Rain' },
  }));
  await run(publish, { events: [issue, ...filler] });
  await run('mutation { deleteProject(input: { id: "gone" }) { cursor } }');
  await run('mutation { upsertProject(input: { id: "gone", name: "Back" }) { cursor } }');
  await run(publish, { events: [issue, ...kindNames.filter(isPlain).map(sample)] });
}, 60_000);
afterAll(async () => rm(directory, { recursive: true }));

const isPlain = (kind: Kind): boolean =>
  !['project', 'member', 'pullRequest'].includes(kinds[kind]) &&
  !kind.endsWith('.deleted') &&
  kind !== 'issue.commented';

function sample(kind: Kind): object {
  const { id, ...rest } = sampleFacts(kind).data as { id?: string };
  const own = {
    ...rest,
    ...('projectId' in rest ? { projectId: 'p1' } : {}),
    ...('repoId' in rest ? { repoId: 'r1' } : {}),
  };
  const names: Readonly<Record<string, string>> = { analysis: 'analysisId', autoCommit: 'commitId' };
  const named = id === undefined ? own : { ...own, [names[kinds[kind]] ?? 'id']: id };
  return { type: enumName(kind), data: named, occurredAt: '2026-11-20T09:30:00.000Z' };
}

const tidings = async (
  given: readonly string[],
  environment: Readonly<Record<string, string>>,
  input?: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  CommandProcess.run(given, {
    environment: { JWT_SECRET, ...environment },
    ...(input === undefined ? {} : { input }),
  });

/** Everything in a stopped server's store: the log's facts, and the states by subject. */
async function contents(path: string): Promise<{ facts: object[]; states: object[]; epoch: string }> {
  const retention = { events: 1e9, hours: 1e6, bytes: 1e12 };
  const store: EventStore = await EmbeddedEventStore.open({ directory: path, retention: () => retention });
  const shown = ({ position: _position, recordedAt: _at, revision: _revision, ...facts }: Entry): object =>
    facts;
  try {
    const { entries } = await store.read(log, 'oldest', 5_000);
    const states: object[] = [];
    for (const type of [
      'project',
      'issue',
      'workflow',
      'agent',
      'risk',
      'progress',
      'alert',
      'suggestion',
    ] as const) {
      states.push(...(await store.entities(log, { type, topic: 'all', limit: 5_000 })).entries.map(shown));
    }
    return { facts: entries.map(shown), states, epoch: (await store.head(log)).epoch };
  } finally {
    await store.close();
  }
}

it('exports a log, and imports it with its order, states and times into an empty workspace', async () => {
  const first = await tidings(['export', '--output', exported], { DATA_DIR: source });
  expect(first).toMatchObject({ code: 0, stdout: '' });
  const [header = '', ...lines] = (await readFile(exported, 'utf8')).trim().split('\n');
  expect(first.stderr).toBe(`tidings: ${lines.length} events exported\n`);
  expect(JSON.parse(header)).toMatchObject({ tidings: 'log', version: 1, workspace: 'default' });

  const target = join(directory, 'target');
  expect(await tidings(['import', exported], { DATA_DIR: target })).toEqual({
    code: 0,
    stdout: '',
    stderr: `tidings: ${lines.length} events imported\n`,
  });
  const [before, after] = [await contents(source), await contents(target)];
  const outlived = lines.length - before.facts.length;
  expect(outlived).toBeGreaterThan(0);
  expect(after.facts.slice(outlived)).toEqual(before.facts);
  expect(after.states).toEqual(before.states);
  expect(after.states).toContainEqual(expect.objectContaining({ entityId: 'old' }));
  expect(after.epoch).not.toBe(before.epoch);
  // What the server makes of it is the same too.
  await using server = await TestServer.start({ directory: target });
  expect(
    await server.run('{ project(id: "p1") { repositories { id } } issue(id: "again") { title } }'),
  ).toEqual({
    project: { repositories: [{ id: 'r1' }] },
    issue: { title: 'Forgotten' },
  });
  // And goes on from there.
  await server.run('mutation { upsertProject(input: { id: "p1", name: "New" }) { cursor } }');
});

it('imports once however often it is asked, and nothing into what others filled', async () => {
  const text = await readFile(exported, 'utf8');
  const count = text.trim().split('\n').length - 1;
  const target = join(directory, 'again');
  const lines = text.split('\n');
  // It was interrupted: a line in the middle is broken.
  const broken = [...lines.slice(0, count - 10), '{"offset":', ...lines.slice(count - 9)].join('\n');
  expect(await tidings(['import', '-'], { DATA_DIR: target }, broken)).toMatchObject({
    code: 1,
    stderr: `tidings: INVALID_INPUT: Line ${count - 9} is not valid JSON.\n`,
  });
  const { stderr } = await tidings(['import', '-'], { DATA_DIR: target }, text);
  expect(stderr).toMatch(/^tidings: \d+ events imported, \d+ were there already\n$/);
  expect(await tidings(['import', exported], { DATA_DIR: target })).toMatchObject({
    stderr: `tidings: 0 events imported, ${count} were there already\n`,
  });
  expect((await contents(target)).facts).toHaveLength(count);

  const other = join(directory, 'other.jsonl');
  await writeFile(other, [lines[0]!.replace('"epoch":"', '"epoch":"x'), ...lines.slice(1)].join('\n'));
  expect(await tidings(['import', other], { DATA_DIR: target })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^tidings: CONFLICT: .* is not empty\. .*\n$/) as string,
  });
  expect(await tidings(['import', other, '--append'], { DATA_DIR: target })).toMatchObject({ code: 0 });
  expect((await contents(target)).facts).toHaveLength(2 * count);
});

it('brings a log to Redis and back, under another name', async () => {
  await using redis = await anyRedis();
  const workspace = `w-${process.pid}`;
  const environment = { REDIS_URL: redis.url, DATA_DIR: join(directory, 'unused') };
  const text = await readFile(exported, 'utf8');
  expect(await tidings(['import', exported, '--workspace', workspace], environment)).toMatchObject({
    code: 0,
  });
  const { code, stdout } = await tidings(['export', '--workspace', workspace], environment);
  expect(code).toBe(0);
  const events = (of: string): unknown[] =>
    of
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => (JSON.parse(line) as { event: unknown }).event);
  expect(events(stdout)).toEqual(events(text));
});

it('says why it can not', async () => {
  const complaint = async (
    given: readonly string[],
    environment: Readonly<Record<string, string>>,
    input?: string,
  ): Promise<unknown[]> => {
    const { code, stdout, stderr } = await tidings(given, environment, input);
    return [code, stdout, stderr.replace(/(: [A-Z_]+): .*\n$/, '$1')];
  };
  const empty = { DATA_DIR: join(directory, 'empty') };
  expect(await complaint(['export'], empty)).toEqual([1, '', 'tidings: NOT_FOUND']);
  expect(await complaint(['export', '--workspace', 'nobody'], { DATA_DIR: source })).toEqual([
    1,
    '',
    'tidings: NOT_FOUND',
  ]);
  expect(await complaint(['export', '--output', exported], { DATA_DIR: source })).toEqual([
    1,
    '',
    'tidings: EEXIST',
  ]);
  expect(await complaint(['import', '-'], empty, '')).toEqual([1, '', 'tidings: INVALID_INPUT']);
  expect(await complaint(['import', '-'], empty, '{"tidings":"log","version":2}')).toEqual([
    1,
    '',
    'tidings: INVALID_INPUT',
  ]);
  await using _server = await TestServer.start({ directory: source });
  expect(await complaint(['export'], { DATA_DIR: source })).toEqual([1, '', 'tidings: STORE_UNAVAILABLE']);
});
