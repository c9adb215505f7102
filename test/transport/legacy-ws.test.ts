import jwt from 'jsonwebtoken';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AnnounceDocument, StatsDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';

const announcements = 'subscription ($after: Cursor) { announcement(after: $after) { cursor message } }';
const projects = (id: string) => `subscription { projectUpdated(projectId: "${id}") { project { name } } }`;
const viewer = '{ viewer { userId } }';
const ack = { type: 'connection_ack' };
const ka = { type: 'ka' };

/** The one error that a message of the protocol has as its payload. */
const errorOf = (message: Message, type = 'error') => {
  expect(message.type).toBe(type);
  return message.payload as { message: string; extensions: Record<string, unknown>; errors?: unknown[] };
};
const codeOf = (message: Message): unknown => errorOf(message).extensions['code'];
const announced = (message: Message): unknown =>
  (dataOf(message)['announcement'] as { message: unknown }).message;

describe('over the legacy graphql-ws', () => {
  let server: TestServer;
  const sockets: TestSocket[] = [];

  beforeAll(async () => {
    server = await TestServer.start({ limits: { operationsPerConnection: 3 } });
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket[Symbol.dispose]();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const announce = async (message: string): Promise<string> =>
    (await server.run(AnnounceDocument, { input: { message } })).announce.cursor;
  const subscriptions = async (): Promise<number> =>
    (await server.run(StatsDocument)).stats.subscriptions.reduce((sum, { count }) => sum + count, 0);

  const open = async (
    protocol: string[] = ['graphql-ws'],
    url = server.webSocketUrl,
  ): Promise<TestSocket> => {
    const socket = new TestSocket(url, { protocol });
    sockets.push(socket);
    await socket.opened();
    return socket;
  };
  /** A socket that has been acknowledged. */
  const connected = async (token = tokenFor(), url = server.webSocketUrl): Promise<TestSocket> => {
    const socket = await open(['graphql-ws'], url);
    socket.send({ type: 'connection_init', payload: { token } });
    expect(await socket.receiveMany(2)).toEqual([ack, ka]);
    return socket;
  };
  const start = (socket: TestSocket, id: string, query: string, variables = {}): void =>
    socket.send({ type: 'start', id, payload: { query, variables } });
  /** Everything that was sent before, and all that the server answers at once: the query's answer comes behind it. */
  const settled = async (socket: TestSocket): Promise<Message[]> => {
    const id = `settled ${Math.random()}`;
    start(socket, id, viewer);
    const messages: Message[] = [];
    for (let message = await socket.receive(); ; message = await socket.receive()) {
      if (message.id === id && message.type === 'complete') return messages;
      if (message.id !== id && message.type !== 'ka') messages.push(message);
    }
  };

  describe('the subprotocol', () => {
    it.each([
      ['graphql-transport-ws', ['graphql-ws', 'graphql-transport-ws'], 'graphql-transport-ws'],
      ['graphql-transport-ws', ['graphql-transport-ws', 'graphql-ws'], 'graphql-transport-ws'],
      ['the legacy one', ['graphql-ws'], 'graphql-ws'],
      ['the legacy one', ['something', 'graphql-ws'], 'graphql-ws'],
      ['the legacy one, which is not echoed,', [], ''],
    ])('is %s for clients that offer %j', async (_name, offered, echoed) => {
      const socket = await open(offered);
      expect(socket.socket.protocol).toBe(echoed);
      socket.send({ type: 'connection_init', payload: { token: tokenFor() } });
      const isLegacy = echoed !== 'graphql-transport-ws';
      expect(await socket.receive()).toMatchObject(ack);
      socket.send({ type: isLegacy ? 'start' : 'subscribe', id: '1', payload: { query: viewer } });
      const types = (await socket.receiveMany(isLegacy ? 3 : 2)).map(({ type }) => type);
      expect(types).toEqual(isLegacy ? ['ka', 'data', 'complete'] : ['next', 'complete']);
    });

    it('is refused where only others are offered', async () => {
      const socket = new TestSocket(server.webSocketUrl, { protocol: ['mqtt'] });
      sockets.push(socket);
      const [error] = (await once(socket.socket, 'error')) as [Error];
      expect(error.message).toBe('Server sent no subprotocol');
    });
  });

  describe('the Dart clients', () => {
    const id = '01020304-0506-4708-890a-0b0c0d0e0f10';
    const query = 'subscription {\n  announcement {\n    message\n  }\n}';
    const payload = { operationName: null, variables: {}, query };

    it('graphql_flutter gets its frames: it starts in the same tick, and echoes the end with a stop', async () => {
      const socket = await open();
      socket.send({
        type: 'connection_init',
        payload: { headers: { Authorization: `Bearer ${tokenFor()}` } },
      });
      socket.send({ type: 'start', id, payload });
      expect(await socket.receive()).toEqual(ack);
      expect(await socket.receive()).toEqual(ka);
      await until(async () => (await subscriptions()) === 1);
      await announce('one');
      await announce('two');
      for (const message of ['one', 'two'])
        expect(await socket.receive()).toEqual({
          type: 'data',
          id,
          payload: { data: { announcement: { message } } },
        });
      socket.send({ type: 'stop', id });
      socket.send({ type: 'stop', id });
      await until(async () => (await subscriptions()) === 0);
      const queryId = '01020304-0506-4708-890a-0b0c0d0e0f11';
      const request = { operationName: 'V', variables: {}, query: `query V ${viewer}` };
      socket.send({ type: 'start', id: queryId, payload: request });
      expect(await socket.receive()).toEqual({
        type: 'data',
        id: queryId,
        payload: { data: { viewer: { userId: 'tester' } } },
      });
      expect(await socket.receive()).toEqual({ type: 'complete', id: queryId });
      socket.send({ type: 'stop', id: queryId });
      expect(await settled(socket)).toEqual([]);
    });

    it('graphql_flutter is the same operation to us when it comes back with its id', async () => {
      for (const message of ['before', 'after']) {
        const socket = await open();
        socket.send({ type: 'connection_init', payload: { Authorization: `Bearer ${tokenFor()}` } });
        socket.send({ type: 'start', id, payload });
        expect(await socket.receiveMany(2)).toEqual([ack, ka]);
        await until(async () => (await subscriptions()) === 1);
        await announce(message);
        expect(await socket.receive()).toEqual({
          type: 'data',
          id,
          payload: { data: { announcement: { message } } },
        });
        socket.socket.close(1000);
        await until(async () => (await subscriptions()) === 0);
      }
    });

    it('WebSocketLink of gql, which offers no subprotocol, starts behind the first frame, at times twice', async () => {
      const socket = await open([]);
      socket.send({ type: 'connection_init', payload: { token: tokenFor() } });
      expect(await socket.receive()).toEqual(ack);
      socket.send({ type: 'start', id, payload });
      socket.send({ type: 'start', id, payload });
      expect(await socket.receive()).toEqual(ka);
      await until(async () => (await subscriptions()) === 1);
      await announce('once');
      expect(await socket.receive()).toEqual({
        type: 'data',
        id,
        payload: { data: { announcement: { message: 'once' } } },
      });
      expect(await settled(socket)).toEqual([]);
    });
  });

  describe('a connection', () => {
    it('is kept alive by messages of the protocol, also while there is data', async () => {
      await using lively = await TestServer.start({ limits: { pingMs: 200 } });
      const socket = await connected(tokenFor(), lively.webSocketUrl);
      start(socket, '1', announcements);
      let keepAlives = 0;
      let data = 0;
      while (keepAlives < 5 || data < 5) {
        const { type } = await socket.receive();
        if (type === 'ka') keepAlives++;
        else data++;
        await lively.run(AnnounceDocument, { input: { message: type } });
      }
    });

    it('may start operations before it says who it is: they begin behind the acknowledgement', async () => {
      const after = await announce('start');
      await announce('next');
      const socket = await open();
      start(socket, '1', announcements, { after });
      start(socket, '2', viewer);
      start(socket, '3', viewer);
      socket.send({ type: 'stop', id: '3' });
      socket.send({ type: 'connection_init', payload: { token: tokenFor() } });
      expect(await socket.receiveMany(2)).toEqual([ack, ka]);
      const messages = await socket.receiveMany(3);
      expect(messages.map(({ type, id }) => `${type} ${id}`).toSorted()).toEqual([
        'complete 2',
        'data 1',
        'data 2',
      ]);
      expect(await settled(socket)).toEqual([]);
    });

    it('that is refused hears why, as do its operations, those behind the refusal too, and ends with 4403', async () => {
      const socket = await open();
      start(socket, 'before', announcements);
      socket.send({ type: 'connection_init', payload: { token: 'nonsense' } });
      start(socket, 'behind', announcements);
      const [refusal, ...failures] = await socket.receiveMany(3);
      expect(errorOf(refusal!, 'connection_error').extensions).toEqual({ code: 'UNAUTHENTICATED' });
      expect(failures.map(({ id }) => id)).toEqual(['before', 'behind']);
      expect(failures.map(codeOf)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
      expect((await socket.closed).code).toBe(4403);
      expect(await subscriptions()).toBe(0);
    });

    it.each<[number, string, readonly unknown[]]>([
      [4400, 'what is no JSON, before anything else', ['nonsense']],
      [4400, 'JSON with a key __proto__', ['{"type":"connection_init","payload":{"__proto__":{}}}']],
      [
        4400,
        'JSON that is nested without end',
        [`{"type":"connection_init","payload":{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}}`],
      ],
      [4400, 'a message of no known type, before anything else', [{ type: 'subscribe', id: '1' }]],
      [
        4429,
        'a second connection_init',
        [
          { type: 'connection_init', payload: { token: tokenFor() } },
          { type: 'connection_init', payload: { token: tokenFor() } },
        ],
      ],
      [
        4401,
        'more operations before connection_init than are allowed',
        ['1', '2', '3', '4'].map((id) => ({ type: 'start', id, payload: { query: viewer } })),
      ],
      [1000, 'connection_terminate', [{ type: 'connection_terminate' }]],
    ])('is closed with %i after %s', async (code, _what, messages) => {
      const socket = await open();
      for (const message of messages) socket.send(message);
      expect((await socket.closed).code).toBe(code);
    });

    it('is closed with 4408 when it does not say who it is in time', async () => {
      await using impatient = await TestServer.start({ limits: { initTimeoutMs: 50 } });
      const socket = await open(['graphql-ws'], impatient.webSocketUrl);
      expect((await socket.closed).code).toBe(4408);
    });

    it('goes on after messages that nobody can understand', async () => {
      const socket = await connected();
      start(socket, '1', announcements, { after: await announce('start') });
      const messages = [
        'nonsense',
        [],
        1,
        'null',
        { type: 'subscribe', id: '1' },
        { type: 'start' },
        { type: 'stop' },
      ];
      for (const message of messages)
        socket.send(typeof message === 'string' ? message : JSON.stringify(message));
      for (const message of await socket.receiveMany(messages.length))
        expect(errorOf(message, 'connection_error').extensions).toEqual({ code: 'BAD_REQUEST' });
      socket.socket.send(Buffer.from(JSON.stringify({ type: 'stop', id: 'never heard of' })), {
        binary: true,
      });
      await announce('still here');
      expect(announced(await socket.receive())).toBe('still here');
    });

    it('takes its operations along, however it ends', async () => {
      for (const leave of [
        (socket: TestSocket) => socket.socket.terminate(),
        (socket: TestSocket) => socket.socket.close(1000),
        (socket: TestSocket) => socket.send({ type: 'connection_terminate' }),
      ]) {
        const socket = await connected();
        start(socket, '1', announcements);
        start(socket, '2', announcements);
        await until(async () => (await subscriptions()) === 2);
        leave(socket);
        await until(async () => (await subscriptions()) === 0);
      }
    });
  });

  describe('an operation', () => {
    it.each<[string, unknown, string]>([
      ['a syntax error', { query: 'subscription {' }, 'GRAPHQL_PARSE_FAILED'],
      ['an unknown field', { query: 'subscription { nonsense }' }, 'GRAPHQL_VALIDATION_FAILED'],
      ['no text', { query: '' }, 'BAD_REQUEST'],
      ['no request', null, 'BAD_REQUEST'],
      ['variables that are none', { query: viewer, variables: 'x' }, 'BAD_REQUEST'],
      ['a wrong variable', { query: announcements, variables: { after: 1 } }, 'INVALID_INPUT'],
      ['a malformed cursor', { query: announcements, variables: { after: 'nonsense' } }, 'BAD_CURSOR'],
      ['a project that is not its own', { query: projects('two') }, 'FORBIDDEN'],
    ])('with %s is told so, and the others go on', async (_name, payload, code) => {
      const socket = await connected(tokenFor({ projects: ['one'], scope: 'read' }));
      start(socket, 'other', announcements, { after: await announce('start') });
      socket.send({ type: 'start', id: 'wrong', payload });
      const message = await socket.receive();
      expect(message.id).toBe('wrong');
      expect(codeOf(message)).toBe(code);
      expect(typeof errorOf(message).message).toBe('string');
      await announce('still here');
      expect(announced(await socket.receive())).toBe('still here');
    });

    it('with several mistakes is told all of them, the first in the place where clients look for one', async () => {
      const socket = await connected();
      start(socket, '1', '{ nonsense rubbish }');
      const { errors, ...first } = errorOf(await socket.receive());
      expect(errors).toHaveLength(2);
      expect(errors![0]).toEqual(first);
    });

    it('that is a query or mutation gets what there is, also beside an error, and then complete', async () => {
      const socket = await connected();
      start(socket, 'query', viewer);
      expect(await socket.receiveMany(2)).toEqual([
        { type: 'data', id: 'query', payload: { data: { viewer: { userId: 'tester' } } } },
        { type: 'complete', id: 'query' },
      ]);
      start(socket, 'wrong', 'mutation { announce(input: { message: "" }) { cursor } }');
      const [result, complete] = await socket.receiveMany(2);
      expect(result).toMatchObject({ type: 'data', id: 'wrong' });
      const { errors } = result!.payload as { errors: { extensions: Record<string, unknown> }[] };
      expect(errors[0]!.extensions['code']).toBe('INVALID_INPUT');
      expect(complete).toEqual({ type: 'complete', id: 'wrong' });
    });

    it('beyond the number that is allowed gets TOO_MANY_SUBSCRIPTIONS, and has room when another one stops', async () => {
      const socket = await connected();
      for (const id of ['1', '2', '3', '4']) start(socket, id, announcements);
      const refusal = await socket.receive();
      expect(refusal.id).toBe('4');
      expect(codeOf(refusal)).toBe('TOO_MANY_SUBSCRIPTIONS');
      // In the place of another one is always room.
      start(socket, '3', announcements);
      socket.send({ type: 'stop', id: '2' });
      start(socket, '5', viewer);
      expect(dataOf(await socket.receive())).toEqual({ viewer: { userId: 'tester' } });
    });

    it('takes the place of the one that has its id, which ends without a word', async () => {
      const socket = await connected();
      const after = await announce('start');
      const last = 'subscription ($after: Cursor) { last: announcement(after: $after) { message } }';
      start(socket, '1', announcements, { after });
      await announce('for the first');
      expect(announced(await socket.receive())).toBe('for the first');
      for (let round = 0; round < 20; round++) start(socket, '1', announcements, { after });
      start(socket, '1', last, { after });
      const messages = [await socket.receive()];
      while (!('last' in dataOf(messages.at(-1)!))) messages.push(await socket.receive());
      await until(async () => (await subscriptions()) === 1);
      await announce('for the last');
      const rest = [await socket.receive(), ...(await settled(socket))];
      // Nothing of the old ones behind the first message of the new one, and nothing of it twice.
      expect(rest.map(dataOf)).toEqual([{ last: { message: 'for the last' } }]);
    });

    it('takes the place of a query that is still under way, and the answer to that is dropped', async () => {
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      await using own = await TestServer.start({
        aroundStore: (store) =>
          new Proxy(store, {
            get(target, name) {
              const value: unknown = Reflect.get(target, name);
              if (typeof value !== 'function') return value;
              return async (...args: unknown[]): Promise<unknown> => {
                if (name === 'entities') await held;
                return Reflect.apply(value, target, args);
              };
            },
          }),
      });
      const socket = await connected(tokenFor(), own.webSocketUrl);
      start(socket, '1', '{ projects { nodes { id } } }');
      start(socket, '2', '{ projects { nodes { id } } }');
      start(socket, '1', viewer);
      expect((await socket.receiveMany(2)).map(({ type, id }) => `${type} ${id}`)).toEqual([
        'data 1',
        'complete 1',
      ]);
      release();
      expect((await socket.receiveMany(2)).map(({ type, id }) => `${type} ${id}`)).toEqual([
        'data 2',
        'complete 2',
      ]);
      expect(await settled(socket)).toEqual([]);
    });
  });

  describe('a token', () => {
    it('that expires ends its connection with 4403', async () => {
      let skew = 0;
      await using own = await TestServer.start({ now: () => Date.now() + skew });
      const token = tokenFor({}, 60);
      const { exp } = jwt.decode(token) as { exp: number };
      skew = exp * 1_000 - 500 - Date.now();
      const socket = await connected(token, own.webSocketUrl);
      start(socket, '1', announcements);
      expect(await socket.closed).toEqual({ code: 4403, reason: 'Token expired' });
    });

    it('can be replaced: what the new one does not allow ends first, and everything else goes on', async () => {
      for (const id of ['one', 'two'])
        await server.run(UpsertProjectDocument, { input: { id, name: 'first' } });
      const socket = await connected(tokenFor({ projects: ['one', 'two'], scope: 'read' }));
      start(socket, 'one', projects('one'));
      start(socket, 'two', projects('two'));
      await until(async () => (await subscriptions()) === 2);
      const token = tokenFor({ projects: ['one'], scope: 'read' });
      start(socket, 'refresh', 'mutation ($token: String!) { refreshSession(token: $token) { ended } }', {
        token,
      });
      const messages = await socket.receiveMany(3);
      expect(messages.map(({ type, id }) => `${type} ${id}`)).toEqual([
        'error two',
        'data refresh',
        'complete refresh',
      ]);
      expect(codeOf(messages[0]!)).toBe('FORBIDDEN');
      expect(dataOf(messages[1]!)).toEqual({ refreshSession: { ended: 1 } });
      await server.run(UpsertProjectDocument, { input: { id: 'one', name: 'renamed' } });
      expect(dataOf(await socket.receive())).toEqual({ projectUpdated: { project: { name: 'renamed' } } });
    });
  });

  it('a server that stops sends everybody away with 1012', async () => {
    const own = await TestServer.start();
    const socket = await connected(tokenFor(), own.webSocketUrl);
    start(socket, '1', announcements);
    await own[Symbol.asyncDispose]();
    expect((await socket.closed).code).toBe(1012);
  });
});
