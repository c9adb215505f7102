import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCatalogue } from '../../src/errors.ts';
import { storeUnavailable, type EventStore } from '../../src/store/store.ts';
import { altered } from '../support/altered-store.ts';
import { TestServer, tokenFor } from '../support/server.ts';

interface Sent {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface ToSend {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A request with exactly these headers, unlike fetch. */
async function send(url: string, { method = 'POST', headers = {}, body }: ToSend = {}): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
      response.on('error', reject);
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

/** Writes bytes as they are, and gives what comes back until the answer is whole or the server closes the connection. */
async function sendRaw(url: string, ...parts: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
      const [head = '', body] = text.split('\r\n\r\n', 2);
      const length = /^content-length: (\d+)/im.exec(head)?.[1];
      if (body !== undefined && Buffer.byteLength(body) === Number(length)) socket.destroy();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    for (const part of parts) socket.write(part);
  });
}

const codeOf = ({ text }: Sent): unknown => {
  const { errors, error } = JSON.parse(text) as {
    errors?: { extensions: { code: unknown } }[];
    error?: { code: unknown };
  };
  return errors?.[0]?.extensions.code ?? error?.code;
};

const corsHeadersOf = ({ headers }: Sent): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

const announcement = 'mutation { announce(input: { message: "hello" }) { cursor } }';

