/** Clients on a WebSocket that wait for the answers of queries and mutations while their server goes away. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/store/store.ts';
import { altered } from '../support/altered-store.ts';
import { TestServer, tokenFor, type TestServerOptions } from '../support/server.ts';
import { dataOf, TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';

const protocols = [
  { protocol: 'graphql-transport-ws', start: 'subscribe', result: 'next' },
  { protocol: 'graphql-ws', start: 'start', result: 'data' },
] as const;

const announce = (message: string): string =>
  `mutation { announce(input: { message: "${message}" }) { cursor } }`;

describe.each(protocols)('over $protocol', ({ protocol, start, result }) => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidings-drain-'));
  });
  afterEach(async () => rm(directory, { recursive: true }));

  const connect = async ({ webSocketUrl }: TestServer): Promise<TestSocket> =>
    TestSocket.connect(webSocketUrl, { token: tokenFor() }, { protocol });
  const send = (socket: TestSocket, id: string, query: string): void =>
    socket.send({ type: start, id, payload: { query } });
  const restOf = async (socket: TestSocket): Promise<Message[]> => {
    const messages: Message[] = [];
    await socket.closed;
    for (;;) {
      const message = await socket.receive().catch(() => undefined);
      if (message === undefined) return messages.filter(({ type }) => type !== 'ka');
      messages.push(message);
    }
  };
  /** What is in the log. */
  const written = async (): Promise<string[]> => {
    await using next = await TestServer.start({ directory });
    const { events } = await next.run<{ events: { nodes: { message: string }[] } }, object>(
      '{ events(first: 100) { nodes { ... on Announcement { message } } } }',
    );
    return events.nodes.map(({ message }) => message);
  };
  /** A server whose writes wait until they are let go. */
  const held = async (limits: TestServerOptions['limits'] = {}) => {
    const writes = { count: 0, letGo: (): void => undefined };
    const going = new Promise<void>((resolve) => (writes.letGo = resolve));
    const aroundStore = (store: EventStore): EventStore =>
      altered(store, {
        append: async (log, batch) => {
          writes.count += 1;
          await going;
          return store.append(log, batch);
        },
      });
    const server = await TestServer.start({ directory, aroundStore, limits });
    return { server, writes };
  };

  it('is answered what was taken, and only then sent away; nothing more is taken', async () => {
    const { server, writes } = await held();
    const [idle, socket] = [await connect(server), await connect(server)];
    send(socket, 'listening', 'subscription { announcement { message } }');
    send(socket, 'asking', '{ stats { live } }');
    send(socket, 'publishing', announce('taken'));
    await until(() => writes.count === 1);

    const stopping = server.gateway.stop();
    expect((await idle.closed).code).toBe(1012);
    send(socket, 'too late', announce('not taken'));
    send(socket, 'late listening', 'subscription { announcement { message } }');
    await socket.taken();
    writes.letGo();
    const messages = await restOf(socket);
    await stopping;

    expect((await socket.closed).code).toBe(1012);
    const of = (id: string): Message[] => messages.filter((message) => message.id === id);
    expect(of('asking').map(({ type }) => type)).toEqual([result, 'complete']);
    expect(of('publishing').map(({ type }) => type)).toEqual([result, 'complete']);
    expect(dataOf(of('publishing')[0]!)).toEqual({ announce: { cursor: expect.any(String) as string } });
    expect(messages.filter(({ id }) => id?.includes('late'))).toEqual([]);
    expect(await written()).toEqual(['taken']);
  });

  it('is sent away without an answer that does not come in the time that is left', async () => {
    const { server, writes } = await held({ closeGraceMs: 0 });
    const socket = await connect(server);
    send(socket, 'publishing', announce('too slow'));
    await until(() => writes.count === 1);
    const stopping = server.gateway.stop();
    expect(await restOf(socket)).toEqual([]);
    expect((await socket.closed).code).toBe(1012);
    writes.letGo();
    await stopping;
  });

  it('hears of everything that is written, though it waits for its turn', async () => {
    const environment = { LIMIT_PUBLISHES: '20', DRAIN_SECONDS: '1' };
    const server = await TestServer.start({ directory, environment });
    // The second one leaves later, and until then what waits goes on.
    const [socket] = [await connect(server), await connect(server)];
    const names = Array.from({ length: 20 }, (_, index) => `number ${index}`);
    for (const name of names) send(socket, name, announce(name));
    await socket.taken();
    await server.gateway.stop();
    const answered = (await restOf(socket)).filter(({ type }) => type === result);
    expect(answered.map(({ id }) => id)).toEqual(names);
    for (const answer of answered) dataOf(answer);
    expect(await written()).toEqual(names);
  });
});
