/** What one client may use of the server, so that there is enough for the others: RELIABILITY's tables, over every transport. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { issuesEvent, repository, sender } from '../ingest/github.ts';
import { handshake } from '../support/handshake.ts';
import { TestSocket } from '../support/socket.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { codeIn, ways, type Attempt, type Way, type Who } from './clients.ts';

const off = {
  LIMIT_NEW_CONNECTIONS: '0',
  LIMIT_NEW_CONNECTIONS_PER_ADDRESS: '0',
};
const startedAt = Date.now();
/** Whoever floods a connection is kept on it for a moment only. */
const flooded = { isLimited: true, limits: { tarpitMs: 100 } };
const attempts: Attempt[] = [];
afterEach(() => {
  for (const attempt of attempts.splice(0)) attempt[Symbol.dispose]();
});
const enter = async (way: Way, server: TestServer, who: Who): Promise<Attempt> => {
  const attempt = await way.enter(server, who);
  attempts.push(attempt);
  return attempt;
};
const connections = async (server: TestServer): Promise<number> => {
  const { stats } = await server.run<{ stats: { connections: { count: number }[] } }, unknown>(
    '{ stats { connections { count } } }',
  );
  return stats.connections.reduce((sum, { count }) => sum + count, 0);
};

const ada = { user: 'ada', address: '192.0.2.1' };
/** The limit; the first two, who get in; who is one too many; whoever gets in all the same. */
const places: readonly [keyof Way['refused'], Record<string, string>, Who, Who, Who | undefined][] = [
  [
    'address',
    { LIMIT_CONNECTIONS_PER_ADDRESS: '2' },
    ada,
    { ...ada, user: 'bob' },
    { ...ada, address: '192.0.2.2' },
  ],
  [
    'address',
    { LIMIT_CONNECTIONS_PER_ADDRESS: '2' },
    { address: '2001:db8::1' },
    { address: '2001:db8::2' },
    { address: '2001:db8:0:1::1' },
  ],
  [
    'user',
    { LIMIT_CONNECTIONS_PER_USER: '2' },
    ada,
    { ...ada, address: '192.0.2.2' },
    { ...ada, user: 'bob' },
  ],
  ['process', { LIMIT_CONNECTIONS: '2' }, ada, { user: 'bob', address: '192.0.2.2' }, undefined],
];

describe.each(ways)('over $name', (way) => {
  it.each(places)(
    'whoever is beyond the places of the %s (%o) is refused until one is free',
    async (limit, environment, first, second, other) => {
      await using server = await TestServer.start({
        isLimited: true,
        environment: { ...off, ...environment },
      });
      const [one, two] = [await enter(way, server, first), await enter(way, server, first)];
      expect([one.outcome, two.outcome]).toEqual(['in', 'in']);
      for (const who of [first, second])
        expect(await enter(way, server, who)).toMatchObject(way.refused[limit]);
      if (other !== undefined) expect((await enter(way, server, other)).outcome).toBe('in');
      one[Symbol.dispose]();
      const isFree = async (): Promise<boolean> => (await enter(way, server, second)).outcome === 'in';
      await until(isFree);
      expect(await enter(way, server, first)).toMatchObject(way.refused[limit]);
    },
  );

  it.each([
    ['of an address', { LIMIT_NEW_CONNECTIONS_PER_ADDRESS: '3', LIMIT_NEW_CONNECTIONS: '0' }, 'RATE_LIMITED'],
    ['of all', { LIMIT_NEW_CONNECTIONS_PER_ADDRESS: '0', LIMIT_NEW_CONNECTIONS: '3' }, 'OVERLOADED'],
  ])('new connections %s beyond so many a second are refused', async (_who, environment, code) => {
    await using server = await TestServer.start({ isLimited: true, environment });
    const crowd = await Promise.all(
      Array.from({ length: 20 }, async (_each, index) =>
        enter(way, server, { address: '192.0.2.1', user: `user ${index}` }),
      ),
    );
    const outcomes = crowd.map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'in').length).toBeGreaterThanOrEqual(3);
    const refused = crowd.filter(({ outcome }) => outcome !== 'in');
    expect(refused.length).toBeGreaterThan(0);
    for (const { outcome, retryAfter } of refused) {
      expect([`${code === 'OVERLOADED' ? 503 : 429} ${code}`, '1013']).toContain(outcome);
      if (outcome !== '1013') expect(retryAfter).toBe('1');
    }
    // They may come a little later.
    await until(
      async () => (await enter(way, server, { address: '192.0.2.1', user: 'later' })).outcome === 'in',
    );
  });

  it('in development mode one user may have any number, as on this machine one address', async () => {
    await using server = await TestServer.start({
      isLimited: true,
      environment: {
        ...off,
        LIMIT_CONNECTIONS_PER_USER: '1',
        LIMIT_CONNECTIONS_PER_ADDRESS: '1',
        LIMIT_STREAMS: '1',
        JWT_SECRET: '',
      },
    });
    const developer = { token: server.gateway.developmentToken! };
    for (let count = 0; count < 5; count++) expect((await enter(way, server, developer)).outcome).toBe('in');
  });
});

