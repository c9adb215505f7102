import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { selfSigned } from '../support/certificate.ts';
import { ServerProcess } from '../support/process.ts';
import { handshake } from '../support/handshake.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

const first = selfSigned('first');
let directory: string;
let server: TestServer;
const log: string[] = [];

const replace = async (part: 'cert' | 'key', text: string): Promise<void> =>
  writeFile(join(directory, `${part}.pem`), text);
/** Who shows the certificate to those that come now. */
const nameOfServer = async (): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    socket.on('error', reject);
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidings-tls-'));
  await replace('cert', first.cert);
  await replace('key', first.key);
  server = await TestServer.start({
    environment: { TLS_CERT: join(directory, 'cert.pem'), TLS_KEY: join(directory, 'key.pem') },
    limits: { certificatePollMs: 10 },
    logger: pino({ level: 'info' }, { write: (line: string) => void log.push(line) }),
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const ask = async (
  path: string,
  method: string,
  headers: Record<string, string>,
  body = '',
): Promise<IncomingMessage & { text: string }> =>
  new Promise((resolve, reject) => {
    const sending = request(
      `${server.url}${path}`,
      { method, headers, ca: first.cert, agent: false },
      (response) => {
        let text = '';
        response.on('data', (part) => (text += String(part)));
        response.on('end', () => resolve(Object.assign(response, { text })));
      },
    );
    sending.on('error', reject);
    sending.end(body);
  });

it('with a certificate the server speaks https, and its cookies go over nothing else', async () => {
  expect(server.url).toMatch(/^https:/);
  const authorization = `Bearer ${tokenFor()}`;
  const headers = { authorization, 'content-type': 'application/json' };
  const answer = await ask('/graphql', 'POST', headers, '{"query":"{ viewer { userId } }"}');
  expect(JSON.parse(answer.text)).toEqual({ data: { viewer: { userId: 'tester' } } });
  expect(answer.headers['strict-transport-security']).toMatch(/^max-age=\d+$/);
  const session = await ask('/session', 'POST', { authorization });
  expect(session.headers['set-cookie']?.[0]).toContain('; Secure');
});

it('whoever connects and does not shake hands is cut off after a while', async () => {
  const { hostname, port } = new URL(server.url);
  const silent = connect(Number(port), hostname);
  silent.on('error', () => undefined).resume();
  await new Promise((resolve) => silent.once('close', resolve));
});

it('whoever connects and does not shake hands is not waited for by a server that stops', async () => {
  const data = await mkdtemp(join(tmpdir(), 'tidings-tls-'));
  const environment = { TLS_CERT: join(directory, 'cert.pem'), TLS_KEY: join(directory, 'key.pem') };
  await using own = await ServerProcess.start(data, environment);
  const { hostname, port } = new URL(own.url);
  const silent = connect(Number(port), hostname);
  silent.on('error', () => undefined).resume();
  await once(silent, 'connect');
  await own.kill('SIGTERM');
  expect(own.child.exitCode).toBe(0);
  await rm(data, { recursive: true });
});

it.each(['graphql-transport-ws', 'graphql-ws'])('and wss: %s', async (protocol) => {
  using client = new TestSocket(server.webSocketUrl, { protocol, ca: first.cert });
  await client.opened();
  client.send({ type: 'connection_init', payload: { token: tokenFor() } });
  expect((await client.receive()).type).toBe('connection_ack');
  const query = 'mutation { announce(input: { message: "over TLS" }) { cursor } }';
  const subscription = 'subscription { announcement { message } }';
  const start = protocol === 'graphql-ws' ? 'start' : 'subscribe';
  client.send({ id: '1', type: start, payload: { query: subscription } });
  await until(async () => {
    const headers = { authorization: `Bearer ${tokenFor()}`, 'content-type': 'application/json' };
    return (await ask('/graphql', 'POST', headers, '{"query":"{ stats { live } }"}')).text.includes(
      '"live":1',
    );
  });
  client.send({ id: '2', type: start, payload: { query } });
  for (;;) {
    const message = await client.receive();
    if (message.id !== '1') continue;
    expect(dataOf(message)).toEqual({ announcement: { message: 'over TLS' } });
    break;
  }
});

it('whoever sends more than a little before it is let in is refused there too', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connectTls({ host: hostname, port: Number(port), ca: first.cert });
  socket.write(`${handshake()}${'x'.repeat(65_536)}`);
  const [told] = (await once(socket, 'data')) as [Buffer];
  expect(String(told)).toMatch(/^HTTP\/1\.1 400 [^]*"code":"BAD_REQUEST"/);
  socket.destroy();
});

it('nobody is answered without TLS', async () => {
  await expect(fetch(`${server.url.replace('https', 'http')}/health`)).rejects.toThrow('fetch failed');
});

it('a renewed certificate is in use for who comes then; until both files fit, the old one is', async () => {
  using before = new TestSocket(server.webSocketUrl, { ca: first.cert });
  await before.opened();
  const second = selfSigned('second');
  await replace('cert', second.cert);
  await until(() => log.some((line) => line.includes('the old one goes on')));
  expect(await nameOfServer()).toBe('first');
  await replace('key', second.key);
  await until(async () => (await nameOfServer()) === 'second');
  expect(log.filter((line) => line.includes('certificate renewed'))).toHaveLength(1);
  // Who was there stays.
  before.send({ type: 'connection_init', payload: { token: tokenFor() } });
  expect((await before.receive()).type).toBe('connection_ack');
  // What is broken doesn't count.
  await replace('key', 'nonsense');
  await until(() => log.filter((line) => line.includes('the old one goes on')).length > 1);
  expect(await nameOfServer()).toBe('second');
});

it('a server does not start with half of it, or with what is no certificate', async () => {
  for (const name of ['TLS_CERT', 'TLS_KEY'])
    expect(() => readConfig({ [name]: 'x.pem' })).toThrow('TLS_CERT and TLS_KEY: set both of them, or none');
  const broken = join(directory, 'broken.pem');
  await writeFile(broken, 'nonsense');
  for (const path of [broken, join(directory, 'nowhere.pem')])
    await expect(TestServer.start({ environment: { TLS_CERT: path, TLS_KEY: path } })).rejects.toThrow(
      'TLS_CERT and TLS_KEY',
    );
});