describe('over HTTP', () => {
  let server: TestServer;
  const authorized = (headers: Record<string, string> = {}) => ({
    authorization: `Bearer ${tokenFor()}`,
    'content-type': 'application/json',
    ...headers,
  });

  beforeAll(async () => {
    server = await TestServer.start({ environment: { ALLOWED_ORIGINS: 'https://app.example.com' } });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  /** How many events there are: what was executed shows. */
  const published = async (): Promise<number> => {
    const { events } = await server.run<{ events: { nodes: unknown[] } }, unknown>(
      '{ events(first: 500) { nodes { cursor } } }',
    );
    return events.nodes.length;
  };

  const post = async (body: unknown, headers: Record<string, string> = {}): Promise<Sent> =>
    send(server.graphqlUrl, {
      headers: authorized(headers),
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  describe('a page of another origin', () => {
    const origin = 'https://evil.example';

    it.each([
      [
        'a query',
        'POST',
        '/graphql',
        { 'content-type': 'application/json', authorization: `Bearer ${tokenFor()}` },
      ],
      ['a query without a token', 'POST', '/graphql', { 'content-type': 'application/json' }],
      ['a stream', 'POST', '/graphql', { accept: 'text/event-stream', ...authorized() }],
      ['a preflight', 'OPTIONS', '/graphql', { 'access-control-request-method': 'POST' }],
      ['a session', 'POST', '/session', { authorization: `Bearer ${tokenFor()}` }],
      ['the health', 'GET', '/health', {}],
      ['nothing that exists', 'GET', '/nothing', {}],
    ])('is not allowed to read the answer to %s', async (_name, method, path, headers) => {
      const body = method === 'POST' ? '{"query":"{ viewer { userId } }"}' : '';
      const answer = await send(`${server.url}${path}`, { method, headers: { ...headers, origin }, body });
      expect(corsHeadersOf(answer)).toEqual([]);
      expect(answer.headers.vary).toMatch(/\borigin\b/i);
    });

    it.each([
      'null',
      'https://app.example.com.evil.example',
      'http://app.example.com',
      'https://app.example.com:444',
    ])('is foreign as %s', async (name) => {
      expect(corsHeadersOf(await post({ query: '{ viewer { userId } }' }, { origin: name }))).toEqual([]);
    });

    it('gets no session', async () => {
      const answer = await send(`${server.url}/session`, { headers: authorized({ origin }) });
      expect(answer.status).toBe(403);
      expect(answer.headers['set-cookie']).toBeUndefined();
    });

    it("gets nothing by the session's cookie", async () => {
      const cookie = `tidings_session=${tokenFor()}`;
      const json = { 'content-type': 'application/json' };
      const ask = async (headers: Record<string, string>): Promise<number> =>
        (
          await send(server.graphqlUrl, {
            headers: { ...json, cookie, ...headers },
            body: '{"query":"{ viewer { userId } }"}',
          })
        ).status;
      expect(await ask({})).toBe(200);
      expect(await ask({ origin: server.url })).toBe(200);
      expect(await ask({ origin: 'https://app.example.com' })).toBe(200);
      expect(await ask({ 'sec-fetch-site': 'same-origin' })).toBe(200);
      expect(await ask({ origin })).toBe(401);
      expect(await ask({ 'sec-fetch-site': 'cross-site' })).toBe(401);
      // Another port of the same host, whose requests carry SameSite cookies.
      expect(await ask({ 'sec-fetch-site': 'same-site' })).toBe(401);
    });
  });

  it.each([
    ['an allowed origin', 'https://app.example.com', () => server.url],
    ["the server's own origin", 'own', () => server.url],
  ])('a page of %s may read answers, errors among them', async (_name, name, url) => {
    const origin = name === 'own' ? url() : name;
    for (const headers of [authorized({ origin }), { 'content-type': 'application/json', origin }]) {
      const answer = await send(server.graphqlUrl, { headers, body: '{"query":"{ viewer { userId } }"}' });
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
      });
    }
    const preflight = await send(server.graphqlUrl, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-methods']).toContain('POST');
    expect(preflight.headers['access-control-allow-headers']).toContain('authorization');
  });

  describe('what a foreign page could make a browser send without asking', () => {
    it.each([
      [
        'a form',
        'application/x-www-form-urlencoded',
        new URLSearchParams({ query: announcement }).toString(),
      ],
      [
        'a multipart form',
        'multipart/form-data; boundary=x',
        `--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n${JSON.stringify({ query: announcement })}\r\n--x--\r\n`,
      ],
      ['plain text', 'text/plain', JSON.stringify({ query: announcement })],
      ['text that mentions JSON', 'text/plain; application/json', JSON.stringify({ query: announcement })],
      ['GraphQL', 'application/graphql', announcement],
      ['no type', '', JSON.stringify({ query: announcement })],
    ])('is not read: %s', async (_name, type, body) => {
      const before = await published();
      const headers = {
        authorization: `Bearer ${tokenFor()}`,
        ...(type === '' ? {} : { 'content-type': type }),
      };
      const answer = await send(server.graphqlUrl, { headers, body });
      expect(answer.status).toBe(415);
      expect(codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE');
      expect(await published()).toBe(before);
    });

    it.each([
      ['application/json', 'application/json'],
      ['*/*', 'application/json'],
      ['application/graphql-response+json, application/json;q=0.9', 'application/graphql-response+json'],
      ['multipart/mixed', 'application/json'],
      ['application/graphql-response+json;q=0, application/json', 'application/json'],
      ['text/event-stream;q=0', 'application/json'],
      ['text/event-stream; q=0.000, */*', 'application/json'],
    ])('is answered as JSON where a client accepts %s', async (accept, type) => {
      const answer = await post({ query: '{ viewer { userId } }' }, { accept });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`);
      expect(JSON.parse(answer.text)).toHaveProperty('data.viewer');
    });

    it('is not executed: a mutation by GET', async () => {
      const before = await published();
      for (const accept of ['application/json', 'text/event-stream', '*/*']) {
        const answer = await send(`${server.graphqlUrl}?query=${encodeURIComponent(announcement)}`, {
          method: 'GET',
          headers: authorized({ accept }),
        });
        expect(answer.status).toBe(405);
        expect(codeOf(answer)).toBe('METHOD_NOT_ALLOWED');
        expect(answer.headers.allow).toContain('POST');
      }
      expect(await published()).toBe(before);
    });
  });

  it.each([
    ['GET', '/'],
    ['GET', '/graphql'],
    ['POST', '/graphql'],
    ['POST', '/session'],
    ['GET', '/health'],
    ['GET', '/assets/nothing.js'],
    ['GET', '/nothing'],
  ])('%s %s is answered with headers that keep browsers from making more of it', async (method, path) => {
    for (const accept of ['text/html', 'application/json']) {
      const { headers } = await send(`${server.url}${path}`, { method, headers: { accept } });
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('strict-transport-security');
    }
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('%s is no method of GraphQL', async (method) => {
    const answer = await send(server.graphqlUrl, { method, headers: authorized(), body: '{}' });
    expect(answer.status).toBe(405);
    expect(codeOf(answer)).toBe('METHOD_NOT_ALLOWED');
    expect(answer.headers.allow).toContain('POST');
  });

  it('a query may come by GET', async () => {
    const search = new URLSearchParams({
      query: 'query ($first: Int) { events(first: $first) { nodes { type } } viewer { userId } }',
      variables: '{"first":1}',
    });
    const answer = await send(`${server.graphqlUrl}?${search}`, { method: 'GET', headers: authorized() });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ data: { viewer: { userId: 'tester' } } });
  });

  describe('a request that cannot be understood is BAD_REQUEST:', () => {
    it.each([
      ['an empty body', ''],
      ['broken JSON', '{"query": "{ viewer'],
      ['no JSON at all', 'query { viewer { userId } }'],
      ['a list, as in batches', JSON.stringify([{ query: '{ viewer { userId } }' }])],
      ['a string', '"query"'],
      ['null', 'null'],
      ['no query', '{}'],
      ['an empty query', '{"query":""}'],
      ['a query that is no text', '{"query":{"kind":"Document"}}'],
      ['variables that are no object', '{"query":"{ viewer { userId } }","variables":"{}"}'],
      ['a list of variables', '{"query":"{ viewer { userId } }","variables":[1]}'],
      ['an operation name that is no text', '{"query":"{ viewer { userId } }","operationName":1}'],
      ['extensions that are no object', '{"query":"{ viewer { userId } }","extensions":"x"}'],
      ['a key __proto__', '{"query":"{ viewer { userId } }","__proto__":{"admin":true}}'],
      [
        'a key __proto__ deep inside',
        '{"query":"{ viewer { userId } }","variables":{"a":[{"__proto__":{}}]}}',
      ],
      [
        'a key __proto__ with an escape',
        String.raw`{"query":"{ viewer { userId } }","variables":{"a":[{"__pr\u006Fto__":{}}]}}`,
      ],
      ['what would be an answer', '{"query":"{ viewer { userId } }","status":201,"headers":{"x-a":"b"}}'],
      [
        'JSON that is nested too deep',
        `{"query":"{ viewer { userId } }","variables":{"a":${'['.repeat(99)}${']'.repeat(99)}}}`,
      ],
      [
        'JSON that is nested without end',
        `{"query":"{ viewer { userId } }","variables":{"a":${'['.repeat(100_000)}`,
      ],
    ])('%s', async (_name, body) => {
      const answer = await post(body);
      expect(answer.status).toBe(400);
      expect(codeOf(answer)).toBe('BAD_REQUEST');
    });

    it('JSON that is not UTF-8', async () => {
      const body = Buffer.from(JSON.stringify({ query: '{ viewer { userId } } # ä' }), 'latin1');
      const headers = { ...authorized(), 'content-type': 'application/json' };
      const answer = await send(server.graphqlUrl, { headers, body });
      expect(answer.status).toBe(400);
      expect(codeOf(answer)).toBe('BAD_REQUEST');
    });

    it('broken JSON in the URL', async () => {
      const search = new URLSearchParams({ query: '{ viewer { userId } }', variables: '{' });
      const answer = await send(`${server.graphqlUrl}?${search}`, { method: 'GET', headers: authorized() });
      expect(answer.status).toBe(400);
      expect(codeOf(answer)).toBe('BAD_REQUEST');
    });

    it.each([
      'application/json',
      '*/*',
      'text/event-stream;q=0',
      'application/json, text/event-stream;q=0.0',
      'multipart/mixed;subscriptionSpec=1.0;q=0, application/json',
    ])('a subscription that asks for no stream, with accept: %s', async (accept) => {
      const answer = await post({ query: 'subscription { announcement { message } }' }, { accept });
      expect(answer.status).toBe(400);
      expect(codeOf(answer)).toBe('BAD_REQUEST');
    });

    it('several operations without a name, and a name that there is not', async () => {
      const query = 'query A { viewer { userId } } query B { viewer { userId } }';
      for (const operationName of [undefined, 'C']) {
        const answer = await post({ query, operationName });
        expect(answer.status).toBe(400);
        expect(codeOf(answer)).toBe('BAD_REQUEST');
      }
      expect((await post({ query, operationName: 'B' })).status).toBe(200);
    });
  });

  describe('a document that is wrong is refused with where it is:', () => {
    it.each([
      ['a syntax error', '{ viewer {', 'GRAPHQL_PARSE_FAILED'],
      ['an unknown field', '{ viewer { shoeSize } }', 'GRAPHQL_VALIDATION_FAILED'],
      ['an unknown argument', '{ events(nonsense: 1) { nodes { cursor } } }', 'GRAPHQL_VALIDATION_FAILED'],
      [
        'an unknown input field',
        'mutation { announce(input: { message: "x", colour: 1 }) { cursor } }',
        'GRAPHQL_VALIDATION_FAILED',
      ],
      ['a wrong literal', '{ events(first: "many") { nodes { cursor } } }', 'GRAPHQL_VALIDATION_FAILED'],
    ])('%s', async (_name, query, code) => {
      const answer = await post({ query });
      expect(answer.status).toBe(400);
      expect(codeOf(answer)).toBe(code);
      expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ locations: [{ line: 1 }] }] });
    });

    it('a document that is nested beyond all measure', async () => {
      for (const query of [
        `{${'a{'.repeat(20_000)}`,
        `{ events(first: ${'['.repeat(40_000)}) { nodes { cursor } } }`,
      ]) {
        const answer = await post({ query });
        expect(answer.status).toBeLessThan(500);
        expect(JSON.parse(answer.text)).toHaveProperty('errors');
      }
    });

    it('wrong variables', async () => {
      const query = 'query ($first: Int) { events(first: $first) { nodes { cursor } } }';
      const answer = await post({ query, variables: { first: 'many' } });
      expect(answer.status).toBe(400);
      expect(codeOf(answer)).toBe('BAD_REQUEST');
    });
  });

  describe('what is compressed', () => {
    it.each(['/graphql', '/webhooks/github', '/webhooks/cloudevents'])(
      'is not unpacked: a body for %s',
      async (path) => {
        const body = gzipSync(JSON.stringify({ query: announcement }));
        for (const encoding of ['gzip', 'br', 'deflate', 'identity, gzip', 'nonsense']) {
          const headers = authorized({ 'content-encoding': encoding });
          const answer = await send(`${server.url}${path}`, { headers, body });
          expect(answer.status).toBe(415);
          expect(codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE');
        }
      },
    );

    it('is not what says that it is as it is', async () => {
      for (const encoding of ['identity', 'Identity', ''])
        expect(
          (await post({ query: '{ viewer { userId } }' }, { 'content-encoding': encoding })).status,
        ).toBe(200);
    });
  });

  describe('what is too large', () => {
    it('is refused before it is read: a body of 10 MB', async () => {
      const headers = `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokenFor()}\r\ncontent-type: application/json\r\ncontent-length: 10000000\r\n\r\n`;
      const answer = await sendRaw(server.url, headers, '{"query":"');
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toContain('PAYLOAD_TOO_LARGE');
    });

    it('is refused as soon as it shows, and not listened to for long: a body that never ends', async () => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname);
      let answer = '';
      socket.on('data', (part) => (answer += String(part)));
      socket.write(
        `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokenFor()}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
      await new Promise((resolve) => {
        const writing = setInterval(() => socket.write(chunk), 20);
        socket.on('error', () => undefined);
        socket.on('close', resolve);
        socket.on('close', () => clearInterval(writing));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toContain('PAYLOAD_TOO_LARGE');
    });

    it.concurrent.each([
      ['POST', '/graphql', 401],
      ['POST', '/nowhere', 404],
      ['POST', '/session', 401],
      ['PUT', '/graphql', 405],
      ['GET', '/health', 200],
      ['GET', '/', 200],
      ['OPTIONS', '/graphql', 204],
    ])('is not listened to for long where nobody cares for it: %s %s', async (method, path, status) => {
      const { hostname, port } = new URL(server.url);
      const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
      let answer = '';
      socket.on('data', (part) => (answer += String(part)));
      socket.on('error', () => undefined);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write(
        `${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\n\r\n`,
      );
      // More than the system keeps of what nobody reads, and what is read until a client has noticed.
      const most = 64 * 1_024 * 1_024;
      const piece = Buffer.alloc(65_536, ' ');
      while (socket.writable && socket.bytesWritten < most)
        if (!socket.write(piece))
          await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
      expect(socket.bytesWritten).toBeLessThan(most);
      await closed;
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    });

    it('is told so to a client that sends all of it', async () => {
      const body = Buffer.alloc(10_000_000, 'x');
      for (const headers of [
        { 'content-length': String(body.length) },
        { 'transfer-encoding': 'chunked' },
      ] as Record<string, string>[]) {
        const answer = await send(server.graphqlUrl, { headers: authorized(headers), body });
        expect(answer.status).toBe(413);
        expect(codeOf(answer)).toBe('PAYLOAD_TOO_LARGE');
      }
      const fetched = await fetch(server.graphqlUrl, { method: 'POST', headers: authorized(), body });
      expect(fetched.status).toBe(413);
    });

    it('is told so to a client that sends all of it, in small pieces, before it looks for an answer', async () => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname).pause();
      socket.write(
        `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokenFor()}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      const chunk = `2000\r\n${'x'.repeat(8_192)}\r\n`;
      const chunks = Array.from({ length: 1_200 }, () => chunk);
      await pipeline(Readable.from([...chunks, '0\r\n\r\n']), socket, { end: false });
      let answer = '';
      for await (const part of socket) answer += String(part);
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toContain('PAYLOAD_TOO_LARGE');
    });

    it('is refused as a header, too', async () => {
      expect((await post({ query: '{ viewer { userId } }' }, { 'x-large': 'x'.repeat(20_000) })).status).toBe(
        431,
      );
    });

    it('makes room for others where all that has not come whole is too much: the one that has taken longest', async () => {
      await using small = await TestServer.start({ limits: { unfinishedBytes: 1_000_000 } });
      const { hostname, port } = new URL(small.url);
      const begin = (path: string, length: number, sent: number): Promise<string> => {
        const socket = connect(Number(port), hostname);
        const answered = once(socket, 'data').then(([answer]) => {
          socket.destroy();
          return String(answer);
        });
        const headers = `authorization: Bearer ${tokenFor()}\r\ncontent-type: application/json\r\ncontent-length: ${length}`;
        socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n`);
        socket.write(Buffer.alloc(sent, ' '));
        return answered;
      };
      const begun = async (
        path: string,
        length: number,
        sent: number,
      ): Promise<{ readonly answer: Promise<string> }> => {
        const answer = begin(path, length, sent);
        // By the time that who comes behind is answered it has been read.
        await begin('/webhooks/github', 10, 10);
        return { answer };
      };
      // None of them ever comes whole, and nobody knows whether it would be signed.
      const slow = [await begun('/webhooks/github', 900_000, 600_000)];
      for (let count = 0; count < 20; count++)
        slow.push(await begun(count % 2 === 0 ? '/webhooks/github' : '/graphql', 250_000, 100_000));
      const [first, ...others] = slow;
      expect(await first!.answer).toMatch(/^HTTP\/1\.1 503 [^]*"OVERLOADED"/);
      // Whoever sends all of it is answered.
      for (const length of [100, 200_000, 700_000])
        expect(await begin('/webhooks/github', length, length)).toMatch(/^HTTP\/1\.1 401 /);
      expect(await begin('/graphql', 200_000, 200_000)).toMatch(/^HTTP\/1\.1 400 /);
      for (const { answer } of others.slice(0, 10)) expect(await answer).toMatch(/^HTTP\/1\.1 503 /);
    });

    it('is refused as a webhook, too', async () => {
      const headers =
        'POST /webhooks/github HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 30000000\r\n\r\n';
      expect(await sendRaw(server.url, headers)).toMatch(/^HTTP\/1\.1 413 /);
    });
  });

  it('a token in the URL is refused, whatever it is called and wherever', async () => {
    const query = encodeURIComponent('{ viewer { userId } }');
    for (const name of ['token', 'access_token', 'authorization', 'Authorization', 'TOKEN']) {
      for (const path of [`/graphql?query=${query}&`, '/graphql?', '/session?', '/health?']) {
        const answer = await send(`${server.url}${path}${name}=${tokenFor()}`, {
          method: path === '/session?' ? 'POST' : 'GET',
          headers: authorized({ accept: 'text/html,application/json' }),
        });
        expect(answer.status).toBe(400);
        expect(codeOf(answer)).toBe('BAD_REQUEST');
        expect(answer.headers['set-cookie']).toBeUndefined();
      }
    }
  });

  describe('a session', () => {
    const session = async (headers: Record<string, string>): Promise<Sent> =>
      send(`${server.url}/session`, { headers });

    it('is a cookie that scripts and other sites get nothing of, and that lives as long as the token', async () => {
      const token = tokenFor({}, 600);
      const answer = await session({ authorization: `Bearer ${token}` });
      expect(answer.status).toBe(204);
      const [cookie = ''] = answer.headers['set-cookie'] ?? [];
      const [pair, ...flags] = cookie.split('; ');
      expect(pair).toBe(`tidings_session=${token}`);
      expect(flags).toEqual(expect.arrayContaining(['Path=/', 'HttpOnly', 'SameSite=Strict']));
      const age = Number(/Max-Age=(\d+)/.exec(cookie)?.[1]);
      expect(age).toBeGreaterThan(500);
      expect(age).toBeLessThanOrEqual(600);
      expect(flags).not.toContain('Secure');
    });

    it('goes over TLS only where it was opened over TLS', async () => {
      const answer = await session({ authorization: `Bearer ${tokenFor()}`, 'x-forwarded-proto': 'https' });
      expect(answer.headers['set-cookie']?.[0]).toContain('; Secure');
    });

    it('stands in for the token', async () => {
      const answer = await send(server.graphqlUrl, {
        headers: {
          'content-type': 'application/json',
          cookie: `other=1; tidings_session=${tokenFor({ sub: 'eve' })}`,
        },
        body: '{"query":"{ viewer { userId } }"}',
      });
      expect(JSON.parse(answer.text)).toEqual({ data: { viewer: { userId: 'eve' } } });
    });

    it('needs a valid token', async () => {
      for (const headers of [{}, { authorization: 'Bearer nonsense' }, { authorization: 'Basic eDp5' }]) {
        const answer = await session(headers);
        expect(answer.status).toBe(401);
        expect(answer.headers['set-cookie']).toBeUndefined();
      }
    });

    it('is ended by DELETE', async () => {
      const answer = await send(`${server.url}/session`, { method: 'DELETE' });
      expect(answer.status).toBe(204);
      expect(answer.headers['set-cookie']?.[0]).toMatch(/^tidings_session=; .*Max-Age=0/);
    });
  });

  it('what is forbidden is told as such where nothing else is in the answer', async () => {
    const token = tokenFor({ projects: ['one'], scope: 'read' });
    const { status, errors } = await server.query('{ stats { uptimeSeconds } }', undefined, { token });
    expect(status).toBe(403);
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN');
  });

  describe('GraphiQL', () => {
    let development: TestServer;
    beforeAll(async () => {
      development = await TestServer.start({ environment: { JWT_SECRET: '' } });
    });
    afterAll(async () => development[Symbol.asyncDispose]());
    const page = async (
      of: TestServer,
      headers: Record<string, string> = {},
      method = 'GET',
    ): Promise<Sent> => send(of.graphqlUrl, { method, headers: { accept: 'text/html', ...headers } });

    it('has the token of development mode, but not where a foreign name leads to the server', async () => {
      const token = development.gateway.developmentToken!;
      const { port } = new URL(development.url);
      const [local, foreign] = [await page(development), await page(development, { host: 'evil.example' })];
      expect(local.text).toContain(token);
      expect(foreign.status).toBe(200);
      expect(foreign.text).not.toContain(token);
      expect(foreign.text).toContain('<your token>');
      // It is large: its ETag says which one it is.
      const etagFor = async (host: string): Promise<string | undefined> =>
        (await page(development, { host }, 'HEAD')).headers.etag;
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, '[::1]']) {
        expect(await etagFor(host)).toBe(local.headers.etag);
      }
      for (const host of [`evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example']) {
        expect(await etagFor(host)).toBe(foreign.headers.etag);
      }
    });

    it('is sent once, and compressed to those who understand it', async () => {
      const { headers } = await page(server, { 'accept-encoding': 'gzip' }, 'HEAD');
      expect(headers['content-encoding']).toBe('gzip');
      expect(Number(headers['content-length'])).toBeLessThan(4_000_000);
      const again = await page(server, { 'if-none-match': headers.etag! });
      expect(again.status).toBe(304);
      expect(again.text).toBe('');
    });

    it('is not sent, nor compressed, to those who name that only to say that they do not take it', async () => {
      for (const accept of ['text/html;q=0', 'application/json, text/html; q=0.0']) {
        const answer = await page(server, { accept });
        expect([answer.status, answer.headers['content-type']]).toEqual([
          401,
          'application/json; charset=utf-8',
        ]);
      }
      const plain = await page(server, { 'accept-encoding': 'br, gzip;q=0' }, 'HEAD');
      expect(plain.headers['content-encoding']).toBeUndefined();
    });
  });

  describe('when the store fails', () => {
    const failing = async (error: Error): Promise<TestServer> =>
      TestServer.start({
        aroundStore: (store) =>
          new Proxy(store, {
            get(target, name: keyof EventStore) {
              if (name === 'close') return target.close.bind(target);
              return async () => {
                throw error;
              };
            },
          }),
      });

    it('an error that nobody expected is hidden', async () => {
      await using broken = await failing(new Error('password of the database: swordfish'));
      const { status, errors } = await broken.query('{ stats { headCursor } }');
      expect(status).toBe(200);
      expect(errors).toEqual([
        {
          message: errorCatalogue.INTERNAL_SERVER_ERROR.message,
          locations: expect.any(Array),
          path: ['stats'],
          extensions: { code: 'INTERNAL_SERVER_ERROR' },
        },
      ]);
      const mutation = await broken.query(announcement);
      expect(JSON.stringify(mutation)).not.toContain('swordfish');
      expect(mutation.errors?.[0]?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    });

    it('it is unavailable, and so is the server, which is alive nevertheless', async () => {
      await using away = await failing(storeUnavailable());
      const mutation = await away.query(announcement);
      expect(mutation.status).toBe(503);
      expect(mutation.errors?.[0]?.extensions['code']).toBe('STORE_UNAVAILABLE');
      const partly = await away.query('{ serverInfo { developmentMode } project(id: "p") { id } }');
      expect(partly.status).toBe(200);
      expect(partly.data).toEqual({ serverInfo: { developmentMode: false }, project: null });
      expect(partly.errors?.[0]?.extensions['code']).toBe('STORE_UNAVAILABLE');
      const ready = await send(`${away.url}/ready`, { method: 'GET' });
      expect(ready.status).toBe(503);
      expect(codeOf(ready)).toBe('STORE_UNAVAILABLE');
      expect((await send(`${away.url}/health`, { method: 'GET' })).status).toBe(200);
    });
  });

  describe('a client that asks and takes no answer', () => {
    it('is not asked what it wants next', async () => {
      let [underWay, most, reads] = [0, 0, 0];
      await using own = await TestServer.start({
        aroundStore: (store) =>
          altered(store, {
            readBefore: async (...args) => {
              reads += 1;
              most = Math.max(most, ++underWay);
              return store.readBefore(...args).finally(() => (underWay -= 1));
            },
          }),
      });
      const query = new URLSearchParams({ query: '{ events(last: 1) { nodes { type } } }' });
      const line = `GET /graphql?${query} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokenFor()}\r\n\r\n`;
      const socket = connect(Number(new URL(own.url).port), '127.0.0.1');
      let answers = '';
      socket.on('data', (part) => (answers += String(part)));
      socket.write(line.repeat(20));
      await expect.poll(() => answers.split('HTTP/1.1 200 OK').length).toBe(21);
      socket.destroy();
      expect([reads, most]).toEqual([20, 1]);
    });

    it('is not waited for', async () => {
      await using own = await TestServer.start({ limits: { silenceMs: 1_000 } });
      // The page is made when it is first asked for.
      await (await fetch(own.graphqlUrl, { headers: { accept: 'text/html' } })).text();
      const accepted = new Promise<Socket>((resolve) =>
        subscribe('net.server.socket', (message) => resolve((message as { socket: Socket }).socket)),
      );
      const client = connect(Number(new URL(own.url).port), '127.0.0.1');
      client.pause();
      // It is more than the system keeps of what nobody reads.
      client.write('GET /graphql HTTP/1.1\r\nhost: x\r\naccept: text/html\r\n\r\n');
      await once(await accepted, 'close');
      let answer = '';
      client.on('data', (part) => (answer += part.toString('latin1')));
      client.resume();
      await once(client, 'close');
      const [, length] = /^content-length: (\d+)/im.exec(answer)!;
      expect(answer.length).toBeLessThan(Number(length));
    });
  });

  it('whoever offers to go on in another protocol is answered in this one, time and again', async () => {
    const offer = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB';
    const body = JSON.stringify({ query: '{ viewer { userId } }' });
    const headers = `host: x\r\n${offer}\r\nauthorization: Bearer ${tokenFor()}\r\ncontent-type: application/json`;
    const asked = `POST /graphql HTTP/1.1\r\n${headers}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    let answers = '';
    socket.on('data', (part) => (answers += String(part)));
    for (const [sent, answer] of [
      [`GET /health HTTP/1.1\r\nhost: x\r\n${offer}\r\n\r\n`, '{"status":"ok"}'],
      [asked, '{"data":{"viewer":{"userId":"tester"}}}'],
      [asked, '{"data":{"viewer":{"userId":"tester"}}}'],
    ] as const) {
      answers = '';
      socket.write(sent);
      await expect.poll(() => answers).toContain(answer);
      expect(answers).toMatch(/^HTTP\/1\.1 200 OK/);
    }
    socket.destroy();
  });

  it('the server is ready', async () => {
    expect((await send(`${server.url}/ready`, { method: 'GET' })).status).toBe(200);
  });

  describe('a URL that is none', () => {
    it.each([
      ['GET //[ HTTP/1.1', 400],
      ['GET http://[ HTTP/1.1', 400],
      ['GET /nothing HTTP/1.1', 404],
      ['GET /__proto__ HTTP/1.1', 404],
      ['GET /constructor HTTP/1.1', 404],
      ['GET /graphql/ HTTP/1.1', 404],
      ['GET /x/health HTTP/1.1', 404],
      ['GET /%E0%A4%A HTTP/1.1', 404],
      ['GET /graphql?query=%E0%A4%A HTTP/1.1', 401],
      ['OPTIONS * HTTP/1.1', 404],
      ['GET / HTTP/9.9', 400],
      ['nonsense', 400],
      ['constructor /graphql HTTP/1.1', 400],
    ])('is answered: %s', async (line, status) => {
      const answer = await sendRaw(server.url, `${line}\r\nhost: x\r\nconnection: close\r\n\r\n`);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    });

    it('does no harm to an upgrade either', async () => {
      const upgrade = 'host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
      expect(await sendRaw(server.url, `GET //[ HTTP/1.1\r\n${upgrade}`)).toMatch(/^HTTP\/1\.1 400 /);
      expect(await sendRaw(server.url, `GET /nothing HTTP/1.1\r\n${upgrade}`)).toMatch(/^HTTP\/1\.1 404 /);
      expect(await sendRaw(server.url, `GET /graphql HTTP/1.1\r\n${upgrade}`)).toMatch(/^HTTP\/1\.1 400 /);
    });
  });

  it('the server is alive after all of it', async () => {
    const { viewer } = await server.run<{ viewer: unknown }, unknown>('{ viewer { userId } }');
    expect(viewer).toEqual({ userId: 'tester' });
  });
});