it.each(ways.slice(2))('a user has so many streams from an address: over $name', async (way) => {
  await using server = await TestServer.start({
    isLimited: true,
    environment: { ...off, LIMIT_STREAMS: '2' },
  });
  for (let count = 0; count < 2; count++) expect((await enter(way, server, ada)).outcome).toBe('in');
  expect(await enter(way, server, ada)).toMatchObject({ outcome: '429 RATE_LIMITED', retryAfter: '5' });
  for (const other of [
    { ...ada, user: 'bob' },
    { ...ada, address: '192.0.2.2' },
  ])
    expect((await enter(way, server, other)).outcome).toBe('in');
});

describe.each([
  ['graphql-transport-ws', 'subscribe'],
  ['graphql-ws', 'start'],
])('over %s', (protocol, start) => {
  const open = async (server: TestServer): Promise<TestSocket> => {
    const client = new TestSocket(server.webSocketUrl, { protocol });
    await client.opened();
    client.send({ type: 'connection_init', payload: { token: tokenFor() } });
    expect((await client.receive()).type).toBe('connection_ack');
    return client;
  };
  const ask = (client: TestSocket, count: number): void => {
    for (let index = 0; index < count; index++)
      client.send({ id: randomUUID(), type: start, payload: { query: '{ viewer { userId } }' } });
  };

  it('operations beyond the burst of messages are refused, and the socket stays', async () => {
    let now = Date.now();
    await using server = await TestServer.start({
      isLimited: true,
      environment: { LIMIT_MESSAGES: '10', LIMIT_MESSAGES_BURST: '20' },
      now: () => now,
    });
    using client = await open(server);
    ask(client, 25);
    const refused: unknown[] = [];
    for (let over = 0; over < 25;) {
      const message = await client.receive();
      if (message.type === 'complete' || message.type === 'error') over += 1;
      if (message.type === 'error') refused.push([message.payload].flat()[0]);
    }
    // One message was the first of all.
    const extensions = { code: 'RATE_LIMITED', retryAfter: 1 };
    expect(refused).toMatchObject(Array.from({ length: 6 }, () => ({ extensions })));
    now += 2_000;
    ask(client, 1);
    expect(['next', 'data']).toContain((await client.receive()).type);
  });

  it.each(['messages', 'pings', 'pongs'])(
    'whoever goes on with %s all the same is sent away',
    async (what) => {
      const environment = { LIMIT_MESSAGES: '10', LIMIT_MESSAGES_BURST: '20' };
      await using server = await TestServer.start({ ...flooded, environment, now: () => startedAt });
      using client = await open(server);
      if (what === 'messages') ask(client, 60);
      else for (let count = 0; count < 60; count++) client.socket[what === 'pings' ? 'ping' : 'pong']();
      expect(await client.closed).toEqual({ code: 4429, reason: 'Too many messages' });
    },
  );

  it('whoever flooded one is not read any more, and has to wait before coming back', async () => {
    let now = startedAt;
    await using server = await TestServer.start({
      ...flooded,
      environment: { ...off, LIMIT_MESSAGES: '10', LIMIT_MESSAGES_BURST: '20' },
      now: () => now,
    });
    using client = new TestSocket(server.webSocketUrl, {
      protocol,
      headers: { 'x-forwarded-for': '192.0.2.1' },
    });
    await client.opened();
    client.send({ type: 'connection_init', payload: { token: tokenFor() } });
    expect((await client.receive()).type).toBe('connection_ack');
    for (let count = 0; count < 2_000; count++) client.socket.ping();
    expect((await client.closed).code).toBe(4429);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    // As many as there are chances, and the one that was too much: the others cost nothing.
    expect(metrics).toContain('tidings_limits_hit_total{limit="messages"} 21\n');

    const way = ways.find(({ name }) => name === protocol)!;
    const again = { user: 'bob', address: '192.0.2.1' };
    expect(await enter(way, server, again)).toMatchObject({ outcome: '429 RATE_LIMITED', retryAfter: '5' });
    expect((await enter(way, server, { ...again, address: '192.0.2.2' })).outcome).toBe('in');
    now += 5_000;
    expect((await enter(way, server, again)).outcome).toBe('in');
  });

  it('whoever was not even admitted is sent away at once', async () => {
    const environment = { LIMIT_MESSAGES: '10', LIMIT_MESSAGES_BURST: '20' };
    await using server = await TestServer.start({ ...flooded, environment, now: () => startedAt });
    using client = new TestSocket(server.webSocketUrl, { protocol });
    await client.opened();
    for (let count = 0; count < 25; count++) client.socket.ping();
    expect((await client.closed).code).toBe(4429);
  });
});

