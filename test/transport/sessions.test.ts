/** Clients that can't be changed, but can be told to send one more thing when they connect: a name for their session. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { StatsDocument } from '../generated/operations.ts';
import { announce } from '../clients/behaviour.ts';
import { altered } from '../support/altered-store.ts';
import { RedisServer } from '../support/redis.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

interface Protocol {
  readonly name: string;
  readonly subprotocol: string;
  readonly start: string;
  readonly stop: string;
  readonly result: string;
}
const protocols: readonly Protocol[] = [
  {
    name: 'graphql-transport-ws',
    subprotocol: 'graphql-transport-ws',
    start: 'subscribe',
    stop: 'complete',
    result: 'next',
  },
  { name: 'the legacy graphql-ws', subprotocol: 'graphql-ws', start: 'start', stop: 'stop', result: 'data' },
];
const query = 'subscription { announcement { message } }';
const following = 'subscription ($after: Cursor) { announcement(after: $after) { message } }';

describe.each(protocols)('over $name, a client that names its session', (protocol) => {
  let server: TestServer;
  const sockets: TestSocket[] = [];
  let session = 0;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterEach(() => {
    session++;
    for (const socket of sockets.splice(0)) socket[Symbol.dispose]();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  interface Come {
    readonly to?: TestServer;
    readonly sub?: string;
    readonly as?: string;
    readonly operation?: string;
    readonly variables?: Readonly<Record<string, unknown>>;
    /** Whether it answers pings by itself. */
    readonly autoPong?: boolean;
  }
  /** Connects and subscribes, as a client does when it comes back. */
  const come = async ({
    to = server,
    sub = 'tester',
    as = `session ${session}`,
    operation = query,
    variables = {},
    autoPong = true,
  }: Come = {}) => {
    const socket = new TestSocket(to.webSocketUrl, { protocol: protocol.subprotocol, autoPong });
    sockets.push(socket);
    await socket.opened();
    socket.send({ type: 'connection_init', payload: { token: tokenFor({ sub }), resume: as } });
    for (let type; type !== 'connection_ack';) ({ type } = await socket.receive());
    socket.send({ type: protocol.start, id: '1', payload: { query: operation, variables } });
    return socket;
  };
  const isListening = async (on = server): Promise<void> =>
    until(async () => (await on.run(StatsDocument)).stats.live === 1);
  const message = async (socket: TestSocket): Promise<string> => {
    for (;;) {
      const { type, payload } = await socket.receive();
      if (type === protocol.result)
        return (payload as { data: { announcement: { message: string } } }).data.announcement.message;
      if (type === 'error') throw new Error(JSON.stringify(payload));
    }
  };
  /** Breaks the connection, and waits until the server has noticed. */
  const leave = async (socket: TestSocket, from = server): Promise<void> => {
    socket.socket.terminate();
    await until(async () => (await from.run(StatsDocument)).stats.subscriptions.length === 0);
  };

  it('misses nothing, although it never got anything before', async () => {
    const first = await come();
    await isListening();
    await leave(first);
    await announce(server, 'while away');
    expect(await message(await come())).toBe('while away');
  });

  it('gets again what it has not proved to have', async () => {
    const first = await come();
    await isListening();
    for (const each of ['one', 'two']) {
      await announce(server, each);
      expect(await message(first)).toBe(each);
    }
    await leave(first);
    const second = await come();
    expect([await message(second), await message(second)]).toEqual(['one', 'two']);
  });

  it('does not get again what its answers to pings prove', async () => {
    await using pinging = await TestServer.start({ limits: { pingMs: 300 } });
    const first = await come({ to: pinging });
    await isListening(pinging);
    await announce(pinging, 'one');
    expect(await message(first)).toBe('one');
    const announced = ['one'];
    for (let got = ''; got !== announced.at(-1);) {
      const socket = sockets.at(-1)!;
      for (let pings = 0; pings < 2; pings++) await once(socket.socket, 'ping');
      await leave(socket, pinging);
      // Its answer may have been on its way still: then there is a next time.
      announced.push(`after ${announced.length} breaks`);
      await announce(pinging, announced.at(-1)!);
      got = await message(await come({ to: pinging }));
      expect(announced).toContain(got);
    }
  });

  it('does not get again what a later answer proves, where an earlier one proved nothing', async () => {
    await using pinging = await TestServer.start({ limits: { pingMs: 300 } });
    const first = await come({ to: pinging, autoPong: false });
    let proves = false;
    first.socket.on('ping', (payload) => first.socket.pong(proves ? payload : ''));
    await isListening(pinging);
    await announce(pinging, 'one');
    expect(await message(first)).toBe('one');
    await once(first.socket, 'ping');
    proves = true;
    // The second one comes only to those who have answered the first.
    for (let pings = 0; pings < 2; pings++) await once(first.socket, 'ping');
    await leave(first, pinging);
    await announce(pinging, 'two');
    expect(await message(await come({ to: pinging }))).toBe('two');
  });

  it('starts anew with an operation that it has ended itself', async () => {
    const first = await come();
    await isListening();
    first.send({ type: protocol.stop, id: '1' });
    await until(async () => (await server.run(StatsDocument)).stats.subscriptions.length === 0);
    await announce(server, 'for nobody');
    await leave(first);
    const second = await come();
    await isListening();
    await announce(server, 'now');
    expect(await message(second)).toBe('now');
  });

  it('starts anew also where it starts again in the same moment', async () => {
    const socket = await come();
    await isListening();
    await announce(server, 'before');
    expect(await message(socket)).toBe('before');
    for (let round = 0; round < 20; round++) {
      socket.send({ type: protocol.stop, id: '1' });
      socket.send({ type: protocol.start, id: '1', payload: { query } });
    }
    await isListening();
    // What was stopped before it had begun has left no place either.
    socket.send({ type: protocol.stop, id: '1' });
    await until(async () => (await server.run(StatsDocument)).stats.subscriptions.length === 0);
    await announce(server, 'for nobody');
    socket.send({ type: protocol.start, id: '1', payload: { query } });
    await isListening();
    await announce(server, 'now');
    expect(await message(socket)).toBe('now');
  });

  it('finds the place of what it has started last, although it stopped the one before while that began', async () => {
    let hold: Promise<void> | undefined;
    let isHeld: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (isHeld = resolve));
    await using slow = await TestServer.start({
      aroundStore: (store) =>
        altered(store, {
          async head(log) {
            const holding = hold;
            hold = undefined;
            if (holding !== undefined) isHeld();
            await holding;
            return store.head(log);
          },
        }),
    });
    let release: () => void = () => undefined;
    hold = new Promise((resolve) => (release = resolve));
    const first = await come({ to: slow });
    await held;
    first.send({ type: protocol.stop, id: '1' });
    first.send({ type: protocol.start, id: '1', payload: { query } });
    // By its answer the messages before have been looked at, too.
    first.send({ type: protocol.start, id: '2', payload: { query: '{ viewer { userId } }' } });
    for (let type; type !== 'complete';) ({ type } = await first.receive());
    release();
    await isListening(slow);
    await leave(first, slow);
    await announce(slow, 'while away');
    const second = await come({ to: slow });
    await isListening(slow);
    await announce(slow, 'now');
    expect(await message(second)).toBe('while away');
  });

  // graphql-transport-ws closes the connection for an id in use.
  if (protocol.start === 'start')
    it('goes on where it was, although it sends its start twice', async () => {
      const first = await come();
      await isListening();
      await leave(first);
      await announce(server, 'while away');
      const second = await come();
      second.send({ type: protocol.start, id: '1', payload: { query } });
      await isListening();
      await announce(server, 'now');
      const messages = [await message(second)];
      while (messages.at(-1) !== 'now') messages.push(await message(second));
      expect(messages.slice(-2)).toEqual(['while away', 'now']);
    });

  it('goes on behind the cursor in its operation where that is later than what it has proved', async () => {
    const first = await come({ operation: following });
    await isListening();
    await announce(server, 'one');
    const after = await announce(server, 'two');
    await message(first);
    await leave(first);
    await announce(server, 'while away');
    expect(await message(await come({ operation: following, variables: { after } }))).toBe('while away');
  });

  it('goes on where it was, although it sends an older cursor again', async () => {
    const after = await announce(server, 'old');
    await announce(server, 'older than its place');
    const first = await come({ operation: following });
    await isListening();
    await leave(first);
    await announce(server, 'while away');
    expect(await message(await come({ operation: following, variables: { after } }))).toBe('while away');
  });

  it.each([
    ['another user', { sub: 'somebody else' }],
    ['another session', { as: 'another' }],
    ['another operation', { operation: 'subscription { announcement { message severity } }' }],
  ])('shares its place with nobody: not with %s', async (_what, other) => {
    const first = await come();
    await isListening();
    await leave(first);
    await announce(server, 'while away');
    const stranger = await come(other);
    await isListening();
    await announce(server, 'now');
    expect(await message(stranger)).toBe('now');
  });

  it('takes its place along when it becomes another user on its open connection', async () => {
    const first = await come({ sub: 'one' });
    await isListening();
    const refresh = `mutation { refreshSession(token: "${tokenFor({ sub: 'two' })}") { ended } }`;
    first.send({ type: protocol.start, id: '2', payload: { query: refresh } });
    for (let type; type !== 'complete';) ({ type } = await first.receive());
    await leave(first);
    await announce(server, 'while away');
    const [one, two] = [await come({ sub: 'one' }), await come({ sub: 'two' })];
    await until(async () => (await server.run(StatsDocument)).stats.live === 2);
    await announce(server, 'now');
    expect(await message(one)).toBe('now');
    expect([await message(two), await message(two)]).toEqual(['while away', 'now']);
  });

  it('never goes on where another user has come in its session', async () => {
    await using pinging = await TestServer.start({ limits: { pingMs: 300 } });
    const first = await come({ to: pinging, sub: 'one' });
    await isListening(pinging);
    await announce(pinging, 'before');
    const refresh = `mutation { refreshSession(token: "${tokenFor({ sub: 'two' })}") { ended } }`;
    first.send({ type: protocol.start, id: '2', payload: { query: refresh } });
    for (let type; type !== 'complete';) ({ type } = await first.receive());
    await announce(pinging, 'seen by the other');
    // Each ping asks for what was before it, and its answer is there by the one after the next.
    for (let pings = 0; pings < 3; pings++) await once(first.socket, 'ping');
    await leave(first, pinging);
    await announce(pinging, 'while away');
    const again = await come({ to: pinging, sub: 'one' });
    await isListening(pinging);
    await announce(pinging, 'now');
    expect(await message(again)).toBe('now');
  });

  it('goes on after a restart of the server', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidings-test-'));
    try {
      const before = await TestServer.start({ directory });
      await come({ to: before });
      await isListening(before);
      await before[Symbol.asyncDispose]();
      await using after = await TestServer.start({ directory });
      await announce(after, 'while away');
      expect(await message(await come({ to: after }))).toBe('while away');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('goes on at another server', async () => {
    await using redis = await RedisServer.start({ config: ['appendonly yes', 'appendfsync always'] });
    const options = { environment: { REDIS_URL: redis.url } };
    await using one = await TestServer.start(options);
    await using two = await TestServer.start(options);
    const first = await come({ to: one });
    await isListening(one);
    await leave(first, one);
    await announce(one, 'while away');
    const second = await come({ to: two });
    expect(await message(second)).toBe('while away');
  });
});
