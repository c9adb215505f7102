/** Keys that an identity provider publishes, and changes. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { JwksKeys, type JwksOptions } from '../../src/auth/jwks.ts';
import { TokenVerifier } from '../../src/auth/tokens.ts';
import { KeyServer, SigningKey } from '../support/jwks.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

const [first, second, elliptic] = [
  new SigningKey('first'),
  new SigningKey('second'),
  new SigningKey('elliptic', 'ES256'),
] as const;
const PAUSE_MS = 10_000;
const MAX_AGE_MS = 600_000;

describe('the keys at JWKS_URL', () => {
  const disposables: AsyncDisposable[] = [];
  let keyServer: KeyServer;
  let skew: number;
  let errors: string[];
  let verifier: TokenVerifier;

  const verifierOf = (options: Partial<JwksOptions> = {}): TokenVerifier => {
    const now = (): number => Date.now() + skew;
    const onError = ({ message }: Error): void => void errors.push(message);
    return new TokenVerifier({ keys: new JwksKeys({ url: keyServer.url, now, onError, ...options }), now });
  };
  beforeEach(async () => {
    keyServer = await KeyServer.start(first, elliptic);
    disposables.push(keyServer);
    skew = 0;
    errors = [];
    verifier = verifierOf();
  });
  afterAll(async () => {
    for (const each of disposables) await each[Symbol.asyncDispose]();
  });

  const admitted = async (token: string): Promise<string | null> => (await verifier.verify(token)).userId;
  const refusal = async (token: string): Promise<unknown> =>
    verifier.verify(token).then(
      () => 'admitted',
      ({ code }: { code: string }) => code,
    );

  it('are chosen by kid, and fetched once', async () => {
    const tokens = [first.sign({ sub: 'rsa' }), elliptic.sign({ sub: 'ec' }), first.sign({ sub: 'again' })];
    expect(await Promise.all(tokens.map(admitted))).toEqual(['rsa', 'ec', 'again']);
    expect(keyServer.requests).toBe(1);
  });

  it('are fetched again when a token names one that is new', async () => {
    expect(await refusal(second.sign())).toBe('UNAUTHENTICATED');
    keyServer.publish(first, second);
    skew += PAUSE_MS;
    expect(await Promise.all([admitted(second.sign()), admitted(second.sign())])).toEqual([
      'somebody',
      'somebody',
    ]);
    expect(keyServer.requests).toBe(2);
  });

  it('are not fetched more often than each 10 seconds, whatever tokens name', async () => {
    await admitted(first.sign());
    for (let round = 1; round <= 3; round++) {
      const forged = Array.from({ length: 50 }, (_, index) => second.sign({}, { kid: `${round} ${index}` }));
      expect(new Set(await Promise.all(forged.map(refusal)))).toEqual(new Set(['UNAUTHENTICATED']));
      expect(keyServer.requests).toBe(round);
      skew += PAUSE_MS;
    }
  });

  it('are not asked for by tokens that none of them could be for', async () => {
    const hmac = first.sign().replace(/^[^.]+/, Buffer.from('{"alg":"HS256"}').toString('base64url'));
    const none = first.sign().replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url'));
    const odd = first.sign().replace(/^[^.]+/, Buffer.from('{"alg":"RS256","kid":{}}').toString('base64url'));
    for (const token of [hmac, none, odd, 'garbage', ''])
      expect(await refusal(token)).toBe('UNAUTHENTICATED');
    expect(keyServer.requests).toBe(0);
  });

  it('count no more once they are gone', async () => {
    await admitted(first.sign());
    keyServer.publish(second);
    skew += MAX_AGE_MS;
    expect(await refusal(first.sign())).toBe('UNAUTHENTICATED');
    expect(await admitted(second.sign())).toBe('somebody');
  });

  it('are good for one algorithm each', async () => {
    await admitted(first.sign());
    // The same name, another key.
    expect(await refusal(new SigningKey('first', 'ES256').sign())).toBe('UNAUTHENTICATED');
    expect(await refusal(new SigningKey('first').sign())).toBe('UNAUTHENTICATED');
  });

  it('need no kid where only one can be meant', async () => {
    expect(await admitted(first.sign({}, {}))).toBe('somebody');
    keyServer.publish(first, second);
    skew += MAX_AGE_MS;
    expect(await refusal(first.sign({}, {}))).toBe('UNAUTHENTICATED');
    expect(await admitted(first.sign())).toBe('somebody');
  });

  it('may be among others that are for something else', async () => {
    const foreign = [
      { kty: 'oct', kid: 'secret', k: 'c2VjcmV0', alg: 'HS256' },
      { ...second.jwk, use: 'enc' },
      { ...second.jwk, alg: 'RS512' },
      { ...second.jwk, key_ops: ['encrypt'] },
      { ...elliptic.jwk, kid: 'broken', x: 'AA' },
      null,
      'key',
    ];
    keyServer.body = JSON.stringify({ keys: [...foreign, first.jwk] });
    expect(await admitted(first.sign())).toBe('somebody');
    expect(await refusal(second.sign())).toBe('UNAUTHENTICATED');
  });

  describe('while the URL', () => {
    it.each<[string, (server: KeyServer) => void, string, timeoutMs?: number]>([
      ['answers with an error', (server) => (server.status = 500), 'it answers with status 500'],
      ['leads elsewhere', (server) => Object.assign(server, elsewhere(server)), 'unexpected redirect'],
      ['is too slow', (server) => (server.isStalled = true), 'timeout', 1_000],
      ['has something else', (server) => (server.body = '{"keys":{}}'), 'it is no JSON Web Key Set'],
      ['has no JSON', (server) => (server.body = '<html>'), 'it is no JSON'],
      ['has no key', (server) => (server.body = '{"keys":[]}'), 'it has no RSA (RS256) or P-256 (ES256) key'],
      [
        'has too much',
        (server) => (server.body = Buffer.alloc(300_000, ' ')),
        'it has more than 262144 bytes',
      ],
    ])('%s, the last keys count', async (_name, fail, told, timeoutMs) => {
      verifier = verifierOf(timeoutMs === undefined ? {} : { timeoutMs });
      await admitted(first.sign());
      fail(keyServer);
      skew += MAX_AGE_MS;
      expect(await admitted(first.sign())).toBe('somebody');
      // It may be right: who has it should come back.
      expect(await refusal(second.sign())).toBe('AUTH_UNAVAILABLE');
      expect(errors).toEqual([expect.stringContaining(told)]);
      Object.assign(keyServer, { status: 200, isStalled: false, headers: {} });
      keyServer.publish(second);
      skew += PAUSE_MS;
      expect(await admitted(second.sign())).toBe('somebody');
    });

    const elsewhere = ({ url }: KeyServer) => ({ status: 302, headers: { location: `${url}/other` } });

    it('has never answered, nobody is told that his token is wrong', async () => {
      keyServer.status = 503;
      expect(await refusal(first.sign())).toBe('AUTH_UNAVAILABLE');
      keyServer.status = 200;
      expect(await refusal(first.sign())).toBe('AUTH_UNAVAILABLE');
      expect(keyServer.requests).toBe(1);
      skew += PAUSE_MS;
      expect(await admitted(first.sign())).toBe('somebody');
    });

    it('stalls, nobody who has a known key waits for it a second time', async () => {
      await admitted(first.sign());
      keyServer.status = 500;
      skew += MAX_AGE_MS;
      await admitted(first.sign());
      keyServer.isStalled = true;
      skew += PAUSE_MS;
      expect(await admitted(first.sign())).toBe('somebody');
      await until(() => keyServer.requests === 3);
    });
  });

  describe('that take their time', () => {
    let server: TestServer;
    beforeEach(async () => {
      keyServer.isStalled = true;
      server = await TestServer.start({ environment: { JWT_SECRET: '', JWKS_URL: keyServer.url } });
      disposables.push(server);
    });
    const opened = async (protocol: string): Promise<TestSocket> => {
      const socket = new TestSocket(server.webSocketUrl, { protocol });
      await socket.opened();
      return socket;
    };
    const init = { type: 'connection_init', payload: { token: first.sign({ sub: 'patient' }) } };
    const payload = { query: '{ viewer { userId } }' };
    const result = { data: { viewer: { userId: 'patient' } } };

    it('let what comes behind connection_init wait, over graphql-transport-ws', async () => {
      using socket = await opened('graphql-transport-ws');
      socket.send(init);
      socket.send({ id: '1', type: 'subscribe', payload });
      socket.send({ type: 'ping' });
      await until(() => keyServer.requests === 1);
      keyServer.release();
      const messages = await socket.receiveMany(4);
      expect(messages[0]).toMatchObject({ type: 'connection_ack' });
      expect(messages.slice(1)).toEqual(
        expect.arrayContaining([
          { id: '1', type: 'next', payload: result },
          { id: '1', type: 'complete' },
          { type: 'pong' },
        ]),
      );
    });

    it('let what comes behind connection_init wait, over graphql-ws', async () => {
      using socket = await opened('graphql-ws');
      socket.send(init);
      socket.send({ id: '1', type: 'start', payload });
      await until(() => keyServer.requests === 1);
      keyServer.release();
      expect(await socket.receiveMany(4)).toEqual([
        { type: 'connection_ack' },
        { type: 'ka' },
        { id: '1', type: 'data', payload: result },
        { id: '1', type: 'complete' },
      ]);
    });

    it.each(['graphql-transport-ws', 'graphql-ws'])(
      'refuse a second connection_init, over %s',
      async (protocol) => {
        using socket = await opened(protocol);
        socket.send(init);
        socket.send(init);
        await until(() => keyServer.requests === 1);
        keyServer.release();
        expect((await socket.closed).code).toBe(4429);
      },
    );

    it.each(['graphql-transport-ws', 'graphql-ws'])(
      'find nobody any more where the socket is gone, over %s',
      async (protocol) => {
        using socket = await opened(protocol);
        socket.send(init);
        await until(() => keyServer.requests === 1);
        socket.socket.terminate();
        await socket.closed;
        keyServer.release();
        const token = first.sign({ scope: 'read admin' });
        await until(async () => {
          const query = '{ stats { connections { name count } } }';
          const { data } = await server.query(query, undefined, { token });
          return JSON.stringify(data).includes('{"name":"websocket","count":0}');
        });
      },
    );

    it('take new tokens of an open socket in the order in which they came', async () => {
      keyServer.release();
      using socket = await TestSocket.connect(server.webSocketUrl, init.payload);
      const refresh = (id: string, token: string): void =>
        socket.subscribe(id, 'mutation ($token: String!) { refreshSession(token: $token) { ended } }', {
          token,
        });
      // The first one has to be asked for.
      refresh('unknown', second.sign());
      refresh('known', first.sign({ sub: 'last' }));
      const messages = await socket.receiveMany(4);
      expect(messages.filter(({ type }) => type === 'next').map(({ id }) => id)).toEqual([
        'unknown',
        'known',
      ]);
      socket.subscribe('1', payload.query);
      expect(await socket.receive()).toMatchObject({ payload: { data: { viewer: { userId: 'last' } } } });
    });
  });

  it('open the server, at once and after they were changed', async () => {
    const clock = { skew: 0 };
    await using server = await TestServer.start({
      environment: { JWT_SECRET: '', JWKS_URL: keyServer.url },
      now: () => Date.now() + clock.skew,
    });
    const viewer = '{ viewer { userId } }';
    const statusOf = async (token: string) => (await server.query(viewer, undefined, { token })).status;
    expect(await statusOf(first.sign())).toBe(200);
    expect(await statusOf(second.sign())).toBe(401);
    keyServer.publish(second);
    clock.skew = PAUSE_MS;
    expect(await statusOf(second.sign())).toBe(200);
    expect(await statusOf(first.sign())).toBe(401);
  });
});
