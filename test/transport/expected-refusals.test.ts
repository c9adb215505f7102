/** What closes a socket or refuses a request, whatever it is about: the rows of the table of expected answers that no operation is asked for. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer, tokenFor } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';

let server: TestServer;
beforeAll(async () => (server = await TestServer.start()));
afterAll(async () => server[Symbol.asyncDispose]());

const announce = 'mutation { announce(input: { message: "hello" }) { cursor } }';

/** What makes a socket close, whatever it speaks. */
const closes: readonly {
  readonly name: string;
  readonly code: number;
  readonly send: (socket: TestSocket) => void;
}[] = [
  { name: 'a message of 64 KiB and a byte', code: 1009, send: (socket) => socket.send(' '.repeat(65_537)) },
  {
    name: 'a message in 65 fragments',
    code: 1008,
    send: ({ socket }) => Array.from({ length: 65 }, () => socket.send(' ', { fin: false })),
  },
  {
    name: 'a text that is no UTF-8',
    code: 1007,
    send: ({ socket }) => socket.send(Buffer.from([0x7b, 0xff, 0xfe]), { binary: false }),
  },
  {
    name: 'a second connection_init',
    code: 4429,
    send: (socket) => socket.send({ type: 'connection_init' }),
  },
];

describe.each([
  { protocol: 'graphql-transport-ws', start: 'subscribe' },
  { protocol: 'graphql-ws', start: 'start' },
])('a socket of $protocol', ({ protocol, start }) => {
  const open = async (url = server.webSocketUrl): Promise<TestSocket> => {
    const socket = new TestSocket(url, { protocol });
    await socket.opened();
    return socket;
  };
  const admitted = async (): Promise<TestSocket> => {
    const socket = await open();
    socket.send({ type: 'connection_init', payload: { token: tokenFor() } });
    expect((await socket.receive()).type).toBe('connection_ack');
    return socket;
  };

  it.each(closes)('is closed with $code after $name', async ({ code, send }) => {
    using socket = await admitted();
    send(socket);
    expect((await socket.closed).code).toBe(code);
  });

  it('is not closed for a message of 64 KiB, or one in 64 fragments', async () => {
    using socket = await admitted();
    const message = JSON.stringify({ id: '1', type: start, payload: { query: '{ __typename }' } }).padEnd(
      100,
    );
    socket.send(message.padEnd(65_536));
    for (const type of ['complete', 'complete']) {
      for (;;) if ((await socket.receive()).type === type) break;
      // The same once more, in parts.
      Array.from(message, (character, at) => at)
        .filter((at) => at < 64)
        .forEach((at) =>
          socket.socket.send(at === 63 ? message.slice(63) : message[at]!, { fin: at === 63 }),
        );
    }
  });

  it('is closed with 4408 when it says nothing, and with 4403 when its token is none, is over, or ends', async () => {
    await using impatient = await TestServer.start({ limits: { initTimeoutMs: 50 } });
    using silent = await open(impatient.webSocketUrl);
    expect((await silent.closed).code).toBe(4408);
    for (const token of ['nonsense', tokenFor({}, -1), undefined]) {
      using socket = await open();
      socket.send({ type: 'connection_init', payload: { token } });
      expect((await socket.closed).code).toBe(4403);
    }
    using passing = await open();
    passing.send({ type: 'connection_init', payload: { token: tokenFor({}, 1) } });
    expect((await passing.closed).code).toBe(4403);
  });

  it('has room for 100 operations, and refuses one more', async () => {
    await using own = await TestServer.start({ environment: { LIMIT_OPERATIONS: '100' } });
    using socket = await open(own.webSocketUrl);
    socket.send({ type: 'connection_init', payload: { token: tokenFor() } });
    expect((await socket.receive()).type).toBe('connection_ack');
    const query = 'subscription { announcement { message } }';
    for (let id = 1; id <= 101; id++) socket.send({ id: String(id), type: start, payload: { query } });
    for (;;) {
      const { type, id, payload } = await socket.receive();
      if (type !== 'error') continue;
      expect(id).toBe('101');
      expect(JSON.stringify(payload)).toContain('TOO_MANY_SUBSCRIPTIONS');
      break;
    }
  });

  it.each([
    ['a foreign origin', '/graphql', { origin: 'https://evil.example' }, 403],
    ['the origin of a file', '/graphql', { origin: 'null' }, 403],
    ['a token in its URL', '/graphql?access_token=x', {}, 400],
    ['another path', '/other', {}, 404],
    ['a header that is too large', '/graphql', { 'x-large': 'x'.repeat(20_000) }, 431],
  ] as const)('is refused with %s', async (_name, path, headers, status) => {
    using socket = new TestSocket(server.webSocketUrl.replace('/graphql', path), {
      protocol,
      headers,
    });
    const [, response] = (await once(socket.socket, 'unexpected-response')) as [
      unknown,
      { statusCode: number },
    ];
    expect(response.statusCode).toBe(status);
  });
});

