import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CommandProcess } from '../support/command.ts';
import { ServerProcess } from '../support/process.ts';
import { freePort } from '../support/redis.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';

// Each starts many processes, and machines may be slow.
vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  await tell({ type: 'PROJECT_CREATED', data: { id: 'apollo', name: 'Apollo' } });
  await tell({ type: 'PROJECT_CREATED', data: { id: 'gemini', name: 'Gemini' } });
});
afterAll(async () => server[Symbol.asyncDispose]());

async function tell(event: object): Promise<void> {
  const document =
    'mutation ($event: EventInput!) { publishEvents(input: { events: [$event] }) { duplicate } }';
  await server.run(document, { event });
}
const announce = async (message: string): Promise<void> => tell({ type: 'ANNOUNCEMENT', data: { message } });
const build = (state: object): object => ({
  type: 'WORKFLOW_PROGRESS',
  data: { projectId: 'apollo', name: 'Build', ...state },
});

const connection = (): { TIDINGS_URL: string; TIDINGS_TOKEN: string } => ({
  TIDINGS_URL: server.url,
  TIDINGS_TOKEN: server.token(),
});

/** Resolves when the server has so many subscriptions. */
async function listeners(count: number, url = server.url): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${tokenFor()}` };
  const body = JSON.stringify({ query: '{ stats { subscriptions { count } } }' });
  type Answer = { data: { stats: { subscriptions: { count: number }[] } } };
  await until(async () => {
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
    const { stats } = ((await response.json()) as Answer).data;
    return stats.subscriptions.reduce((sum, each) => sum + each.count, 0) === count;
  });
}

it('shows a plain line for each event, and ends well when it is interrupted', async () => {
  await using command = new CommandProcess(['tail'], { environment: connection() });
  await listeners(1);
  await tell({
    type: 'RISK_ALERT',
    data: { projectId: 'apollo', severity: 'HIGH', message: 'Two\nlines, and \x1b[2J a trap' },
    occurredAt: '2026-11-20T09:30:00Z',
    actor: 'monitor',
  });
  await tell(build({ id: 'w1', step: 1, totalSteps: 4, currentStep: 'Compile' }));
  await announce('the end');
  await command.said('stdout', 'the end');
  const lines = command.stdout.split('\n');
  expect(lines.slice(0, 2).map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual([
    '2026-11-20T09:30:00.000Z  risk.alert  apollo  monitor  HIGH Two lines, and [2J a trap',
    expect.stringMatching(
      /Z {2}workflow\.started {2}apollo {2}tester {2}Build 25 % \(1\/4\) Compile$/,
    ) as string,
  ]);
  command.child.kill('SIGINT');
  expect([await command.exit(), command.stderr]).toEqual([0, '']);
});

it('shows only what was asked for', async () => {
  await using command = new CommandProcess(
    ['tail', '--project', 'gemini', '--type', 'risk.alert,ISSUE_CREATED'],
    {
      environment: connection(),
    },
  );
  await listeners(1);
  for (const projectId of ['apollo', 'gemini']) {
    await tell({ type: 'FILE_CHANGED', data: { projectId, files: [{ path: 'a', changeType: 'CREATED' }] } });
    await tell({ type: 'ISSUE_CREATED', data: { id: `i-${projectId}`, projectId, title: 'Leak' } });
    await tell({ type: 'RISK_ALERT', data: { projectId, severity: 'LOW', message: 'Rain' } });
  }
  await command.said('stdout', 'Rain');
  expect(command.stdout.split('\n').map((line) => line.split(/ {2,}/).slice(1, 3).join(' '))).toEqual([
    'issue.created gemini',
    'risk.alert gemini',
    '',
  ]);
});

it('gives JSON lines, and begins behind a cursor', async () => {
  const { headCursor } = (
    await server.run<{ events: { headCursor: string } }, object>('{ events(first: 1) { headCursor } }')
  ).events;
  await announce('one');
  await announce('two');
  await using command = new CommandProcess(['tail', '--json', '--after', headCursor], {
    environment: connection(),
  });
  await command.said('stdout', 'two');
  const events = command.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(events).toMatchObject([
    { type: 'ANNOUNCEMENT', message: 'one', cursor: expect.any(String) as string, projectId: null },
    { type: 'ANNOUNCEMENT', message: 'two' },
  ]);
});

it('goes on where it was, after it was started anew and after the server was', async () => {
  const directory = server.directory;
  const port = String(await freePort());
  const start = async (): Promise<ServerProcess> =>
    ServerProcess.start(join(directory, 'restarted'), { PORT: port });
  let process = await start();
  const publish = async (message: string): Promise<void> => {
    const query = `mutation { announce(input: { message: ${JSON.stringify(message)} }) { cursor } }`;
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${tokenFor()}` };
    const body = JSON.stringify({ query });
    expect((await fetch(`${process.url}/graphql`, { method: 'POST', headers, body })).status).toBe(200);
  };
  const file = join(directory, 'place.cursor');
  const tail = (): CommandProcess =>
    new CommandProcess(['tail', '--json', '--resume', file], {
      environment: { TIDINGS_URL: process.url, TIDINGS_TOKEN: tokenFor() },
    });
  const messages = ({ stdout }: CommandProcess): string[] =>
    stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { message: string }).message);
  try {
    await publish('before');
    await using first = tail();
    await listeners(1, process.url);
    // Nothing was shown yet, and nothing of what follows is missed.
    await process.kill('SIGKILL');
    await first.said('stderr', 'is lost');
    process = await start();
    await publish('in between');
    await first.said('stderr', 'connected again');
    await publish('after the server');
    await first.said('stdout', 'after the server');
    expect(messages(first)).toEqual(['in between', 'after the server']);
    first.child.kill('SIGINT');
    expect(await first.exit()).toBe(0);
    expect((await readFile(file, 'utf8')).trim()).toMatch(/^\w{20,}$/);

    await publish('meanwhile');
    await using second = tail();
    await second.said('stdout', 'meanwhile');
    expect(messages(second)).toEqual(['meanwhile']);
  } finally {
    await process.kill('SIGKILL');
  }
});

