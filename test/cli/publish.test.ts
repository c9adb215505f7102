import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { TidingsError, type ErrorCode } from '../../src/errors.ts';
import type { EventStore } from '../../src/store/store.ts';
import { CommandProcess, type CommandOptions } from '../support/command.ts';
import { TestServer } from '../support/server.ts';

// Each starts many processes, and machines may be slow.
vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;
let directory: string;
/** What becomes of the next appends: refused with a code before they get to the store, or 'lost' after it took them. */
let faults: (ErrorCode | 'lost')[] = [];
const aroundStore = (store: EventStore): EventStore =>
  new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...given: unknown[]): Promise<unknown> => {
        const fault = name === 'append' ? faults.shift() : undefined;
        if (fault !== undefined && fault !== 'lost') throw new TidingsError(fault);
        const result: unknown = await Reflect.apply(member, target, given);
        if (fault === 'lost') throw new TidingsError('STORE_UNAVAILABLE');
        return result;
      };
    },
  });

let workspace = 'w0';
beforeAll(async () => {
  server = await TestServer.start({ aroundStore });
  directory = await mkdtemp(join(tmpdir(), 'tidings-publish-'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  workspace = `w${Number(workspace.slice(1)) + 1}`;
  await server.run(
    'mutation { upsertProject(input: { id: "apollo", name: "Apollo" }) { cursor } }',
    {},
    as(),
  );
});

const as = (): { token: string } => ({ token: server.token({ workspace }) });
const risk = (message: string, more: object = {}): string =>
  JSON.stringify({ type: 'risk.alert', data: { projectId: 'apollo', severity: 'LOW', message }, ...more });

async function run(
  given: readonly string[],
  options: CommandOptions = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const environment = { TIDINGS_URL: server.url, TIDINGS_TOKEN: as().token, ...options.environment };
  return CommandProcess.run(['publish', ...given], { ...options, environment });
}

async function messages(): Promise<string[]> {
  const query = '{ events(first: 500) { nodes { ... on RiskAlert { risk { message } } } } }';
  type History = { events: { nodes: { risk?: { message: string } }[] } };
  const { events } = await server.run<History, object>(query, {}, as());
  return events.nodes.flatMap(({ risk: told }) => told?.message ?? []);
}

it('publishes one event from its options, and prints its cursor', async () => {
  const data = '{"id":"i1","projectId":"apollo","title":"Leak"}';
  const given = [
    '--type',
    'issue.created',
    '--data',
    data,
    '--actor',
    'ada',
    '--occurred-at',
    '2026-11-20T09:30:00Z',
  ];
  const { code, stdout, stderr } = await run([...given, '--reason', 'OPENED', '--key', 'once']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^\w{20,}\n$/);
  expect(await run([...given, '--reason', 'OPENED', '--key', 'once'])).toMatchObject({ code: 0, stdout });
  const query = '{ events(first: 9) { nodes { type actor reason occurredAt } } }';
  expect(await server.run(query, {}, as())).toMatchObject({
    events: {
      nodes: [
        { type: 'PROJECT_CREATED' },
        { type: 'ISSUE_CREATED', actor: 'ada', reason: 'OPENED', occurredAt: '2026-11-20T09:30:00.000Z' },
      ],
    },
  });
});

it('publishes the lines of a file in batches, and of standard input, in their order', async () => {
  const texts = Array.from({ length: 25 }, (_, index) => `rain ${index}`);
  const file = join(directory, 'lines.jsonl');
  await writeFile(
    file,
    `${texts
      .slice(0, 20)
      .map((text) => risk(text))
      .join('\n')}\n\n`,
  );
  expect(await run([file, '--batch', '6'])).toEqual({
    code: 0,
    stdout: '',
    stderr: 'tidings: 20 events published\n',
  });
  const input = texts
    .slice(20)
    .map((text) => risk(text))
    .join('\r\n');
  expect(await run(['-'], { input })).toMatchObject({ code: 0, stderr: 'tidings: 5 events published\n' });
  expect(await messages()).toEqual(texts);
});

it('names the lines that are wrong, and publishes the others', async () => {
  const input = [
    risk('one'),
    '{"type":',
    risk('two', { colour: 'red' }),
    risk('three', { data: { projectId: 'apollo', severity: 'AWFUL', message: '' } }),
    risk('four'),
    risk('five', { data: { projectId: 'gemini', severity: 'LOW', message: 'x' } }),
    '{"type":"nonsense","data":{}}',
    risk('six'),
  ].join('\n');
  const { code, stderr } = await run(['-'], { input });
  expect(code).toBe(1);
  expect(
    stderr
      .trim()
      .split('\n')
      .map((line) => line.replace(/(: [A-Z_]+: \S+).*/, '$1')),
  ).toEqual([
    'tidings: line 2: INVALID_INPUT: is',
    'tidings: line 3: INVALID_INPUT: Unrecognized',
    'tidings: line 7: INVALID_INPUT: type:',
    'tidings: line 4: INVALID_INPUT: data.severity:',
    'tidings: line 6: NOT_FOUND: There',
    'tidings: 3 events published, 5 lines refused',
  ]);
  expect(await messages()).toEqual(['one', 'four', 'six']);
});

it('waits while the server has to be waited for, and doubles nothing where an answer was lost', async () => {
  faults = ['STORE_UNAVAILABLE', 'lost'];
  const { code, stderr } = await run(['-', '--batch', '2'], {
    input: ['a', 'b', 'c'].map((text) => risk(text)).join('\n'),
  });
  expect([code, faults]).toEqual([0, []]);
  expect(stderr).toMatch(
    /^tidings: STORE_UNAVAILABLE: .* Trying again\.\ntidings: 1 events published, 2 there already\n$/,
  );
  expect(await messages()).toEqual(['a', 'b', 'c']);
});

it('gives up in the end, and goes on where it was under the same key', async () => {
  faults = [undefined as never, 'STORE_FULL'];
  const input = ['a', 'b', 'c', 'd'].map((text) => risk(text)).join('\n');
  const first = await run(['-', '--batch', '2', '--wait', '0s'], { input });
  expect(first.code).toBe(1);
  const [, key = ''] =
    /^tidings: ended after 2 events\. .* --key (\S+) .*\ntidings: STORE_FULL: .*\n$/.exec(first.stderr) ?? [];
  expect(await run(['-', '--batch', '2', '--key', key], { input })).toMatchObject({
    code: 0,
    stderr: 'tidings: 2 events published, 2 there already\n',
  });
  expect(await messages()).toEqual(['a', 'b', 'c', 'd']);
});

it('draws a bar on a terminal', async () => {
  const file = join(directory, 'many.jsonl');
  await writeFile(file, Array.from({ length: 300 }, (_, index) => risk(`rain ${index}`)).join('\n'));
  const { code, stdout } = await run([file, '--batch', '20'], { columns: 100 });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\[#+-+\] +\d+ % {2}\d+ events\r\n/);
  expect(stdout.endsWith('\x1b[1A\r\x1b[Jtidings: 300 events published\r\n')).toBe(true);
});

it('says in one line what is wrong', async () => {
  const complaints: unknown[] = [];
  for (const given of [
    [],
    ['file', '--type', 'risk.alert'],
    [join(directory, 'missing.jsonl')],
    ['--type', 'risk.alert', '--data', '{'],
    ['--type', 'nonsense', '--data', '{}'],
  ]) {
    const { code, stdout, stderr } = await run(given);
    complaints.push([code, stdout, stderr.replace(/(: [A-Z_]+): .*\n$/, '$1')]);
  }
  const { code, stdout, stderr } = await run(['-'], {
    input: risk('x'),
    environment: { TIDINGS_TOKEN: server.token({ workspace, scope: 'read' }) },
  });
  complaints.push([code, stdout, stderr.split('\n')[1]!.replace(/(: [A-Z_]+): .*$/, '$1')]);
  expect(complaints).toEqual([
    [1, '', 'tidings: BAD_REQUEST'],
    [1, '', 'tidings: BAD_REQUEST'],
    [1, '', 'tidings: ENOENT'],
    [1, '', 'tidings: INVALID_INPUT'],
    [1, '', 'tidings: INVALID_INPUT'],
    [1, '', 'tidings: FORBIDDEN'],
  ]);
});
