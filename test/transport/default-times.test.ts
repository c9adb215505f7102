/** How long a server waits that was started without settings: the times of RELIABILITY's table, over every transport that has them. */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settings } from '../../src/config.ts';
import { StillTime } from '../support/still-time.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { drivers } from './drivers.ts';

let time: StillTime;
let server: TestServer;
beforeEach(async () => {
  time = new StillTime();
  server = await TestServer.start();
});
afterEach(async () => {
  // First of all: whatever happens, time goes on for the tests after this one.
  time[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

const connections = async (): Promise<number> => {
  const { stats } = await server.run<{ stats: { connections: { count: number }[] } }, object>(
    '{ stats { connections { count } } }',
  );
  return stats.connections.reduce((sum, { count }) => sum + count, 0);
};

describe.each(['graphql-transport-ws', 'graphql-ws'])('a socket of %s', (protocol) => {
  const open = async (url = server.webSocketUrl, options = {}): Promise<TestSocket> => {
    const socket = new TestSocket(url, { protocol, ...options });
    await socket.opened();
    return socket;
  };
  const admitted = async (url = server.webSocketUrl, options = {}): Promise<TestSocket> => {
    const socket = await open(url, options);
    socket.send({ type: 'connection_init', payload: { token: tokenFor() } });
    expect((await socket.receive()).type).toBe('connection_ack');
    return socket;
  };
  /** It is still there: it gets an answer. */
  const answers = async (socket: TestSocket): Promise<void> => {
    socket.socket.ping();
    await once(socket.socket, 'pong');
  };

  it('has 3 seconds to say who it is', async () => {
    using punctual = await open();
    using late = await open();
    await time.pass(2_999);
    punctual.send({ type: 'connection_init', payload: { token: tokenFor() } });
    expect((await punctual.receive()).type).toBe('connection_ack');
    await answers(late);
    await time.pass(1);
    expect((await time.passUntil(late.closed)).code).toBe(4408);
    await answers(punctual);
  });

  it('is pinged every 12 seconds, and has as long to answer', async () => {
    using alive = await admitted();
    using gone = await admitted(server.webSocketUrl, { autoPong: false });
    const pings = { alive: 0, gone: 0 };
    alive.socket.on('ping', () => pings.alive++);
    gone.socket.on('ping', () => pings.gone++);
    await time.pass(11_999);
    await answers(alive);
    expect(pings).toEqual({ alive: 0, gone: 0 });
    await time.pass(1);
    await time.until(() => pings.alive === 1 && pings.gone === 1);
    await answers(alive);
    await time.pass(11_999);
    await answers(gone);
    await time.pass(1);
    expect((await gone.closed).code).toBe(1006);
    await time.until(() => pings.alive === 2);
  });

  it('is kept for 5 seconds when it floods', async () => {
    await using own = await TestServer.start({ isLimited: true });
    using flooding = await admitted(own.webSocketUrl);
    for (let count = 0; count < 500; count++) flooding.socket.ping();
    await time.until(() => flooding.socket.readyState === flooding.socket.CLOSING);
    await time.pass(4_999);
    expect(flooding.socket.readyState).toBe(flooding.socket.CLOSING);
    await time.pass(1);
    expect((await flooding.closed).code).toBe(4429);
  });

  it('is one of those that are sent away evenly over 20 seconds, with 1012', async () => {
    const environment = { DRAIN_SECONDS: settings.DRAIN_SECONDS.default };
    await using own = await TestServer.start({ environment });
    const url = own.webSocketUrl;
    const sockets = [await admitted(url), await admitted(url), await admitted(url), await admitted(url)];
    const stopping = own.gateway.stop();
    for (const [index, socket] of sockets.entries()) {
      for (const still of sockets.slice(index)) await answers(still);
      // The first one goes at once, the others 5 seconds after each other.
      await time.pass(index === 0 ? 0 : 1);
      expect((await socket.closed).code).toBe(1012);
      await time.pass(4_999);
    }
    await time.passUntil(stopping);
  });
});

describe.each(drivers)('a client over $name', (driver) => {
  it('is cut off when it has taken nothing for 30 seconds', async () => {
    const peer = await driver.connect(server.graphqlUrl, tokenFor());
    const operation = peer.start('subscription { announcement { message } }');
    const state = async (): Promise<{ live: number; parked: number }> =>
      (await server.run<{ stats: { live: number; parked: number } }, object>('{ stats { live parked } }'))
        .stats;
    await time.until(async () => (await state()).live === 1);
    peer.pause();
    // Small ones: so many of them are given to its connection at a time that it has 30 seconds for each 14 KiB.
    const events = Array.from({ length: 200 }, () => ({
      type: 'ANNOUNCEMENT',
      data: { message: 'x'.repeat(700) },
    }));
    const publish =
      'mutation ($events: [EventInput!]!) { publishEvents(input: { events: $events }) { duplicate } }';
    while ((await state()).parked === 0) await server.run(publish, { events });
    await time.pass(29_999);
    expect(await connections()).toBe(1);
    await time.pass(2_000);
    await time.until(async () => (await connections()) === 0);
    peer.resume();
    expect(await operation.ended).toBe('interrupted');
    peer[Symbol.dispose]();
  });
});

describe('a connection on which nothing is asked any more', () => {
  /** After an answer. */
  const idle = async (url: string): Promise<{ socket: Socket; answer: string }> => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET /health HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return { socket, answer: String(answer) };
  };

  it('is kept for 75 seconds: longer than proxies keep it', async () => {
    const { socket, answer } = await idle(server.url);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain('\r\nKeep-Alive: timeout=75\r\n');
    socket.destroy();
  });

  it('is closed at once when the server stops, though others may stay for a while', async () => {
    const environment = { DRAIN_SECONDS: settings.DRAIN_SECONDS.default };
    await using own = await TestServer.start({ environment });
    const { socket } = await idle(own.url);
    using first = await TestSocket.connect(own.webSocketUrl, { token: tokenFor() });
    using second = await TestSocket.connect(own.webSocketUrl, { token: tokenFor() });
    const stopping = own.gateway.stop();
    await once(socket.resume(), 'close');
    second.socket.ping();
    await once(second.socket, 'pong');
    await time.passUntil(Promise.all([first.closed, second.closed, stopping]));
  });
});

it.each(['POST', 'PUT', 'HEAD', 'OPTIONS'])(
  'a client that begins to send more than anybody wants is answered at once: %s',
  async (method) => {
    const sending = request(`${server.url}/nowhere`, { method, agent: false });
    sending.setHeader('content-length', 1_000_000).flushHeaders();
    const [response] = (await once(sending, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(404);
    sending.destroy();
  },
);

describe('somebody in a room', () => {
  const enter = 'mutation { setPresence(input: { room: "lobby" }) { expiresAt } }';
  const statusOf = async (): Promise<unknown> => {
    const { presence } = await server.run<{ presence: { nodes: { status: string }[] } }, object>(
      '{ presence(room: "lobby") { nodes { status } } }',
    );
    return presence.nodes[0]?.status;
  };

  it('without a WebSocket is there for 30 seconds', async () => {
    const { setPresence } = await server.run<{ setPresence: { expiresAt: string } }, object>(enter);
    expect(Date.parse(setPresence.expiresAt) - Date.now()).toBe(30_000);
    await time.pass(29_999);
    expect(await statusOf()).toBe('ONLINE');
    await time.pass(1_001);
    await time.until(async () => (await statusOf()) !== 'ONLINE');
  });

  it('is there for as long as the WebSocket is, which is looked after every 10 seconds', async () => {
    using socket = await TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
    socket.subscribe('1', enter);
    await socket.receiveMany(2);
    for (let tens = 0; tens < 12; tens++) {
      await time.pass(10_000);
      // Its pings are to be answered.
      await socket.drain();
      expect(await statusOf()).toBe('ONLINE');
    }
  });
});

it('events are kept for 72 hours', async () => {
  const announce = 'mutation { announce(input: { message: "hello" }) { cursor } }';
  const publish = async (): Promise<string> =>
    (await server.run<{ announce: { cursor: string } }, object>(announce)).announce.cursor;
  const kept = async (after: string): Promise<boolean> => {
    const query = 'query ($after: Cursor) { events(after: $after) { headCursor } }';
    return (await server.query(query, { after })).errors === undefined;
  };
  const first = await publish();
  await publish();
  time.leap(72 * 3_600_000 - 1);
  await publish();
  expect(await kept(first)).toBe(true);
  time.leap(2);
  // Trimming runs beside the writes.
  await time.until(async () => {
    await publish();
    return !(await kept(first));
  });
});
