/** Clients that send a query or a mutation right behind a subscription, on the same WebSocket. */
import { describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/store/store.ts';
import { altered } from '../support/altered-store.ts';
import { StillTime } from '../support/still-time.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TestSocket, type Message } from '../support/socket.ts';

const protocols = [
  { protocol: 'graphql-transport-ws', start: 'subscribe', stop: 'complete', result: 'next' },
  { protocol: 'graphql-ws', start: 'start', stop: 'stop', result: 'data' },
] as const;

const subscription = 'subscription { fileChanged(repoId: "r") { files { path } } }';
const change = (path: string): string => `mutation { reportFileChange(input: {
  repoId: "r", files: [{ path: "${path}", changeType: MODIFIED }] }) { cursor } }`;
const changed = (path: string): object => ({ data: { fileChanged: { files: [{ path }] } } });
const register = `mutation { upsertProject(input: { id: "p", name: "P" }) { cursor }
  registerRepository(input: { projectId: "p", fullName: "o/r", repoId: "r" }) { cursor } }`;

/** What a subscription asks of the store before it begins. */
const looks = [
  { look: 'who may read the repository', method: 'entities' },
  { look: 'where the log ends', method: 'head' },
] as const;

/** A server whose store doesn't answer the first who asks that, until it is let go. */
async function held(method: 'entities' | 'head') {
  const looking = { letGo: (): void => undefined };
  let going: Promise<void> | undefined;
  const aroundStore = (store: EventStore): EventStore =>
    altered(store, {
      [method]: async (...args: Parameters<EventStore['entities']>) => {
        const first = going;
        going = undefined;
        await first;
        return (store[method] as EventStore['entities'])(...args);
      },
    });
  const server = await TestServer.start({ aroundStore });
  await server.run(register);
  going = new Promise((resolve) => (looking.letGo = resolve));
  return { server, looking };
}

describe.each(protocols)('over $protocol', ({ protocol, start, stop, result }) => {
  const connect = async ({ webSocketUrl }: TestServer): Promise<TestSocket> =>
    TestSocket.connect(webSocketUrl, { token: tokenFor() }, { protocol });
  const send = (socket: TestSocket, id: string, query: string): void =>
    socket.send({ type: start, id, payload: { query } });
  /** All results until those of some operations have come, by operation. */
  const results = async (socket: TestSocket, until: Record<string, number>) => {
    const found: Record<string, unknown[]> = {};
    while (Object.entries(until).some(([id, count]) => (found[id] ?? []).length < count)) {
      const { type, id = '', payload }: Message = await socket.receive();
      if (type === result) (found[id] ??= []).push(payload);
    }
    return found;
  };

  it.each(looks)('a subscription hears of a mutation behind it, while it looks $look', async ({ method }) => {
    const { server, looking } = await held(method);
    await using _ = server;
    using socket = await connect(server);
    send(socket, 'listening', subscription);
    send(socket, 'first', change('mine'));
    send(socket, 'second', change('mine, too'));
    await socket.taken();
    // Whatever was not waited for is written before this is.
    await server.run(change("somebody else's"));
    looking.letGo();
    const { listening } = await results(socket, { listening: 2, first: 1, second: 1 });
    expect(listening!.slice(-2)).toEqual([changed('mine'), changed('mine, too')]);
  });

  it('a query behind a subscription shows nothing older than what that begins with', async () => {
    const { server, looking } = await held('head');
    await using _ = server;
    using socket = await connect(server);
    send(socket, 'listening', subscription);
    send(socket, 'asking', '{ events(last: 1) { nodes { ... on FileChange { files { path } } } } }');
    await socket.taken();
    await server.run(change('meanwhile'));
    looking.letGo();
    const { asking } = await results(socket, { asking: 1 });
    expect(asking).toEqual([{ data: { events: { nodes: [{ files: [{ path: 'meanwhile' }] }] } } }]);
  });

  it('a mutation goes on when the subscription before it is stopped', async () => {
    const { server, looking } = await held('head');
    await using _ = server;
    using socket = await connect(server);
    send(socket, 'listening', subscription);
    send(socket, 'publishing', change('mine'));
    socket.send({ type: stop, id: 'listening' });
    const { publishing } = await results(socket, { publishing: 1 });
    expect(publishing).toEqual([{ data: { reportFileChange: { cursor: expect.any(String) as string } } }]);
    looking.letGo();
  });

  it('a mutation that is stopped while it waits is not executed', async () => {
    const { server, looking } = await held('head');
    await using _ = server;
    using socket = await connect(server);
    send(socket, 'listening', subscription);
    send(socket, 'first', change('stopped'));
    send(socket, 'second', change('mine'));
    socket.send({ type: stop, id: 'first' });
    await socket.taken();
    looking.letGo();
    const found = await results(socket, { listening: 1, second: 1 });
    expect(found).toEqual({ listening: [changed('mine')], second: [expect.anything()] });
  });

  it('a mutation waits 2 seconds, and not for a store that does not answer', async () => {
    using time = new StillTime();
    const { server, looking } = await held('head');
    using socket = await connect(server);
    send(socket, 'listening', subscription);
    send(socket, 'publishing', change('mine'));
    await socket.taken();
    await time.pass(1_999);
    await socket.taken();
    expect(await cursors(server)).toBe(2);
    await time.pass(1);
    await results(socket, { publishing: 1 });
    looking.letGo();
    time[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });
});

/** How many events there are. */
async function cursors(server: TestServer): Promise<number> {
  const { events } = await server.run<{ events: { nodes: unknown[] } }, object>(
    '{ events(first: 10) { nodes { cursor } } }',
  );
  return events.nodes.length;
}
