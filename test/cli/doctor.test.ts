import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CommandProcess } from '../support/command.ts';
import { freePort, RedisServer } from '../support/redis.ts';
import { JWT_SECRET, WEBHOOK_SECRET } from '../support/keys.ts';
import { TestServer } from '../support/server.ts';

// Each starts many processes, and machines may be slow.
vi.setConfig({ testTimeout: 60_000 });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidings-doctor-'));
});
afterAll(async () => rm(directory, { recursive: true }));

/** The exit code, and what is said of each thing. */
async function examine(
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number | null; says: string[] }> {
  const { code, stdout, stderr } = await CommandProcess.run(['doctor'], {
    environment: {
      DATA_DIR: join(directory, 'data'),
      PORT: '0',
      JWT_SECRET,
      GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
      ...environment,
    },
  });
  expect(stderr).toBe('');
  return { code, says: stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  ')) };
}
const about = (says: readonly string[], thing: string): string[] =>
  says.flatMap((line, index) =>
    line.includes(`  ${thing}  `)
      ? [line, ...says.slice(index + 1, index + 2).filter((next) => next.includes('→'))]
      : [],
  );

it('finds nothing wrong where nothing is, and changes nothing', async () => {
  const { code, says } = await examine({});
  expect(code).toBe(0);
  expect(says.filter((line) => !line.startsWith('ok'))).toEqual(['', 'A server can run here.', '']);
  expect(await readdir(directory)).toEqual([]);
});

it('tells every mistake of the configuration at once', async () => {
  const { code, says } = await examine({ PORT: 'x', JWT_SECRET: 'short', RETENTION_HOURS: '0' });
  expect(code).toBe(1);
  expect(about(says, 'configuration').map((line) => /configuration {2}(\w+):/.exec(line)?.[1])).toEqual([
    'PORT',
    'JWT_SECRET',
    'RETENTION_HOURS',
  ]);
  expect(says).toContain('3 things are to be mended.');
});

it('warns of what may surprise', async () => {
  const { code, says } = await examine({
    JWT_SECRET: '',
    GITHUB_WEBHOOK_SECRET: '',
    ANONYMOUS_PROJECTS: 'docs',
  });
  expect([code, says.filter((line) => line.startsWith('warn')).map((line) => line.split('  ')[1])]).toEqual([
    0,
    ['tokens', 'webhooks', 'access'],
  ]);
  const wrong = '-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----';
  expect(about((await examine({ JWT_SECRET: '', JWT_PUBLIC_KEY: wrong })).says, 'tokens')).toEqual([
    'fail  tokens  JWT_PUBLIC_KEY can not be read',
    '  → give the whole public key in PEM',
  ]);
});

it('recognises a server that runs here, and knows another program from it', async () => {
  await using server = await TestServer.start();
  const { port } = new URL(server.url);
  const { code, says } = await examine({ DATA_DIR: server.directory, PORT: port });
  expect(code).toBe(0);
  expect(about(says, 'port')).toEqual([`ok  port  a server runs at ${server.url} and is ready`]);
  expect(about(says, 'store')).toEqual(['ok  store  embedded; a server has it open']);
  expect(about(says, 'disk')[1]).toMatch(/a sync takes [\d.]+ ms/);
  const files = await readdir(server.directory);
  expect(files.filter((name) => name.startsWith('doctor'))).toEqual([]);

  const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const taken = (other.address() as AddressInfo).port;
  expect(about((await examine({ PORT: String(taken) })).says, 'port')).toEqual([
    `fail  port  ${taken} is in use by another program`,
    `  → set PORT, such as PORT=${taken + 1}`,
  ]);
  other.close();
});

it('opens a store that a server left, and tells when it is none', async () => {
  const path = join(directory, 'left');
  await (await TestServer.start({ directory: path }))[Symbol.asyncDispose]();
  expect(about((await examine({ DATA_DIR: path })).says, 'store')).toEqual([
    'ok  store  embedded; it opens and answers',
  ]);
  for (const name of await readdir(path)) if (name.startsWith('events.db')) await rm(join(path, name));
  await writeFile(join(path, 'events.db'), 'This is no database, however long one looks at it. '.repeat(100));
  const { code, says } = await examine({ DATA_DIR: path });
  expect([code, about(says, 'store')]).toEqual([
    1,
    [
      expect.stringMatching(/^fail {2}store {2}.*left/) as string,
      '  → see Backup in the README on how to restore',
    ],
  ]);
});

it('looks at the settings of Redis', async () => {
  const config = ['appendonly yes', 'appendfsync no', 'maxmemory 100mb', 'maxmemory-policy allkeys-lru'];
  await using bad = await RedisServer.start({ config });
  const first = await examine({ REDIS_URL: bad.url });
  expect(first.code).toBe(1);
  expect(about(first.says, 'Redis')).toEqual([
    expect.stringMatching(/^ok {2}Redis {2}version \d+\.\S+, answers$/) as string,
    'warn  Redis  appendonly yes, appendfsync no',
    '  → set appendfsync everysec or always',
    'fail  Redis  maxmemory-policy allkeys-lru',
    '  → set maxmemory-policy noeviction: any other drops logs',
  ]);
  expect(about(first.says, 'clock')).toEqual([
    expect.stringMatching(/^ok {2}clock {2}its clock differs by \d+ ms$/) as string,
  ]);

  await using good = await RedisServer.start({ config: ['appendonly yes', 'appendfsync always'] });
  expect((await examine({ REDIS_URL: good.url })).code).toBe(0);
  await using forgetful = await RedisServer.start();
  expect(about((await examine({ REDIS_URL: forgetful.url })).says, 'Redis')[1]).toBe(
    'fail  Redis  appendonly no',
  );
  const nobody = await examine({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  expect([nobody.code, about(nobody.says, 'Redis')]).toEqual([
    1,
    ['fail  Redis  there is no connection to Redis', '  → start Redis, or set REDIS_URL to where it is'],
  ]);
});
