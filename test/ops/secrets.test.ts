/** What must not be in any log: servers that are made to handle everything secret, with all that they write caught. */
import { once } from 'node:events';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/ops/logger.ts';
import { startFailure } from '../../src/welcome.ts';
import { selfSigned } from '../support/certificate.ts';
import { CommandProcess } from '../support/command.ts';
import { KeyServer, SigningKey } from '../support/jwks.ts';
import { freePort, RedisServer } from '../support/redis.ts';
import { TestServer, unlimited } from '../support/server.ts';
import { until } from '../support/until.ts';
import { deeds } from './secret-deeds.ts';
import { SecretKeeper } from './secret-keeper.ts';

// Each starts some processes, and machines may be slow.
vi.setConfig({ testTimeout: 60_000 });

let directory: string;
beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'tidings-secrets-'))));
afterAll(async () => rm(directory, { recursive: true, force: true }));

/** A server of the build that tells everything there is to tell. */
function serverWith(environment: Readonly<Record<string, string>>): CommandProcess {
  const basics = {
    PORT: '0',
    DATA_DIR: join(directory, randomUUID()),
    DRAIN_SECONDS: '0',
    LOG_LEVEL: 'trace',
  };
  return new CommandProcess(['serve'], { environment: { ...basics, ...unlimited, ...environment } });
}

async function urlOf(server: CommandProcess): Promise<string> {
  await server.said('stdout', '"msg":"listening"');
  return /"url":"([^"]+)"/.exec(server.stdout)![1]!;
}

/** All that it has written, up to its end. */
async function lastWordsOf(server: CommandProcess): Promise<string> {
  server.child.kill('SIGTERM');
  expect(await server.exit()).toBe(0);
  return server.stdout + server.stderr;
}