describe('what is published with a token', () => {
  const batch = {
    query: 'mutation ($events: [EventInput!]!) { publishEvents(input: { events: $events }) { cursors } }',
    variables: {
      events: Array.from({ length: 10 }, () => ({ type: 'ANNOUNCEMENT', data: { message: 'hello' } })),
    },
  };
  const environment = { LIMIT_PUBLISHES: '20' };
  const crowd = async <Result>(publish: () => Promise<Result>): Promise<Result[]> =>
    Promise.all(Array.from({ length: 6 }, publish));

  it('is so much a second: over HTTP', async () => {
    await using server = await TestServer.start({ isLimited: true, environment });
    const publish = async (token = tokenFor()) => {
      const { status, headers, errors } = await server.query(batch.query, batch.variables, { token });
      return { status, retryAfter: headers.get('retry-after'), code: errors?.[0]?.extensions['code'] };
    };
    const answers = await crowd(publish);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(2);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const each of refused) expect(each).toEqual({ status: 429, retryAfter: '1', code: 'RATE_LIMITED' });
    expect((await publish(tokenFor({ jti: 'another' }))).status).toBe(200);
    // Whoever waits may go on.
    await until(async () => (await publish()).status === 200);
  });

  it('is not even read where there was too much: over HTTP', async () => {
    await using server = await TestServer.start({
      isLimited: true,
      environment: { LIMIT_PUBLISHES: '2' },
      // The second in which it is too much does not end.
      now: () => startedAt,
    });
    const token = tokenFor();
    const { hostname, port } = new URL(server.url);
    const head = `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
    const chunked = 'transfer-encoding: chunked\r\n\r\n';
    const chunkOf = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    /** One request after the other on one connection. */
    const answersTo = async (...requests: readonly string[]): Promise<string[]> => {
      const socket = connect(Number(port), hostname);
      const answers: string[] = [];
      for (const each of requests) {
        socket.write(`${head}${each}`);
        answers.push(String(((await once(socket, 'data')) as [Buffer])[0]));
      }
      socket.destroy();
      return answers;
    };
    for (let code: unknown; code !== 'RATE_LIMITED';) {
      const { errors } = await server.query(batch.query, batch.variables, { token });
      code = errors?.[0]?.extensions['code'];
    }
    const large = 'x'.repeat(40_000);
    const refused = /^HTTP\/1.1 429 .*^retry-after: 1\r$/ims;
    expect(await answersTo('content-length: 10000\r\n\r\n')).toEqual([expect.stringMatching(refused)]);
    // How much that will be can't be known before.
    expect(await answersTo(`${chunked}${chunkOf(large)}`)).toEqual([expect.stringMatching(refused)]);
    // Reading goes on, however it is asked for, and behind what was refused too.
    expect((await server.query('{ viewer { userId } }', undefined, { token })).status).toBe(200);
    const query = chunkOf('{"query":"{ viewer { userId } }"}');
    expect(
      await answersTo(`${chunked}${chunkOf(large)}${chunkOf('')}`, `${chunked}${query}${chunkOf('')}`),
    ).toEqual([expect.stringMatching(refused), expect.stringMatching(/^HTTP\/1.1 200 /)]);
  });

  it('is so much a second: over a WebSocket', async () => {
    await using server = await TestServer.start({ isLimited: true, environment });
    using client = await TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
    for (let id = 0; id < 6; id++) client.subscribe(String(id), batch.query, batch.variables);
    const results = (await client.receiveMany(12)).filter(({ type }) => type === 'next');
    const codes = results.map((each) => codeIn(JSON.stringify(each.payload)));
    expect(codes.filter((code) => code === 'RATE_LIMITED').length).toBeGreaterThan(0);
    expect(codes.filter((code) => code !== 'RATE_LIMITED').length).toBeGreaterThanOrEqual(2);
  });

  it('is so much a second: as CloudEvents', async () => {
    await using server = await TestServer.start({ isLimited: true, environment: { LIMIT_PUBLISHES: '2' } });
    const answers = await crowd(async () => {
      const body = {
        specversion: '1.0',
        id: randomUUID(),
        source: '/test',
        type: 'announcement',
        data: { message: 'hello' },
      };
      const response = await fetch(`${server.url}/webhooks/cloudevents`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokenFor()}`, 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, retryAfter: response.headers.get('retry-after') };
    });
    expect(answers).toContainEqual({ status: 200, retryAfter: null });
    expect(answers).toContainEqual({ status: 429, retryAfter: '1' });
  });

  it('is not even read where there was too much: as CloudEvents', async () => {
    await using server = await TestServer.start({
      isLimited: true,
      environment: { LIMIT_PUBLISHES: '2' },
      now: () => startedAt,
    });
    const token = tokenFor();
    for (let code: unknown; code !== 'RATE_LIMITED';) {
      const { errors } = await server.query(batch.query, batch.variables, { token });
      code = errors?.[0]?.extensions['code'];
    }
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /webhooks/cloudevents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/cloudevents+json\r\ncontent-length: 10000\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(String(answer)).toMatch(/^HTTP\/1.1 429 .*^retry-after: 1\r$/ims);
  });

  it('is not what GitHub delivers', async () => {
    await using server = await TestServer.start({ isLimited: true, environment: { LIMIT_PUBLISHES: '1' } });
    await server.deliver('repository', { action: 'created', repository: repository(), sender });
    const [first, ...others] = Array.from({ length: 6 }, (_each, index) =>
      issuesEvent('opened', { id: 1_000 + index, number: 1 + index }),
    );
    const answers = await Promise.all(
      [first, ...others].map(async (payload) => server.deliver('issues', payload)),
    );
    expect(answers.map(({ body }) => body['events'])).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

it('sockets that die in their handshakes leave no trace in the count', async () => {
  await using server = await TestServer.start({
    isLimited: true,
    environment: { ...off, LIMIT_CONNECTIONS: '40', LIMIT_CONNECTIONS_PER_ADDRESS: '2' },
  });
  const { hostname, port } = new URL(server.url);
  const upgrade = `GET /graphql HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 192.0.2.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n`;
  const deaths = [
    // In the middle of the request, behind it, as soon as there is an answer, and with a key that is none.
    async (): Promise<void> => die(upgrade, false),
    async (): Promise<void> => die(`${upgrade}\r\n`, false),
    async (): Promise<void> => die(`${upgrade}\r\n`, true),
    async (): Promise<void> => die(`${upgrade.replace(/key: \S+/, 'key: none')}\r\n`, true),
  ];
  const die = async (text: string, waits: boolean): Promise<void> => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(text);
    if (waits) await once(socket, 'data');
    socket.resetAndDestroy();
  };
  await Promise.all(Array.from({ length: 200 }, async (_each, index) => deaths[index % deaths.length]!()));
  const way = ways[0]!;
  await until(async () => (await enter(way, server, ada)).outcome === 'in');
  await until(async () => (await enter(way, server, ada)).outcome === 'in');
  expect(await enter(way, server, ada)).toMatchObject(way.refused.address);
  expect(await connections(server)).toBe(2);
});

it('a socket that goes over to another user is counted for that one', async () => {
  const environment = { ...off, LIMIT_CONNECTIONS_PER_USER: '1' };
  await using server = await TestServer.start({ isLimited: true, environment });
  using client = await TestSocket.connect(server.webSocketUrl, { token: tokenFor({ sub: 'ada' }) });
  const refresh = async (id: string, sub: string): Promise<unknown> => {
    client.subscribe(id, 'mutation ($token: String!) { refreshSession(token: $token) { ended } }', {
      token: tokenFor({ sub }),
    });
    const [next] = await client.receiveMany(2);
    return next!.payload;
  };
  const way = ways[0]!;
  const carol = await enter(way, server, { user: 'carol' });
  expect(carol.outcome).toBe('in');
  expect(codeIn(JSON.stringify(await refresh('1', 'carol')))).toBe('RATE_LIMITED');
  expect(await refresh('2', 'bob')).toEqual({ data: { refreshSession: { ended: 0 } } });
  expect((await enter(way, server, { user: 'bob' })).outcome).toBe(way.refused.user.outcome);
  expect((await enter(way, server, { user: 'ada' })).outcome).toBe('in');
});

/** Pings of 125 bytes, each masked with zeros: 64 KiB of them. */
const pings = Buffer.alloc(131 * 500);
for (let at = 0; at < pings.length; at += 131) pings.set([0x89, 0x80 | 125], at);

it.each([
  ['refused', { origin: 'https://foreign.example' }, /^HTTP\/1\.1 403 /],
  ['turned away', {}, /^HTTP\/1\.1 101 /],
])('whoever is %s at the door and goes on sending is cut off', async (_how, headers, answer) => {
  await using server = await TestServer.start({
    ...flooded,
    environment: { ...off, LIMIT_CONNECTIONS: '1' },
  });
  expect((await enter(ways[0]!, server, ada)).outcome).toBe('in');
  const { hostname, port } = new URL(server.url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(handshake(headers));
  const [told] = (await once(socket, 'data')) as [Buffer];
  expect(String(told)).toMatch(answer);
  // More than the system keeps of what nobody reads.
  const most = 16 * 1_024 * 1_024;
  while (socket.writable && socket.bytesWritten < most)
    if (!socket.write(pings))
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  await closed;
  expect(socket.bytesWritten).toBeLessThan(most);
});

it('whoever sends more than a little before it is let in is told at once, and waits for the end of it', async () => {
  await using server = await TestServer.start({ ...flooded, limits: { tarpitMs: 60_000 } });
  const { hostname, port } = new URL(server.url);
  const socket = connect({ port: Number(port), host: hostname });
  socket.on('error', () => undefined);
  const over = new Promise((resolve) => socket.once('close', resolve));
  socket.write(Buffer.concat([Buffer.from(handshake()), pings]));
  const [told] = (await once(socket, 'data')) as [Buffer];
  expect(String(told)).toMatch(/^HTTP\/1\.1 400 [^]*"code":"BAD_REQUEST"/);
  expect(socket.readyState).toBe('open');
  // Those that flooded are the first to go.
  await server.gateway.stop();
  await over;
});
