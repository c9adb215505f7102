/** What closes a socket or refuses a request, whatever it is about: the rows of the table of expected answers that no operation is asked for. */
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
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

  // The older subprotocol lets operations wait for the acknowledgement, and another one may take their id.
  if (start === 'subscribe')
    it('is closed with 4401 when it asks before it is admitted', async () => {
      using socket = await open();
      socket.send({ id: '1', type: start, payload: { query: '{ __typename }' } });
      expect((await socket.closed).code).toBe(4401);
    });

  if (start === 'subscribe')
    it('is closed with 4409 when it uses an id twice', async () => {
      using socket = await admitted();
      const query = 'subscription { announcement { message } }';
      for (let count = 0; count < 2; count++) socket.send({ id: '1', type: start, payload: { query } });
      expect((await socket.closed).code).toBe(4409);
    });

  it('has room for 100 operations, and refuses one more', async () => {
    await using own = await TestServer.start({ isLimited: true });
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

/** What is refused before anything of a request is executed, whatever it asks for. */
const accepts = [
  'application/json',
  'text/event-stream',
  'multipart/mixed;subscriptionSpec=1.0,application/json',
];
type ToSend = Omit<RequestInit, 'headers'> & { readonly headers: Readonly<Record<string, string>> };
const outcomeOf = async (response: Response): Promise<string> => {
  const code = /"code":"(\w+)"/.exec(await response.text())?.[1];
  return [response.status, code].filter((part) => part !== undefined).join(' ');
};
const json = { 'content-type': 'application/json', authorization: `Bearer ${tokenFor()}` };
const asked = JSON.stringify({ query: announce });
const form = `--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n${asked}\r\n--x--\r\n`;
const compressed = { ...json, 'content-encoding': 'gzip' };
const post = (body: BodyInit, headers: Readonly<Record<string, string>> = json): ToSend => ({
  method: 'POST',
  headers,
  body,
});
const typed = (type: string): Readonly<Record<string, string>> => ({ ...json, 'content-type': type });
/** Each would publish something, if it were executed. */
const requests: readonly (readonly [name: string, path: string, ToSend, outcome: string])[] = [
  ['broken JSON', '/graphql', post(asked.slice(1)), '400 BAD_REQUEST'],
  ['a key __proto__', '/graphql', post(`${asked.slice(0, -1)},"__proto__":{}}`), '400 BAD_REQUEST'],
  ['a list, as in batches', '/graphql', post(`[${asked}]`), '400 BAD_REQUEST'],
  ['a body of 256 KiB and a byte', '/graphql', post(asked.padEnd(262_145)), '413 PAYLOAD_TOO_LARGE'],
  ['a compressed body', '/graphql', post(gzipSync(asked), compressed), '415 UNSUPPORTED_MEDIA_TYPE'],
  [
    'a form',
    '/graphql',
    post(new URLSearchParams({ query: announce }), typed('application/x-www-form-urlencoded')),
    '415 UNSUPPORTED_MEDIA_TYPE',
  ],
  [
    'a form in parts',
    '/graphql',
    post(form, typed('multipart/form-data; boundary=x')),
    '415 UNSUPPORTED_MEDIA_TYPE',
  ],
  ['plain text', '/graphql', post(asked, typed('text/plain')), '415 UNSUPPORTED_MEDIA_TYPE'],
  [
    'a mutation by GET',
    `/graphql?query=${encodeURIComponent(announce)}`,
    { headers: json },
    '405 METHOD_NOT_ALLOWED',
  ],
  ['PUT', '/graphql', { ...post(asked), method: 'PUT' }, '405 METHOD_NOT_ALLOWED'],
  ['a token in the URL', '/graphql?token=x', post(asked), '400 BAD_REQUEST'],
  ['a header that is too large', '/graphql', post(asked, { ...json, 'x-large': 'x'.repeat(20_000) }), '431'],
  ['no token', '/graphql', post(asked, { 'content-type': 'application/json' }), '401 UNAUTHENTICATED'],
];

describe.each(accepts)('a request that accepts %s', (accept) => {
  const headCursor = async (): Promise<unknown> => server.run('{ stats { headCursor } }');

  it.each(requests)(
    'with %s is answered so, and nothing is executed',
    async (_name, path, { headers, ...init }, outcome) => {
      const before = await headCursor();
      const response = await fetch(`${server.url}${path}`, { ...init, headers: { ...headers, accept } });
      expect(await outcomeOf(response)).toBe(outcome);
      expect(await headCursor()).toEqual(before);
    },
  );

  it('with a body of 256 KiB is executed', async () => {
    const response = await fetch(server.graphqlUrl, {
      ...post(asked.padEnd(262_144)),
      headers: { ...json, accept },
    });
    expect(await response.text()).toContain('"data":{"announce":{"cursor":"');
  });

  it('from a page of a foreign origin is answered without a word about CORS', async () => {
    const body = '{"query":"{ __typename }"}';
    const headers = { ...json, accept, origin: 'https://evil.example' };
    const response = await fetch(server.graphqlUrl, { method: 'POST', headers, body });
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});