it('draws bars for workflows on a terminal, which NO_COLOR leaves without colours', async () => {
  for (const environment of [connection(), { ...connection(), NO_COLOR: '1' }]) {
    const id = `w-${Object.keys(environment).length}`;
    await using command = new CommandProcess(['tail'], { environment, columns: 100 });
    await listeners(1);
    await tell(build({ id, status: 'RUNNING', percent: 20, currentStep: 'Compile' }));
    await tell(build({ id, percent: 60, currentStep: 'Test' }));
    await announce('in between');
    await tell(build({ id, status: 'COMPLETED' }));
    await announce('the end');
    await command.said('stdout', 'the end');
    // oxlint-disable-next-line no-control-regex
    const text = command.stdout.replaceAll(/\x1b\[\d+m/g, '');
    expect(text === command.stdout).toBe('NO_COLOR' in environment);
    expect(text).toContain(
      'Build                     [####----------------]  20 %  Compile\r\n\x1b[1A\r\x1b[J',
    );
    const [, ended = ''] = text.split('in between\r\n');
    expect(ended.replaceAll('\x1b', '^')).toMatch(
      /^Build {21}\[############--------\] {2}60 % {2}Test\r\n\^\[1A\r\^\[J\S+ {2}workflow\.completed .*\r\n\S+ {2}announcement .* the end\r\n$/,
    );
    command.child.kill('SIGTERM');
    await command.exit();
  }
});

it('ends well when nobody reads on', async () => {
  await using command = new CommandProcess(['tail'], { environment: connection() });
  await listeners(1);
  command.child.stdout!.destroy();
  const ended = command.exit();
  let code: number | null | undefined;
  void ended.then((value) => (code = value));
  for (let count = 0; code === undefined; count++) await announce(`nobody reads ${count}`);
  expect([code, command.stderr]).toEqual([0, '']);
});

it('says why it can not begin', async () => {
  const run = async (
    environment: Readonly<Record<string, string>>,
    ...given: string[]
  ): Promise<unknown[]> => {
    const { code, stdout, stderr } = await CommandProcess.run(['tail', ...given], {
      environment: { ...connection(), ...environment },
    });
    return [code, stdout, stderr.trim().split('\n').length, stderr.split(':', 2).join(':')];
  };
  expect(await run({ TIDINGS_TOKEN: 'x' })).toEqual([1, '', 1, 'tidings: UNAUTHENTICATED']);
  expect(await run({ TIDINGS_URL: `http://localhost:${await freePort()}` })).toEqual([
    1,
    '',
    1,
    'tidings: ECONNREFUSED',
  ]);
  expect(await run({ TIDINGS_URL: 'nonsense' })).toEqual([1, '', 1, 'tidings: BAD_REQUEST']);
  expect(await run({}, '--after', 'x')).toEqual([1, '', 1, 'tidings: BAD_CURSOR']);
  expect(await run({ TIDINGS_TOKEN: server.token({ projects: ['apollo'] }) }, '--project', 'gemini')).toEqual(
    [1, '', 1, 'tidings: FORBIDDEN'],
  );
  expect((await run({}, '--type', 'nonsense'))[0]).toBe(2);
});
