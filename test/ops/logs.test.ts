import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/ops/logger.ts';
import { CommandProcess } from '../support/command.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

const SECRET = 'what nobody else is to know';

describe('the log', () => {
  let server: TestServer;
  const lines: string[] = [];
  const audits = (action: string): Record<string, unknown>[] =>
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['msg'] === 'audit' && line['action'] === action);

  beforeAll(async () => {
    const destination = { write: (line: string) => void lines.push(line) };
    const logger = await createLogger({ level: 'debug', pretty: false, destination });
    server = await TestServer.start({ logger });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const ask = async (query: string, variables: object, headers: object = {}): Promise<Response> =>
    fetch(server.graphqlUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${server.token({ sub: 'ada' })}`,
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    });

  it('names requests, by the id that they came with if it is a sane one', async () => {
    const idOf = async (id: string): Promise<string | null> =>
      (await fetch(`${server.url}/health`, { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idOf('req-1:a.b')).toBe('req-1:a.b');
    for (const id of ['two words', '"quoted"', 'x'.repeat(129), ''])
      expect(await idOf(id)).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/);
    await until(() => lines.some((line) => line.includes('"req-1:a.b"')));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({
        msg: 'request',
        requestId: 'req-1:a.b',
        method: 'GET',
        route: '/health',
        status: 200,
      }),
    );
  });

  it('says who published what, subscribed to what, was refused what and revoked whom', async () => {
    const query = 'mutation ($input: AnnounceInput!) { announce(input: $input) { cursor } }';
    const published = await ask(query, { input: { message: SECRET } }, { 'x-request-id': 'r1' });
    const { data } = (await published.json()) as { data: { announce: { cursor: string } } };
    expect(audits('publish')).toEqual([
      expect.objectContaining({
        by: 'ada',
        workspace: 'default',
        source: 'api',
        requestId: 'r1',
        kinds: ['announcement'],
        events: 1,
        cursor: data.announce.cursor,
      }),
    ]);

    using socket = await TestSocket.connect(
      server.webSocketUrl,
      { authorization: `Bearer ${server.token({ sub: 'bob', projects: ['p'] })}` },
      { headers: { 'x-request-id': 'r2' } },
    );
    socket.subscribe('1', 'subscription ($p: ID!) { projectUpdated(projectId: $p) { cursor } }', { p: 'p' });
    await until(() => audits('subscribe').length === 1);
    expect(audits('subscribe')[0]).toMatchObject({
      by: 'bob',
      transport: 'websocket',
      requestId: 'r2',
      field: 'projectUpdated',
      topics: ['project:p'],
      resumes: false,
    });
    socket.subscribe('2', 'subscription ($p: ID!) { projectUpdated(projectId: $p) { cursor } }', { p: 'q' });
    expect((await socket.receive()).type).toBe('error');
    expect(audits('refuse')).toEqual([
      expect.objectContaining({ by: 'bob', what: 'projectUpdated', code: 'FORBIDDEN', requestId: 'r2' }),
    ]);

    await ask('mutation { revoke(input: { userId: "bob" }) { revocation { userId } } }', {});
    expect(audits('revoke')).toEqual([
      expect.objectContaining({ by: 'ada', workspace: 'default', target: { userId: 'bob' } }),
    ]);
    const refused = await ask('{ viewer { userId } }', {}, { authorization: 'Bearer a.b.c' });
    expect(refused.status).toBe(401);
    expect(audits('refuse').at(-1)).toMatchObject({ what: '/graphql', code: 'UNAUTHENTICATED' });
  });

  it.each(['/graphql', '/webhooks/cloudevents'])('tells of a body for %s that breaks off', async (path) => {
    const { hostname, port } = new URL(server.url);
    const requestId = `broken-off${path}`;
    const head = [
      `POST ${path} HTTP/1.1`,
      'host: x',
      `authorization: Bearer ${server.token({ sub: 'ada' })}`,
      `x-request-id: ${requestId}`,
      'content-type: application/json',
      'content-length: 100',
    ];
    const socket = connect(Number(port), hostname);
    socket.write(`${head.join('\r\n')}\r\n\r\n{"query"`, () => socket.destroy());
    const refused = () => audits('refuse').find((line) => line['requestId'] === requestId);
    await until(() => refused() !== undefined);
    expect(refused()).toMatchObject({ what: path, code: 'BAD_REQUEST' });
  });

  it('holds no tokens, variables or contents', async () => {
    const token = server.token({ sub: 'cleo' });
    const query = `mutation ($input: AnnounceInput!) { announce(input: $input) { cursor } }`;
    await ask(
      query,
      { input: { message: SECRET, idempotencyKey: SECRET } },
      { authorization: `Bearer ${token}` },
    );
    await ask(query, { input: { message: SECRET.repeat(10_000) } });
    await ask(`{ ${SECRET} }`, {});
    await ask('{ viewer { userId } }', {}, { authorization: `Bearer ${token}x` });
    expect(lines.length).toBeGreaterThan(4);
    const text = lines.join('');
    for (const part of [SECRET, token, token.split('.')[2]!]) expect(text.includes(part)).toBe(false);
  });

  it('tells of errors what they are, and not all that libraries hang on them', async () => {
    const written: string[] = [];
    const destination = { write: (line: string) => void written.push(line) };
    const logger = await createLogger({ level: 'info', pretty: false, destination });
    const cause = Object.assign(new Error('READONLY'), { command: { name: 'evalsha', args: [SECRET] } });
    logger.error({ err: new TypeError('it failed', { cause }) }, 'store error');
    expect(JSON.parse(written[0]!)).toMatchObject({
      msg: 'store error',
      err: { type: 'TypeError', message: 'it failed', cause: { message: 'READONLY' } },
    });
    expect(written[0]).not.toContain(SECRET);
  });
});

it('is for a person to read in development mode on a terminal, and lines of JSON elsewhere', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidings-logs-'));
  const environment = { PORT: '0', DATA_DIR: directory };
  {
    await using onTerminal = new CommandProcess(['serve'], { environment, columns: 120 });
    await onTerminal.said('stdout', 'listening');
    expect(onTerminal.stdout).not.toContain('{"level"');
    expect(onTerminal.stdout).toContain('INFO');
  }
  await using elsewhere = new CommandProcess(['serve'], { environment });
  await elsewhere.said('stdout', 'listening');
  expect(elsewhere.stdout).toContain('{"level":30');
  elsewhere.child.kill('SIGTERM');
  expect(await elsewhere.exit()).toBe(0);
  await rm(directory, { recursive: true });
});