/** What is refused before anything of a request is read, wherever it asks for. */
const accepts = [
  'application/json',
  'text/event-stream',
  'multipart/mixed;subscriptionSpec=1.0,application/json',
];
const json = { 'content-type': 'application/json', authorization: `Bearer ${tokenFor()}` };
const requests: readonly (readonly [
  string,
  string,
  Omit<RequestInit, 'headers'> & { readonly headers: Record<string, string> },
  number,
])[] = [
  ['broken JSON', '/graphql', { method: 'POST', headers: json, body: '{' }, 400],
  [
    'a key __proto__',
    '/graphql',
    { method: 'POST', headers: json, body: '{"query":"{ __typename }","__proto__":{}}' },
    400,
  ],
  [
    'a list, as in batches',
    '/graphql',
    { method: 'POST', headers: json, body: '[{"query":"{ __typename }"}]' },
    400,
  ],
  [
    'a body of 256 KiB and a byte',
    '/graphql',
    { method: 'POST', headers: json, body: ' '.repeat(262_145) },
    413,
  ],
  [
    'a form',
    '/graphql',
    {
      method: 'POST',
      headers: { ...json, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'query=x',
    },
    415,
  ],
  [
    'plain text',
    '/graphql',
    {
      method: 'POST',
      headers: { ...json, 'content-type': 'text/plain' },
      body: JSON.stringify({ query: announce }),
    },
    415,
  ],
  ['a mutation by GET', `/graphql?query=${encodeURIComponent(announce)}`, { headers: json }, 405],
  ['PUT', '/graphql', { method: 'PUT', headers: json, body: '{"query":"{ __typename }"}' }, 405],
  ['a token in the URL', `/graphql?token=x&query={__typename}`, { headers: json }, 400],
  ['a header that is too large', '/graphql', { headers: { ...json, 'x-large': 'x'.repeat(20_000) } }, 431],
  [
    'no token',
    '/graphql',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{ __typename }"}' },
    401,
  ],
];

describe.each(accepts)('a request that accepts %s', (accept) => {
  const headCursor = async (): Promise<unknown> => server.run('{ stats { headCursor } }');

  it.each(requests)(
    'with %s is answered so, and nothing is executed',
    async (_name, path, { headers, ...init }, status) => {
      const before = await headCursor();
      const response = await fetch(`${server.url}${path}`, { ...init, headers: { ...headers, accept } });
      expect(response.status).toBe(status);
      expect(await headCursor()).toEqual(before);
    },
  );

  it('from a page of a foreign origin is answered without a word about CORS', async () => {
    const body = '{"query":"{ __typename }"}';
    const headers = { ...json, accept, origin: 'https://evil.example' };
    const response = await fetch(server.graphqlUrl, { method: 'POST', headers, body });
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});
