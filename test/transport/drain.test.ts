import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { EventStore } from '../../src/store/store.ts';
import { eventsOf, openStream } from '../support/event-stream.ts';
import { ServerProcess } from '../support/process.ts';
import { TestServer } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

const query = 'subscription { announcement { message } }';

async function listening(server: TestServer, count: number): Promise<void> {
  await until(async () => {
    const { stats } = await server.run<{ stats: { live: number } }, object>('{ stats { live } }');
    return stats.live === count;
  });
}

it('sends clients away one after the other, and serves those who are still there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidings-drain-'));
  const server = await TestServer.start({ directory, environment: { DRAIN_SECONDS: '1' } });
  const sockets = await Promise.all(
    Array.from({ length: 4 }, async () =>
      TestSocket.connect(server.webSocketUrl, { authorization: `Bearer ${server.token()}` }),
    ),
  );
  for (const socket of sockets) socket.subscribe('1', query);
  const streams = await Promise.all(
    Array.from({ length: 4 }, async () => openStream(server.graphqlUrl, { query, token: server.token() })),
  );
  await listening(server, 8);
  const ended: string[] = [];
  const [first, , , last] = sockets;
  for (const [index, socket] of sockets.entries())
    void socket.closed.then(({ code }) => ended.push(`socket ${index} ${code}`));
  const reading = streams.map(async (stream, index) => {
    const events = [];
    for await (const event of eventsOf(stream.body!)) events.push(event);
    ended.push(`stream ${index}`);
    return events;
  });

  // Over a connection that is there already: nobody new is let in.
  last!.subscribe('2', '{ serverInfo { version } }');
  await last!.receiveMany(2);
  const stopping = server.gateway.stop();
  await first!.closed;
  last!.subscribe('3', 'mutation { announce(input: { message: "still here" }) { cursor } }');
  const messages = await last!.receiveMany(2);
  expect(messages.filter(({ type, id }) => type === 'next' && id === '1').map(dataOf)).toEqual([
    { announcement: { message: 'still here' } },
  ]);
  const events = await Promise.all(reading);
  await stopping;

  expect(ended.filter((each) => each.startsWith('socket'))).toEqual(
    [0, 1, 2, 3].map((index) => `socket ${index} 1012`),
  );
  expect(ended.filter((each) => each.startsWith('stream'))).toEqual(
    [0, 1, 2, 3].map((index) => `stream ${index}`),
  );
  // Told when to come back, and not that it is over.
  for (const stream of events) {
    expect(stream[0]).toEqual({ retry: '1000' });
    expect(stream.some(({ event }) => event === 'complete')).toBe(false);
  }
  expect(JSON.stringify(events[3])).toContain('still here');
  await rm(directory, { recursive: true });
});