it('nothing secret that a server handles is in its log', async () => {
  const secrets = new SecretKeeper();
  const keys = {
    JWT_SECRET: secrets.make('JWT_SECRET'),
    GITHUB_WEBHOOK_SECRET: secrets.make('GITHUB_WEBHOOK_SECRET'),
    METRICS_TOKEN: secrets.make('METRICS_TOKEN'),
    // Nobody is there.
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secrets.make('OTEL_EXPORTER_OTLP_HEADERS')}`,
  };
  await using server = serverWith(keys);
  const url = await urlOf(server);
  await Promise.all(deeds.map(async (deed) => deed({ url, keys, secrets })));
  const text = await lastWordsOf(server);
  expect(secrets.leaksIn(text)).toEqual([]);
  // It does tell what happens.
  expect(text).toContain('"msg":"request"');
});

/** Speaks Redis' protocol so far as to refuse everything, with a quotation, as Redis does with what it does not know. */
async function quotingRedis(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      // Each command is an array of texts: *2 $4 AUTH $6 secret
      for (const command of String(data)
        .split(/^\*\d+\r\n/m)
        .slice(1)) {
        const [word = '', ...args] = command
          .split('\r\n')
          .filter((line) => line !== '' && !line.startsWith('$'));
        const quoted = args.map((arg) => `'${arg}'`).join(' ');
        socket.write(`-ERR unknown command '${word}', with args beginning with: ${quoted} \r\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

// They mostly wait.
it.concurrent.each<
  [string, (password: string) => Promise<{ readonly port: number } & Partial<AsyncDisposable>>]
>([
  ['is not there', async () => ({ port: await freePort() })],
  ['wants another password', async () => RedisServer.start({ config: ['requirepass another'] })],
  ['quotes what it is sent', quotingRedis],
])('the password of a Redis that %s is in no log, nor what was to be written', async (_name, start) => {
  const secrets = new SecretKeeper();
  const password = secrets.make('password');
  const redis = await start(password);
  const environment = {
    JWT_SECRET: secrets.make('JWT_SECRET'),
    GITHUB_WEBHOOK_SECRET: secrets.make('GITHUB_WEBHOOK_SECRET'),
    REDIS_URL: `redis://tidings:${password}@127.0.0.1:${redis.port}`,
  };
  const examined = CommandProcess.run(['doctor'], { environment: { ...environment, DATA_DIR: directory } });
  await using server = serverWith(environment);
  const url = await urlOf(server);
  await Promise.all(deeds.map(async (deed) => deed({ url, keys: environment, secrets, isStoreAway: true })));
  const text = await lastWordsOf(server);
  const doctor = await examined;
  expect(doctor.code).toBe(1);
  expect(secrets.leaksIn(text + doctor.stdout + doctor.stderr)).toEqual([]);
  expect(text).toContain('"msg":"store error"');
  await redis[Symbol.asyncDispose]?.();
});

it.each<[string, (secret: string) => string]>([
  ['no JSON', (secret) => secret],
  ['a secret key', (secret) => JSON.stringify({ keys: [{ kty: 'oct', k: secret, kid: secret }] })],
  ['an error', (secret) => JSON.stringify({ error: secret })],
])('what JWKS_URL gives is in no log where that is %s', async (_name, bodyOf) => {
  const secrets = new SecretKeeper();
  await using keys = await KeyServer.start();
  const secret = secrets.make('what JWKS_URL gives');
  // As much as errors about JSON quote.
  secrets.keep('its beginning', secret.slice(0, 10));
  keys.body = bodyOf(secret);
  await using server = serverWith({
    JWKS_URL: `${keys.url}?client=${secrets.make('the query of JWKS_URL')}`,
  });
  const url = await urlOf(server);
  const token = secrets.keep('token', new SigningKey('unknown').sign());
  const response = await fetch(`${url}/stats`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(503);
  const text = await lastWordsOf(server);
  expect(text).toContain('JWKS_URL');
  expect(secrets.leaksIn(text)).toEqual([]);
});

it('the key of TLS is in no log, whatever becomes of it', async () => {
  const secrets = new SecretKeeper();
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const put = async (name: string): Promise<string> => {
    const pair = selfSigned(name);
    for (const line of pair.key.split('\n').slice(1, -2)) secrets.keep(`key of ${name}`, line);
    await writeFile(key, pair.key);
    return pair.cert;
  };
  await writeFile(cert, await put('first'));
  let log = '';
  const destination = { write: (line: string) => void (log += line) };
  {
    await using _server = await TestServer.start({
      environment: { TLS_CERT: cert, TLS_KEY: key },
      limits: { certificatePollMs: 10 },
      logger: await createLogger({ level: 'trace', pretty: false, destination }),
    });
    const second = await put('second');
    await until(() => log.includes('the new certificate cannot be used'));
    await writeFile(cert, second);
    await until(() => log.includes('certificate renewed'));
  }
  expect(secrets.leaksIn(log)).toEqual([]);
});

/** Mistakes in a configuration, each with a secret in the wrong place or form. */
const mistakes: readonly [string, (secret: string) => Readonly<Record<string, string>>][] = [
  ['JWT_SECRET is short', (secret) => ({ JWT_SECRET: secret.slice(-31) })],
  ['METRICS_TOKEN has a space', (secret) => ({ METRICS_TOKEN: `a ${secret}` })],
  ['REDIS_URL is none', (secret) => ({ REDIS_URL: `redis:/:${secret}@127.0.0.1` })],
  ['REDIS_URL has a percent sign', (secret) => ({ REDIS_URL: `redis://:${secret}%@127.0.0.1` })],
  ['JWKS_URL has a password', (secret) => ({ JWKS_URL: `https://me:${secret}@id.example.com` })],
  ['OTEL_EXPORTER_OTLP_ENDPOINT is none', (secret) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `me:${secret}@host` })],
  ['TLS_KEY is the key itself', (secret) => ({ TLS_CERT: join(directory, 'any.pem'), TLS_KEY: secret })],
  ['TLS_CERT is the key itself', (secret) => ({ TLS_CERT: secret, TLS_KEY: join(directory, 'any.pem') })],
];

/** What who starts such a server is told. */
async function failureOf(environment: Readonly<Record<string, string>>): Promise<string> {
  try {
    await createGateway(readConfig({ PORT: '0', DATA_DIR: join(directory, 'none'), ...environment }));
    return '';
  } catch (error) {
    return startFailure(error, 'npm start');
  }
}

it.each(mistakes)('a server that does not start tells no secret: %s', async (_name, environmentOf) => {
  const secrets = new SecretKeeper();
  await writeFile(join(directory, 'any.pem'), selfSigned('any').cert);
  const environment = environmentOf(secrets.make('secret'));
  if (environment['JWT_SECRET'] !== undefined) secrets.keep('JWT_SECRET', environment['JWT_SECRET']);
  const text = await failureOf(environment);
  expect(text).toMatch(new RegExp(Object.keys(environment)[0]!.replace('_URL', ''), 'i'));
  expect(secrets.leaksIn(text)).toEqual([]);
});

it('a private key in the place of the public one is not shown', async () => {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const text = await failureOf({ JWT_PUBLIC_KEY: privateKey });
  expect(text).toContain('JWT_PUBLIC_KEY: has to be a public key in PEM');
  for (const line of privateKey.split('\n').slice(1, -2)) expect(text).not.toContain(line);
});

it('a server that fails altogether says why, without what hangs on the error', async () => {
  const secrets = new SecretKeeper();
  const command = secrets.make('what a library was asked to do');
  const failure = `Object.assign(new Error('it fails'), { command: { args: ['${command}'] } })`;
  const program = join(directory, 'failure.mjs');
  await writeFile(program, `process.on('SIGUSR2', () => { Promise.reject(${failure}); })`);
  const environment = { JWT_SECRET: secrets.make('JWT_SECRET'), NODE_OPTIONS: `--import ${program}` };
  await using server = serverWith(environment);
  await urlOf(server);
  server.child.kill('SIGUSR2');
  expect(await server.exit()).toBe(1);
  expect(server.stdout + server.stderr).toContain('it fails');
  expect(secrets.leaksIn(server.stdout + server.stderr)).toEqual([]);
});

it.each([
  ['tail', '--url'],
  ['publish', '--type', 'announcement', '--data', '{"message":"hello"}', '--wait', '0s', '--url'],
])('the command %s tells no token and no password of its URL', async (...given) => {
  const secrets = new SecretKeeper();
  const password = secrets.make('password');
  const environment = { TIDINGS_TOKEN: secrets.make('TIDINGS_TOKEN') };
  for (const url of [
    `http://me:${password}@127.0.0.1:${await freePort()}`,
    `ftp://me:${password}@127.0.0.1`,
  ]) {
    const { code, stdout, stderr } = await CommandProcess.run([...given, url], { environment });
    expect(code).toBe(1);
    expect(stderr).not.toBe('');
    expect(secrets.leaksIn(stdout + stderr)).toEqual([]);
  }
});

it('development mode shows its token, but not the key', async () => {
  await using server = serverWith({ DATA_DIR: join(directory, 'development') });
  await urlOf(server);
  await until(() => server.stdout.includes('export TOKEN='));
  const secrets = new SecretKeeper();
  secrets.keep('the key', await readFile(join(directory, 'development', 'development.key'), 'utf8'));
  expect(secrets.leaksIn(await lastWordsOf(server))).toEqual([]);
});
