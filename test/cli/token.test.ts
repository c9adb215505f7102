import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CommandProcess } from '../support/command.ts';
import { ServerProcess } from '../support/process.ts';
import { JWT_SECRET } from '../support/keys.ts';
import { TestServer } from '../support/server.ts';

// Each starts many processes, and machines may be slow.
vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({
    environment: { JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'tidings' },
  });
});
afterAll(async () => server[Symbol.asyncDispose]());

const VIEWER = '{ viewer { userId workspace projects scopes expiresAt } }';
const token = async (
  given: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  CommandProcess.run(['token', ...given], { environment });

it('makes tokens that a server with the same environment takes', async () => {
  const environment = { JWT_SECRET, JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'tidings' };
  const given = [
    '--sub',
    'ci',
    '--workspace',
    'acme',
    '--projects',
    'shop, web',
    '--scope',
    'read publish',
    '--expires',
    '2h',
  ];
  const { code, stdout, stderr } = await token(given, environment);
  expect([code, stderr]).toEqual([0, '']);
  const { viewer } = await server.run<{ viewer: { expiresAt: string } }, object>(
    VIEWER,
    {},
    { token: stdout.trim() },
  );
  expect(viewer).toMatchObject({
    userId: 'ci',
    workspace: 'acme',
    projects: ['shop', 'web'],
    scopes: ['read', 'publish'],
  });
  const minutes = (Date.parse(viewer.expiresAt) - Date.now()) / 60_000;
  expect(Math.round(minutes / 10)).toBe(12);
});

it('takes the key of development mode where none is set', async () => {
  const environment = { DATA_DIR: server.directory };
  expect(await token([], environment)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^tidings: NOT_FOUND: .*\n$/) as string,
  });
  await using development = await ServerProcess.start(`${server.directory}/development`, { JWT_SECRET: '' });
  const { stdout } = await token([], { DATA_DIR: `${server.directory}/development` });
  const response = await fetch(`${development.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${stdout.trim()}` },
    body: JSON.stringify({ query: VIEWER }),
  });
  expect(await response.json()).toMatchObject({
    data: { viewer: { userId: 'developer', workspace: 'default', projects: null, scopes: ['read'] } },
  });
});

it('makes none that a server would refuse', async () => {
  for (const [given, code] of [
    [['--expires', '31d'], 1],
    [['--expires', 'tomorrow'], 2],
    [['--scope', 'everything'], 1],
    [['--sub', ''], 1],
    [['--nonsense'], 2],
  ] as const) {
    expect(await token(given, { JWT_SECRET })).toMatchObject({ code, stdout: '' });
  }
  expect(await token([], { JWT_SECRET: 'short', PORT: 'x' })).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^tidings: INVALID_CONFIGURATION: .*PORT: .*JWT_SECRET: .*\n$/) as string,
  });
});

it('shows what can be given, and that a command is none', async () => {
  const help = await CommandProcess.run(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('Exit codes:');
  for (const command of ['serve', 'token', 'tail', 'publish', 'export', 'import', 'doctor']) {
    expect((await CommandProcess.run([command, '--help'])).stdout).toContain(`Examples:\n  $ `);
  }
  expect(await CommandProcess.run(['nonsense'])).toMatchObject({ code: 2, stdout: '' });
});