it('lets who is still there say so, and takes nobody out of the rooms that was sent away', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidings-drain-'));
  const options = { directory, environment: { DRAIN_SECONDS: '1' } };
  const server = await TestServer.start(options);
  const enter = (status: string): string =>
    `mutation { setPresence(input: { room: "lobby", status: ${status} }) { expiresAt } }`;
  const sockets = await Promise.all(
    ['first', 'second'].map(async (sub) => {
      const authorization = `Bearer ${server.token({ sub })}`;
      const socket = await TestSocket.connect(server.webSocketUrl, { authorization });
      socket.subscribe('1', enter('ONLINE'));
      await socket.receiveMany(2);
      return socket;
    }),
  );
  const stopping = server.gateway.stop();
  await sockets[0]!.closed;
  sockets[1]!.subscribe('2', enter('AWAY'));
  expect((await sockets[1]!.receiveMany(2)).map(({ type }) => type)).toEqual(['next', 'complete']);
  await stopping;

  await using next = await TestServer.start(options);
  const { room } = await next.run<{ room: { nodes: unknown } }, object>(
    '{ room: presence(room: "lobby") { nodes { userId status } } }',
  );
  expect(room.nodes).toEqual([
    { userId: 'first', status: 'ONLINE' },
    { userId: 'second', status: 'AWAY' },
  ]);
  await next[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

it('answers what is under way, says 503 to /ready, and takes nobody new', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let isHeld = false;
  const slow = (store: EventStore): EventStore => ({
    ...bound(store),
    append: async (log, batch) => {
      isHeld = true;
      await held;
      return store.append(log, batch);
    },
  });
  const directory = await mkdtemp(join(tmpdir(), 'tidings-drain-'));
  const server = await TestServer.start({ directory, aroundStore: slow });
  const { hostname, port } = new URL(server.url);
  const connection = connect(Number(port), hostname).setEncoding('utf8');
  const body = JSON.stringify({ query: 'mutation { announce(input: { message: "hello" }) { cursor } }' });
  const headers = [
    `host: ${hostname}:${port}`,
    `authorization: Bearer ${server.token()}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  const mutation = `POST /graphql HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
  // The second one waits there for the answer to the first.
  connection.write(`${mutation}GET /ready HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`);
  await until(() => isHeld);
  const stopping = server.gateway.stop();
  await expect(until(async () => !(await fetch(`${server.url}/health`)).ok)).rejects.toThrow('fetch failed');
  release();
  let answers = '';
  for await (const text of connection) answers += text as string;
  const [published = '', ready = ''] = answers.split(/(?=HTTP\/1.1 )/);
  expect(published).toMatch(/^HTTP\/1.1 200 OK/);
  expect(published).toContain('{"data":{"announce":{"cursor":');
  expect(ready).toMatch(/^HTTP\/1.1 503 /);
  expect(ready).toContain('"code":"SHUTTING_DOWN"');
  await stopping;
  await rm(directory, { recursive: true });
});

/** Its methods, which are on the prototype. */
function bound(store: EventStore): EventStore {
  return {
    append: (log, batch) => store.append(log, batch),
    recall: (log, keys) => store.recall(log, keys),
    read: (log, after, limit) => store.read(log, after, limit),
    readBefore: (log, before, limit) => store.readBefore(log, before, limit),
    head: (log) => store.head(log),
    entity: (log, type, id) => store.entity(log, type, id),
    entities: (log, question) => store.entities(log, question),
    watch: (log, onAppended) => store.watch(log, onAppended),
    size: (log) => store.size(log),
    ping: () => store.ping(),
    close: () => store.close(),
  };
}

it.each([
  { name: 'has left', leaves: true },
  { name: 'never leaves', leaves: false },
])('stops although it has refused a WebSocket, whose client $name', async ({ leaves }) => {
  const server = await TestServer.start();
  const { hostname, port } = new URL(server.url);
  const client = connect({ host: hostname, port: Number(port), allowHalfOpen: !leaves });
  client.write(
    `GET /nowhere HTTP/1.1\r\nhost: ${hostname}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
  );
  client.resume();
  await once(client, 'end');
  await server[Symbol.asyncDispose]();
  client.destroy();
});

it('ends with 0 after SIGTERM, and at once after a second signal', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidings-drain-'));
  await using server = await ServerProcess.start(directory, { DRAIN_SECONDS: '0' });
  await server.kill('SIGTERM');
  expect(server.child.exitCode).toBe(0);

  await using draining = await ServerProcess.start(directory, { DRAIN_SECONDS: '3600' });
  const sockets = [new TestSocket(draining.webSocketUrl), new TestSocket(draining.webSocketUrl)];
  for (const socket of sockets) await socket.opened();
  draining.child.kill('SIGTERM');
  // The first leaves at once, the second after half of the time.
  await Promise.race(sockets.map(async (socket) => socket.closed));
  await draining.kill('SIGINT');
  expect(draining.child.exitCode).toBe(130);
  await rm(directory, { recursive: true });
});
