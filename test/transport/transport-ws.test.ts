import jwt from 'jsonwebtoken';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { errorCatalogue } from '../../src/errors.ts';
import {
  AnnounceDocument,
  ReportWorkflowDocument,
  StatsDocument,
  UpsertProjectDocument,
} from '../generated/operations.ts';
import { TestServer, tokenFor, type TestServerOptions } from '../support/server.ts';
import { dataOf, TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';

const announcements = 'subscription ($after: Cursor) { announcement(after: $after) { cursor message } }';
const projects = (id: string) => `subscription { projectUpdated(projectId: "${id}") { project { name } } }`;
const viewer = '{ viewer { userId } }';

const announcementOf = (message: Message) =>
  dataOf(message)['announcement'] as { cursor: string; message: string };
const errorOf = (message: Message) => {
  expect(message.type).toBe('error');
  const [error] = message.payload as { message: string; extensions: Record<string, unknown> }[];
  return error!;
};
const codeOf = (message: Message): unknown => errorOf(message).extensions['code'];

describe('over graphql-transport-ws', () => {
  let server: TestServer;
  const sockets: TestSocket[] = [];

  beforeAll(async () => {
    server = await TestServer.start({
      environment: { ALLOWED_ORIGINS: 'https://app.example.com' },
      limits: { operationsPerConnection: 3 },
    });
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket[Symbol.dispose]();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const announce = async (message: string): Promise<string> =>
    (await server.run(AnnounceDocument, { input: { message } })).announce.cursor;
  const stats = async () => (await server.run(StatsDocument)).stats;
  const subscriptions = async (): Promise<number> =>
    (await stats()).subscriptions.reduce((sum, { count }) => sum + count, 0);
  const webSockets = async (): Promise<number> =>
    (await stats()).connections.find(({ name }) => name === 'websocket')!.count;

  /** A socket that has not said anything yet. */
  const open = async (...[options]: ConstructorParameters<typeof TestSocket>[1][]): Promise<TestSocket> => {
    const socket = new TestSocket(server.webSocketUrl, options);
    sockets.push(socket);
    await socket.opened();
    return socket;
  };
  /** A socket that has been acknowledged. */
  const connected = async (token = tokenFor(), url = server.webSocketUrl): Promise<TestSocket> => {
    const socket = await TestSocket.connect(url, { token });
    sockets.push(socket);
    return socket;
  };
  /** The status of the answer to an upgrade that is refused. */
  const refused = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
    const socket = new TestSocket(`${server.webSocketUrl}${path}`, { headers });
    sockets.push(socket);
    const [, response] = (await once(socket.socket, 'unexpected-response')) as [
      unknown,
      { statusCode: number },
    ];
    return response.statusCode;
  };

  describe('a connection', () => {
    it('gets the acknowledgement first, with the end of its token, and pings only afterwards', async () => {
      const token = tokenFor({}, 600);
      const socket = await open();
      socket.send({ type: 'connection_init', payload: { token } });
      socket.send({ type: 'ping' });
      const { exp } = jwt.decode(token) as { exp: number };
      const expiresAt = new Date(exp * 1_000).toISOString();
      expect(await socket.receive()).toEqual({ type: 'connection_ack', payload: { expiresAt } });
      expect(await socket.receive()).toEqual({ type: 'pong' });
    });

    it('gets the messages of the specification, as text, and no others', async () => {
      const socket = await connected();
      const binary: boolean[] = [];
      const types = new Set<string>();
      socket.socket.on('message', (data, isBinary) => {
        binary.push(isBinary);
        types.add((JSON.parse((data as Buffer).toString()) as Message).type);
      });
      socket.subscribe('1', viewer);
      socket.subscribe('2', 'subscription {');
      socket.subscribe('3', announcements, { after: await announce('start') });
      await announce('next');
      await socket.receiveMany(4);
      await socket.drain();
      expect(binary).not.toContain(true);
      expect([...types].toSorted()).toEqual(['complete', 'error', 'next', 'pong']);
    });

    it.each<[string, Record<string, unknown>]>([
      ['Authorization', { Authorization: `Bearer ${tokenFor()}` }],
      ['authorization', { authorization: `Bearer ${tokenFor()}` }],
      ['a bare Authorization', { Authorization: tokenFor() }],
      ['headers.Authorization', { headers: { Authorization: `Bearer ${tokenFor()}` } }],
      ['headers.authorization', { headers: { 'X-Other': '1', authorization: `Bearer ${tokenFor()}` } }],
      ['authToken', { authToken: tokenFor() }],
      ['token', { token: tokenFor() }],
    ])('is admitted by a token in %s of the init payload', async (_name, payload) => {
      const socket = await TestSocket.connect(server.webSocketUrl, payload);
      sockets.push(socket);
      socket.subscribe('1', viewer);
      expect(dataOf(await socket.receive())).toEqual({ viewer: { userId: 'tester' } });
    });

    it.each<[string, Record<string, string>]>([
      ['Authorization header', { authorization: `Bearer ${tokenFor()}` }],
      ["session's cookie", { cookie: `tidings_session=${tokenFor()}` }],
    ])('is admitted by the %s of its upgrade', async (_name, headers) => {
      for (const init of [{ type: 'connection_init' }, { type: 'connection_init', payload: null }]) {
        const socket = await open({ headers });
        socket.send(init);
        expect(await socket.receive()).toMatchObject({ type: 'connection_ack' });
      }
    });

    it('is not slow to be refused what it may not have: other origins, paths and tokens in the URL', async () => {
      expect(await refused('', { origin: 'https://evil.example' })).toBe(403);
      expect(await refused('', { origin: 'null' })).toBe(403);
      expect(await refused('/other')).toBe(404);
      for (const name of ['token', 'access_token', 'authorization', 'Token']) {
        expect(await refused(`?${name}=${tokenFor()}`)).toBe(400);
      }
    });

    it.each(['https://app.example.com', 'own'])('is open to the origin %s', async (name) => {
      const origin = name === 'own' ? server.url : name;
      const socket = await open({ headers: { origin, cookie: `tidings_session=${tokenFor()}` } });
      socket.send({ type: 'connection_init' });
      expect(await socket.receive()).toMatchObject({ type: 'connection_ack' });
    });

    it('takes what clients send beside the specification', async () => {
      const socket = await connected();
      socket.send({ type: 'pong', payload: null });
      socket.send({ type: 'pong' });
      socket.send({ type: 'ping', payload: {} });
      expect(await socket.receive()).toEqual({ type: 'pong', payload: {} });
      socket.send({ type: 'ping', payload: { nonce: 1 } });
      expect(await socket.receive()).toEqual({ type: 'pong', payload: { nonce: 1 } });
      socket.send({ id: 'never heard of', type: 'complete' });
      socket.socket.send(
        Buffer.from(JSON.stringify({ id: 'b', type: 'subscribe', payload: { query: viewer } })),
        { binary: true },
      );
      socket.send({
        id: 'n',
        type: 'subscribe',
        payload: { query: viewer, operationName: null, variables: null, extensions: null },
      });
      const messages = await socket.receiveMany(4);
      expect(messages.map(({ id, type }) => `${type} ${id}`).toSorted()).toEqual([
        'complete b',
        'complete n',
        'next b',
        'next n',
      ]);
    });
  });

  describe('a connection is closed with', () => {
    it.each<[number, string, readonly unknown[]]>([
      [4400, 'what is no JSON', ['nonsense']],
      [4400, 'JSON with a key __proto__', ['{"type":"ping","payload":{"__proto__":{}}}']],
      [
        4400,
        'JSON that is nested without end',
        [`{"type":"ping","payload":{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}}`],
      ],
      [4400, 'a message of no known type', [{ type: 'start', id: '1' }]],
      [
        4401,
        'an operation before connection_init',
        [{ id: '1', type: 'subscribe', payload: { query: viewer } }],
      ],
      [4403, 'no token', [{ type: 'connection_init' }]],
      [4403, 'a token that is not valid', [{ type: 'connection_init', payload: { token: 'nonsense' } }]],
      [4403, 'an expired token', [{ type: 'connection_init', payload: { token: tokenFor({}, -10) } }]],
      [
        4429,
        'a second connection_init',
        [
          { type: 'connection_init', payload: { token: tokenFor() } },
          { type: 'connection_init', payload: { token: tokenFor() } },
        ],
      ],
      [
        4409,
        'an id that is in use',
        [
          { type: 'connection_init', payload: { token: tokenFor() } },
          'acknowledged',
          { id: '1', type: 'subscribe', payload: { query: announcements } },
          { id: '1', type: 'subscribe', payload: { query: announcements } },
        ],
      ],
    ])('%i after %s', async (code, _what, messages) => {
      const socket = await open();
      for (const message of messages) {
        if (message === 'acknowledged') await socket.receive();
        else socket.send(message);
      }
      expect((await socket.closed).code).toBe(code);
    });

    it('4408 when it does not say who it is in time', async () => {
      await using impatient = await TestServer.start({ limits: { initTimeoutMs: 50 } });
      using socket = new TestSocket(impatient.webSocketUrl);
      expect((await socket.closed).code).toBe(4408);
    });

    it('1009 after a message that is too large, 1007 after one that is no UTF-8, 1008 after one in too many fragments', async () => {
      const large = await connected();
      large.send({
        id: '1',
        type: 'subscribe',
        payload: { query: viewer, variables: { x: 'x'.repeat(70_000) } },
      });
      expect((await large.closed).code).toBe(1009);
      const broken = await connected();
      broken.socket.send(Buffer.from([0x7b, 0xff, 0xfe]), { binary: false });
      expect((await broken.closed).code).toBe(1007);
      const fragmented = await connected();
      for (let count = 0; count < 100; count++) fragmented.socket.send(' ', { fin: false });
      expect((await fragmented.closed).code).toBe(1008);
    });

    it('nothing at all, when it goes away while it is being admitted', async () => {
      const before = await webSockets();
      for (let count = 0; count < 10; count++) {
        const socket = await open();
        socket.send({ type: 'connection_init', payload: { token: tokenFor() } });
        socket.subscribe('1', announcements);
        socket[Symbol.dispose]();
      }
      await until(async () => (await webSockets()) === before && (await subscriptions()) === 0);
    });
  });

  describe('an operation', () => {
    /** A subscription that has to go on, whatever happens beside it. */
    const withOther = async (): Promise<{ socket: TestSocket; goesOn: () => Promise<void> }> => {
      const socket = await connected();
      socket.subscribe('other', announcements, { after: await announce('start') });
      return {
        socket,
        goesOn: async () => {
          await announce('still here');
          const message = await socket.receive();
          expect(message.id).toBe('other');
          expect(announcementOf(message).message).toBe('still here');
        },
      };
    };

    it.each<[string, string, string, Record<string, unknown>?]>([
      ['a syntax error', 'subscription {', 'GRAPHQL_PARSE_FAILED'],
      ['no text', '', 'BAD_REQUEST'],
      ['an unknown field', 'subscription { nonsense }', 'GRAPHQL_VALIDATION_FAILED'],
      [
        'two root fields',
        'subscription { a: announcement { cursor } b: announcement { cursor } }',
        'GRAPHQL_VALIDATION_FAILED',
      ],
      ['a wrong variable', announcements, 'INVALID_INPUT', { after: 1 }],
      [
        'a missing variable',
        'subscription ($id: ID!) { projectUpdated(projectId: $id) { cursor } }',
        'BAD_REQUEST',
      ],
      ['several operations and no name', `query A ${viewer} query B ${viewer}`, 'BAD_REQUEST'],
      ['only a fragment', 'fragment F on Query { viewer { userId } }', 'GRAPHQL_VALIDATION_FAILED'],
      ['a malformed cursor', announcements, 'BAD_CURSOR', { after: 'nonsense' }],
      ['a nesting beyond all measure', `{${'a{'.repeat(20_000)}`, 'QUERY_TOO_COMPLEX'],
    ])('with %s is told so, and the others go on', async (_name, query, code, variables) => {
      const { socket, goesOn } = await withOther();
      socket.subscribe('wrong', query, variables);
      const message = await socket.receive();
      expect(message.id).toBe('wrong');
      expect(codeOf(message)).toBe(code);
      // Nothing that is meant for other transports, or for nobody.
      expect(Object.keys(errorOf(message).extensions)).toEqual(['code']);
      await goesOn();
    });

    it('that is not allowed is FORBIDDEN, and the others go on', async () => {
      const socket = await connected(tokenFor({ projects: ['one'], scope: 'read' }));
      socket.subscribe('other', announcements, { after: await announce('start') });
      socket.subscribe('wrong', projects('two'));
      expect(codeOf(await socket.receive())).toBe('FORBIDDEN');
      await announce('still here');
      expect(announcementOf(await socket.receive()).message).toBe('still here');
    });

    it('that is a query or mutation gets what there is, also beside an error, and then complete', async () => {
      const { socket, goesOn } = await withOther();
      socket.subscribe('query', viewer);
      expect(await socket.receiveMany(2)).toEqual([
        { id: 'query', type: 'next', payload: { data: { viewer: { userId: 'tester' } } } },
        { id: 'query', type: 'complete' },
      ]);
      socket.subscribe(
        'wrong',
        'mutation { announce(input: { message: "" , idempotencyKey: "" }) { cursor } }',
      );
      const [result, complete] = await socket.receiveMany(2);
      expect(result).toMatchObject({ id: 'wrong', type: 'next' });
      const { errors } = result!.payload as { errors: { extensions: Record<string, unknown> }[] };
      expect(errors[0]!.extensions['code']).toBe('INVALID_INPUT');
      expect(Object.keys(errors[0]!.extensions).toSorted()).toEqual(['code', 'issues']);
      expect(complete).toEqual({ id: 'wrong', type: 'complete' });
      socket.subscribe('variable', 'query ($n: Int) { events(first: $n) { headCursor } }', { n: 'many' });
      expect(await socket.receiveMany(2)).toMatchObject([
        { id: 'variable', type: 'next', payload: { errors: [{ extensions: { code: 'BAD_REQUEST' } }] } },
        { id: 'variable', type: 'complete' },
      ]);
      await goesOn();
    });

    it('that fails in a way that nobody expected tells nothing of it, and the others go on', async () => {
      let isBroken = false;
      await using own = await TestServer.start({
        aroundStore: (store) =>
          new Proxy(store, {
            get(target, name) {
              const value: unknown = Reflect.get(target, name);
              if (typeof value !== 'function') return value;
              return (...args: unknown[]): unknown => {
                if (isBroken && name === 'entities') throw new Error('password of the database: swordfish');
                return Reflect.apply(value, target, args);
              };
            },
          }),
      });
      await own.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
      const socket = await connected(tokenFor(), own.webSocketUrl);
      socket.subscribe('other', projects('p'));
      await until(async () => (await own.run(StatsDocument)).stats.live === 1);
      isBroken = true;
      socket.subscribe('query', '{ projects { nodes { id } } }');
      socket.subscribe(
        'subscription',
        'subscription { projectUpdated(projectId: "p", snapshot: true) { cursor } }',
      );
      const { message } = errorCatalogue.INTERNAL_SERVER_ERROR;
      const extensions = { code: 'INTERNAL_SERVER_ERROR' };
      const messages = await socket.receiveMany(3);
      const [result] = messages.filter(({ id, type }) => id === 'query' && type === 'next');
      const [error] = messages.filter(({ type }) => type === 'error');
      expect(result?.payload).toMatchObject({ errors: [{ message, path: ['projects'], extensions }] });
      expect(error).toEqual({ id: 'subscription', type: 'error', payload: [{ message, extensions }] });
      expect(JSON.stringify(messages)).not.toContain('swordfish');
      await own.run(UpsertProjectDocument, { input: { id: 'p', name: 'Q' } });
      expect(dataOf(await socket.receive())).toEqual({ projectUpdated: { project: { name: 'Q' } } });
    });

    it('beyond the number that is allowed gets TOO_MANY_SUBSCRIPTIONS, and has room when another one ends', async () => {
      const socket = await connected();
      for (const id of ['1', '2', '3', '4']) socket.subscribe(id, announcements);
      const refusal = await socket.receive();
      expect(refusal.id).toBe('4');
      expect(codeOf(refusal)).toBe('TOO_MANY_SUBSCRIPTIONS');
      socket.send({ id: '2', type: 'complete' });
      socket.subscribe('5', viewer);
      expect(dataOf(await socket.receive())).toEqual({ viewer: { userId: 'tester' } });
    });

    it('that is completed ends at once and without a word', async () => {
      const { socket, goesOn } = await withOther();
      socket.subscribe('mine', announcements, { after: await announce('mine') });
      await socket.receive();
      await until(async () => (await subscriptions()) === 2);
      socket.send({ id: 'mine', type: 'complete' });
      expect(await socket.drain()).toEqual([]);
      expect(await subscriptions()).toBe(1);
      await goesOn();
    });

    it('may have the id of one that was completed right before, over and over', async () => {
      const socket = await connected();
      const after = await announce('start');
      for (let round = 0; round < 20; round++) {
        socket.subscribe('1', announcements, { after });
        socket.send({ id: '1', type: 'complete' });
      }
      socket.subscribe(
        '1',
        `subscription ($after: Cursor) { last: announcement(after: $after) { message } }`,
        { after },
      );
      await announce('for the last one');
      // Earlier ones may have got it before they were completed, but nothing ends the last one, and nothing is sent for it twice.
      const messages: Message[] = [];
      while (!messages.some((message) => 'last' in dataOf(message))) messages.push(await socket.receive());
      await until(async () => (await subscriptions()) === 1);
      expect(await socket.drain()).toEqual([]);
      await announce('once more');
      expect(dataOf(await socket.receive())).toEqual({ last: { message: 'once more' } });
    });

    it('may have the id of one that ended by itself', async () => {
      const socket = await connected();
      socket.subscribe('1', viewer);
      await socket.receiveMany(2);
      socket.subscribe('1', 'subscription {');
      expect(codeOf(await socket.receive())).toBe('GRAPHQL_PARSE_FAILED');
      socket.subscribe('1', announcements, { after: 'nonsense' });
      expect(codeOf(await socket.receive())).toBe('BAD_CURSOR');
      socket.subscribe('1', viewer);
      expect(dataOf(await socket.receive())).toEqual({ viewer: { userId: 'tester' } });
    });

    it('ends with its socket, however that is closed', async () => {
      const after = await announce('start');
      for (const leave of [
        (socket: WebSocket) => socket.terminate(),
        (socket: WebSocket) => socket.close(1000),
        (socket: WebSocket) => socket.close(4001, 'bye'),
      ]) {
        const socket = await connected();
        socket.subscribe('1', announcements, { after });
        socket.subscribe('2', announcements);
        await until(async () => (await subscriptions()) === 2);
        leave(socket.socket);
        await until(async () => (await subscriptions()) === 0);
      }
    });
  });

  describe('a peer that is gone', () => {
    it('is cut off when it misses a ping, which is none of the subprotocol', async () => {
      await using watchful = await TestServer.start({ limits: { pingMs: 100 } });
      using socket = new TestSocket(watchful.webSocketUrl, { autoPong: false });
      const messages: unknown[] = [];
      socket.socket.on('message', (data) => messages.push(data));
      const [payload] = (await once(socket.socket, 'ping')) as [Buffer];
      expect(payload.toString()).toBe('1');
      expect((await socket.closed).code).toBe(1006);
      expect(messages).toEqual([]);
    });

    /** A server with a socket that takes nothing, and for which more waits than the kernel's buffers take; or has waited until it was cut off. */
    const congested = async (options: TestServerOptions) => {
      const own = await TestServer.start(options);
      await own.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
      const socket = await connected(tokenFor(), own.webSocketUrl);
      socket.subscribe('1', 'subscription { workflowProgress(projectId: "p") { logs } }');
      const state = async () => (await own.run(StatsDocument)).stats;
      await until(async () => (await state()).subscriptions[0]?.count === 1);
      socket.socket.pause();
      const logs = Array.from({ length: 20 }, () => 'x'.repeat(8_000));
      const report = async () =>
        own.run(ReportWorkflowDocument, { input: { id: 'w', projectId: 'p', percent: 1, logs } });
      const waits = async (): Promise<boolean> => {
        const { parked, connections } = await state();
        return parked > 0 || connections.every(({ count }) => count === 0);
      };
      while (!(await waits())) await report();
      return { own, socket, state };
    };

    it('is cut off when it takes nothing for a whole write deadline', async () => {
      const { own, state } = await congested({ limits: { highWaterMark: 64 * 1_024, writeDeadlineMs: 100 } });
      await until(async () => (await state()).connections.every(({ count }) => count === 0));
      expect((await state()).subscriptions).toEqual([]);
      await own[Symbol.asyncDispose]();
    });

    it('is cut off when it does not take the close that waits behind what it has not taken', async () => {
      const { own, socket } = await congested({ limits: { highWaterMark: 64 * 1_024 } });
      // It ends, although the socket says nothing.
      await own[Symbol.asyncDispose]();
      socket.socket.resume();
      expect((await socket.closed).code).toBe(1006);
    });
  });

  describe('a peer that asks for more than it takes', () => {
    it('is not listened to until it takes its answers, and then gets all of them', async () => {
      await using own = await TestServer.start({ limits: { highWaterMark: 64 * 1_024, pingMs: 600_000 } });
      const socket = await connected(tokenFor(), own.webSocketUrl);
      const payload = { text: 'x'.repeat(32_000) };
      let sent = 0;
      socket.socket.pause();
      for (; sent < 2_000; sent++) socket.send({ type: 'ping', payload: { ...payload, count: sent } });
      const left = (): number => socket.socket.bufferedAmount;
      for (let still = 0, before = -1; still < 20; before = left()) {
        await own.run(StatsDocument);
        still = left() === before ? still + 1 : 0;
      }
      // The kernel's buffers take some of the 64 MB in both directions.
      expect(left()).toBeGreaterThan(32_000_000);
      socket.socket.resume();
      const counts = (await socket.receiveMany(sent)).map(
        (message) => (message.payload as { count: number }).count,
      );
      expect(counts).toEqual(Array.from({ length: sent }, (_, index) => index));
    }, 60_000);
  });

  describe('a token', () => {
    it('that expires ends its connection with 4403', async () => {
      let skew = 0;
      await using own = await TestServer.start({ now: () => Date.now() + skew });
      const token = tokenFor({}, 60);
      const { exp } = jwt.decode(token) as { exp: number };
      skew = exp * 1_000 - 200 - Date.now();
      const socket = await connected(token, own.webSocketUrl);
      socket.subscribe('1', announcements);
      expect(await socket.closed).toEqual({ code: 4403, reason: 'Token expired' });
    });

    const refresh = (socket: TestSocket, token: string): void =>
      socket.send({
        id: 'refresh',
        type: 'subscribe',
        payload: {
          query:
            'mutation ($token: String!) { refreshSession(token: $token) { ended viewer { userId projects } } }',
          variables: { token },
        },
      });
    const refreshed = async (socket: TestSocket): Promise<{ answer: Message; others: Message[] }> => {
      const messages: Message[] = [];
      let message = await socket.receive();
      while (!(message.id === 'refresh' && message.type === 'complete')) {
        messages.push(message);
        message = await socket.receive();
      }
      const answer = messages.find(({ id }) => id === 'refresh')!;
      return { answer, others: messages.filter((each) => each !== answer) };
    };

    it('can be replaced on the open socket, which then lives as long as the new one', async () => {
      let skew = 0;
      await using own = await TestServer.start({ now: () => Date.now() + skew });
      const [short, long] = [tokenFor({}, 60), tokenFor({}, 600)];
      const { exp } = jwt.decode(short) as { exp: number };
      skew = exp * 1_000 - 500 - Date.now();
      const socket = await connected(short, own.webSocketUrl);
      socket.subscribe('1', announcements);
      refresh(socket, long);
      await refreshed(socket);
      // Another connection of the short one tells when its time is up.
      const other = await connected(short, own.webSocketUrl);
      expect((await other.closed).code).toBe(4403);
      expect(await socket.drain()).toEqual([]);
    });

    it('takes away with it what the new one does not allow, and everything else goes on without a gap', async () => {
      for (const id of ['one', 'two'])
        await server.run(UpsertProjectDocument, { input: { id, name: 'first' } });
      const socket = await connected(tokenFor({ projects: ['one', 'two'], scope: 'read' }));
      socket.subscribe('one', projects('one'));
      socket.subscribe('two', projects('two'));
      await until(async () => (await stats()).subscriptions[0]?.count === 2);
      const rename = async (id: string, name: string) =>
        server.run(UpsertProjectDocument, { input: { id, name } });

      const names = Array.from({ length: 40 }, (_, index) => `name ${index}`);
      const renaming = (async () => {
        for (const name of names) await Promise.all([rename('one', name), rename('two', name)]);
      })();
      refresh(socket, tokenFor({ projects: ['one'], scope: 'read' }));
      const { answer, others } = await refreshed(socket);
      expect(dataOf(answer)).toEqual({
        refreshSession: { ended: 1, viewer: { userId: 'tester', projects: ['one'] } },
      });
      await renaming;
      await rename('one', 'last');
      const seen = [...others];
      const nameOf = (message: Message) =>
        (dataOf(message)['projectUpdated'] as { project: { name: string } }).project.name;
      while (!seen.some((message) => message.id === 'one' && nameOf(message) === 'last'))
        seen.push(await socket.receive());
      expect(seen.filter(({ id }) => id === 'one').map(nameOf)).toEqual([...names, 'last']);
      const two = seen.filter(({ id }) => id === 'two');
      expect(codeOf(two.at(-1)!)).toBe('FORBIDDEN');
      // The error came before the answer: nothing forbidden comes after that.
      expect(others).toContain(two.at(-1));
    });

    it('takes it away from operations, too, that are being opened while it comes', async () => {
      for (const id of ['one', 'two'])
        await server.run(UpsertProjectDocument, { input: { id, name: 'first' } });
      await server.run(
        'mutation { registerRepository(input: { projectId: "two", repoId: "r2", fullName: "acme/two" }) { cursor } }',
      );
      for (const query of [
        projects('two'),
        'subscription { prStateChanged(repoId: "r2") { cursor } }',
        announcements,
      ]) {
        const isAllowed = query === announcements;
        const socket = await connected(tokenFor({ projects: ['one', 'two'], scope: 'read' }));
        socket.subscribe('opening', query);
        refresh(socket, tokenFor({ projects: ['one'], scope: 'read' }));
        socket.subscribe('opening too', query);
        const { others } = await refreshed(socket);
        await until(async () => {
          others.push(...(await socket.drain()));
          return isAllowed ? (await subscriptions()) === 2 : others.length === 2;
        });
        expect(others.map(codeOf)).toEqual(isAllowed ? [] : ['FORBIDDEN', 'FORBIDDEN']);
        socket[Symbol.dispose]();
        await until(async () => (await subscriptions()) === 0);
      }
    });

    it('may be replaced many times at once: the last one counts', async () => {
      await server.run(UpsertProjectDocument, { input: { id: 'two', name: 'first' } });
      const socket = await connected(tokenFor({ projects: ['one', 'two'], scope: 'read' }));
      socket.subscribe('two', projects('two'));
      await until(async () => (await subscriptions()) === 1);
      const query = 'mutation ($token: String!) { refreshSession(token: $token) { ended } }';
      for (let index = 0; index < 2; index++) {
        const token = tokenFor({ projects: index === 1 ? ['one'] : ['one', 'two'], scope: 'read' });
        socket.subscribe(`refresh ${index}`, query, { token });
      }
      const messages: Message[] = [];
      while (messages.filter(({ type }) => type === 'complete').length < 2)
        messages.push(await socket.receive());
      expect(messages.filter(({ id }) => id === 'two').map(codeOf)).toEqual(['FORBIDDEN']);
    });

    it('that is not valid, or of another workspace, changes nothing', async () => {
      const socket = await connected();
      socket.subscribe('1', announcements, { after: await announce('start') });
      for (const [token, code] of [
        ['nonsense', 'UNAUTHENTICATED'],
        [tokenFor({}, -10), 'UNAUTHENTICATED'],
        [tokenFor({ workspace: 'other' }), 'FORBIDDEN'],
      ] as const) {
        refresh(socket, token);
        const { answer } = await refreshed(socket);
        const { errors } = answer.payload as { errors: { extensions: { code: string } }[] };
        expect(errors.map((error) => error.extensions.code)).toEqual([code]);
      }
      await announce('still here');
      expect(announcementOf(await socket.receive()).message).toBe('still here');
    });
  });

  it('a server that stops sends everybody away with 1012', async () => {
    const own = await TestServer.start();
    const all = await Promise.all([1, 2, 3].map(async () => connected(tokenFor(), own.webSocketUrl)));
    all[0]!.subscribe('1', announcements);
    await own[Symbol.asyncDispose]();
    expect(await Promise.all(all.map(async (socket) => (await socket.closed).code))).toEqual([
      1012, 1012, 1012,
    ]);
  });
});
