/** Tokens that nobody gets in with, by whatever entrance. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { KeyServer, SigningKey } from '../support/jwks.ts';
import { JWT_SECRET } from '../support/keys.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { entrances } from './entrances.ts';

const DAY = 24 * 3_600;
const seconds = Math.floor(Date.now() / 1_000);
const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');
/** Signs whatever a library would refuse to sign. */
const forge = (header: object, claims: object, secret: string | Buffer = JWT_SECRET): string => {
  const text = `${encode({ typ: 'JWT', ...header })}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
};
const unsigned = (header: object, claims: object): string =>
  `${encode({ typ: 'JWT', ...header })}.${encode(claims)}.`;

const HS256 = { alg: 'HS256' };
const claims = { sub: 'eve', projects: '*', scope: 'read publish', iat: seconds, exp: seconds + 600 };
const { exp: _exp, ...immortal } = claims;
const { sub: _sub, ...nobody } = claims;

const withSecret: Readonly<Record<string, string | undefined>> = {
  'no token': undefined,
  garbage: 'garbage',
  'garbage of three parts': 'a.b.c',
  'alg none': unsigned({ alg: 'none' }, claims),
  'alg none and a signature': forge({ alg: 'none' }, claims),
  'no alg': forge({}, claims),
  'another algorithm': jwt.sign({ ...claims }, JWT_SECRET, { algorithm: 'HS512' }),
  'another secret': forge(HS256, claims, 'another secret, also of more than 32 bytes'),
  'no signature': unsigned(HS256, claims),
  'claims that were changed': forge(HS256, claims).replace(
    /\.[^.]+\./,
    `.${encode({ ...claims, sub: 'root' })}.`,
  ),
  'an exp that is over': forge(HS256, { ...claims, exp: seconds - 1 }),
  'an nbf to come': forge(HS256, { ...claims, nbf: seconds + 300 }),
  'no exp': forge(HS256, immortal),
  'an exp that is no number': forge(HS256, { ...claims, exp: String(seconds + 600) }),
  'an exp beyond 30 days': forge(HS256, { ...claims, exp: seconds + 31 * DAY }),
  'an exp beyond 30 days, and no iat': forge(HS256, { ...claims, iat: undefined, exp: seconds + 31 * DAY }),
  'an exp beyond 30 days behind an iat to come': forge(HS256, {
    ...claims,
    iat: seconds + 60 * DAY,
    exp: seconds + 61 * DAY,
  }),
  'no sub': forge(HS256, nobody),
  'a sub that is a number': forge(HS256, { ...claims, sub: 7 }),
  'a sub that is an object': forge(HS256, { ...claims, sub: { $ne: null } }),
  'an empty sub': forge(HS256, { ...claims, sub: '' }),
  'a jti that is no text': forge(HS256, { ...claims, jti: 7 }),
  'a workspace that is no text': forge(HS256, { ...claims, workspace: ['default'] }),
  'projects that are no list': forge(HS256, { ...claims, projects: 'p1' }),
  'a crit that is unknown': forge({ ...HS256, crit: ['b64'], b64: false }, claims),
  'a crit that is empty': forge({ ...HS256, crit: [] }, claims),
  'claims that are no object': forge(HS256, [1]),
};

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const expected = { iss: 'https://id.example.com', aud: 'tidings' };
const right = { ...claims, ...expected };
const sign = (payload: object, algorithm: 'RS256' | 'RS512' | 'PS256' = 'RS256'): string =>
  jwt.sign({ ...payload }, privateKey, { algorithm });

const withPublicKey: Readonly<Record<string, string>> = {
  'the public key as the secret': forge(HS256, right, publicKey),
  'the public key, without its last line feed, as the secret': forge(HS256, right, publicKey.trim()),
  'alg none': unsigned({ alg: 'none' }, right),
  'another algorithm of RSA': sign(right, 'RS512'),
  'another padding of RSA': sign(right, 'PS256'),
  'another iss': sign({ ...right, iss: 'https://evil.example' }),
  'no iss': sign({ ...right, iss: undefined }),
  'another aud': sign({ ...right, aud: 'other' }),
  'no aud': sign({ ...right, aud: undefined }),
};

const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const curveText = curve.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const onCurve = (payload: object, key = curve.privateKey): string =>
  jwt.sign({ ...payload }, key, { algorithm: 'ES256' });
const withCurve: Readonly<Record<string, string>> = {
  'the public key as the secret': forge(HS256, claims, curveText),
  'alg none': unsigned({ alg: 'none' }, claims),
  'another key': onCurve(claims, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  'an RSA key': jwt.sign({ ...claims }, privateKey, { algorithm: 'RS256' }),
  'a signature of nothing but zeros': `${onCurve(claims).replace(/[^.]+$/, '')}${Buffer.alloc(64).toString('base64url')}`,
};

const published = new SigningKey('published');
const stranger = new SigningKey('published');
const withKeySet: Readonly<Record<string, string>> = {
  'a published key as the secret': forge(
    { ...HS256, kid: 'published' },
    claims,
    published.publicKey.export({ type: 'spki', format: 'pem' }),
  ),
  'alg none': unsigned({ alg: 'none', kid: 'published' }, claims),
  'another key of the same kid': stranger.sign(),
  'a kid that nobody knows': published.sign({}, { kid: 'unknown' }),
  'a kid that is a path': published.sign({}, { kid: '../../../dev/null' }),
  'a key of its own in the header': stranger.sign({}, { jwk: stranger.jwk, kid: undefined }),
  'a URL of its own in the header': stranger.sign({}, { jku: 'http://127.0.0.1:9/jwks', kid: 'stranger' }),
};

/** The servers, with what each admits. */
const doors = [
  {
    name: 'JWT_SECRET',
    environment: async () => ({ JWT_SECRET }),
    good: () => forge(HS256, claims),
    bad: withSecret,
  },
  {
    name: 'JWT_PUBLIC_KEY',
    environment: async () => ({
      JWT_SECRET: '',
      JWT_PUBLIC_KEY: publicKey,
      JWT_ISSUER: expected.iss,
      JWT_AUDIENCE: expected.aud,
    }),
    good: () => sign(right),
    bad: withPublicKey,
  },
  {
    name: 'JWT_PUBLIC_KEY of a curve',
    environment: async () => ({ JWT_SECRET: '', JWT_PUBLIC_KEY: curveText }),
    good: () => onCurve(claims),
    bad: withCurve,
  },
  {
    name: 'JWKS_URL',
    environment: async () => ({ JWT_SECRET: '', JWKS_URL: (await keyServer()).url }),
    good: () => published.sign({ scope: 'read publish' }),
    bad: withKeySet,
  },
];

let started: KeyServer | undefined;
async function keyServer(): Promise<KeyServer> {
  started = await KeyServer.start(published);
  return started;
}
afterAll(async () => started?.[Symbol.asyncDispose]());

for (const { name: key, environment, good, bad } of doors) {
  describe(`a server with ${key}`, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await TestServer.start({ environment: await environment(), ownToken: good });
    });
    afterAll(async () => server[Symbol.asyncDispose]());

    for (const { name, enter, refusal } of entrances) {
      describe(`admits by ${name}`, () => {
        it('a token that is right', async () => {
          expect(await enter(server, good())).toBe('admitted');
        });

        it.each(Object.entries(bad))('but not one with %s', async (_name, token) => {
          expect(await enter(server, token)).toBe(refusal);
        });
      });
    }

    it('tells nothing of what a refused token holds', async () => {
      for (const token of Object.values(bad)) {
        const { errors } = await server.query('{ viewer { userId } }', undefined, { token: token ?? null });
        expect(JSON.stringify(errors)).not.toContain('eve');
      }
    });
  });
}

it('a token may live for 30 days', async () => {
  await using server = await TestServer.start();
  const token = forge(HS256, { ...claims, exp: claims.iat + 30 * DAY });
  for (const { name, enter, refusal } of entrances) {
    expect([name, await enter(server, token)]).toEqual([name, 'admitted']);
    const longer = forge(HS256, { ...claims, exp: claims.iat + 30 * DAY + 1 });
    expect([name, await enter(server, longer)]).toEqual([name, refusal]);
  }
});

describe.each([
  { who: 'nobody', ANONYMOUS_PROJECTS: '' },
  { who: 'everybody', ANONYMOUS_PROJECTS: 'open' },
])('where $who may read without a token', ({ ANONYMOUS_PROJECTS }) => {
  let server: TestServer;
  beforeAll(async () => (server = await TestServer.start({ environment: { ANONYMOUS_PROJECTS } })));
  afterAll(async () => server[Symbol.asyncDispose]());
  const readers = entrances.filter(({ shows }) => shows !== undefined);

  it.each([
    ['Basic', `Basic ${Buffer.from('eve:secret').toString('base64')}`],
    ['Bearer without a token', 'Bearer '],
    ['a token without Bearer', tokenFor()],
    ['a token and something else', `Bearer ${tokenFor()} ${tokenFor()}`],
  ])('an Authorization header is refused that is %s', async (_name, authorization) => {
    for (const { name, shows, refusal } of readers)
      expect([name, await shows!(server, { authorization })]).toEqual([name, refusal]);
  });

  it('an Authorization header that is empty is none', async () => {
    for (const { name, shows, refusal } of readers) {
      const outcome = ANONYMOUS_PROJECTS === '' ? refusal : 'admitted';
      expect([name, await shows!(server, { authorization: '' })]).toEqual([name, outcome]);
    }
  });

  it('a session counts, whatever a proxy in front wants to have in Authorization', async () => {
    const headers = { cookie: `tidings_session=${tokenFor()}`, authorization: 'Basic ZXZlOnNlY3JldA==' };
    for (const { name, shows } of readers)
      expect([name, await shows!(server, headers)]).toEqual([name, 'admitted']);
  });
});

it.each<[string, Readonly<Record<string, string>>, string]>([
  ['a secret under 32 bytes', { JWT_SECRET: 'short' }, 'JWT_SECRET: has to have at least 32 bytes'],
  [
    'two keys',
    { JWT_SECRET, JWT_PUBLIC_KEY: publicKey },
    'JWT_SECRET and JWT_PUBLIC_KEY: set one of them only',
  ],
  [
    'three keys',
    { JWT_SECRET, JWT_PUBLIC_KEY: publicKey, JWKS_URL: 'https://id.example.com' },
    'JWT_SECRET and JWT_PUBLIC_KEY and JWKS_URL: set one of them only',
  ],
  ['no key, for others than itself', { HOST: '0.0.0.0' }, 'HOST: is reachable from outside'],
  ['keys that come in the clear', { JWKS_URL: 'http://id.example.com/jwks' }, 'JWKS_URL: has to be https'],
  ['keys from a file', { JWKS_URL: 'file:///etc/jwks' }, 'JWKS_URL: has to be https'],
  ['a password in the URL', { JWKS_URL: 'https://me:secret@id.example.com' }, 'JWKS_URL: has to be https'],
  ['no URL', { JWKS_URL: 'id.example.com' }, 'JWKS_URL: has to be https'],
])('a server does not start with %s', (_name, environment, mistake) => {
  expect(() => readConfig(environment)).toThrow(mistake);
});

it.each([
  'https://id.example.com/jwks',
  'http://localhost:8080/jwks',
  'http://[::1]:8080/',
  'http://127.0.0.1/',
])('a server may have its keys from %s', (url) => {
  expect(readConfig({ JWKS_URL: url, HOST: '0.0.0.0' })).toMatchObject({
    JWKS_URL: url,
    developmentMode: false,
  });
});
