import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/store/store.ts';
import { UpsertProjectDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';

const announce = (message: string) => `mutation { announce(input: { message: "${message}" }) { cursor } }`;
const id = '01020304-0506-4708-890a-0b0c0d0e0f10';

/** The Dart clients send mutations again when they reconnect, also those that are done. */
describe.each([
  ['graphql-transport-ws', 'subscribe'],
  ['graphql-ws', 'start'],
])('a mutation that is sent again over %s', (protocol, type) => {
  let server: TestServer;
  let skew = 0;
  /** Appending waits while it is there, and fails if it comes to nothing. */
  let gate: Promise<void> | undefined;
  let waiting = 0;
  const sockets: TestSocket[] = [];

  beforeAll(async () => {
    const aroundStore = (store: EventStore): EventStore =>
      new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return async (...args: unknown[]): Promise<unknown> => {
            if (name === 'append' && gate !== undefined) {
              waiting++;
              await gate;
            }
            return Reflect.apply(value, target, args);
          };
        },
      });
    server = await TestServer.start({ now: () => Date.now() + skew, aroundStore });
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket[Symbol.dispose]();
    gate = undefined;
    waiting = 0;
    skew = 0;
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const events = async (): Promise<number> =>
    (await server.run<{ stats: { logEvents: number } }, unknown>('{ stats { logEvents } }')).stats.logEvents;
  const connect = async (token = tokenFor()): Promise<TestSocket> => {
    const socket = new TestSocket(server.webSocketUrl, { protocol });
    sockets.push(socket);
    await socket.opened();
    socket.send({ type: 'connection_init', payload: { token } });
    expect((await socket.receive()).type).toBe('connection_ack');
    return socket;
  };
  const send = (socket: TestSocket, query: string, operationId = id): void =>
    socket.send({ type, id: operationId, payload: { query } });
  const answer = async (socket: TestSocket, operationId = id): Promise<Message> => {
    for (;;) {
      const message = await socket.receive();
      if (message.id === operationId && message.type !== 'complete') return message;
    }
  };
  const run = async (query: string, options: { token?: string; id?: string } = {}): Promise<Message> => {
    const socket = await connect(options.token);
    send(socket, query, options.id);
    return answer(socket, options.id);
  };

  /** Everybody's mutation has come in, and one is being appended. */
  const areUnderWay = async (senders: readonly TestSocket[]): Promise<void> => {
    for (const socket of senders) {
      send(socket, '{ viewer { userId } }', 'behind');
      await answer(socket, 'behind');
    }
    await until(() => waiting === 1);
  };

  it('is executed once, and gets the same answer, on whatever connection of its viewer', async () => {
    const before = await events();
    const first = await run(announce('once'));
    const again = await run(announce('once'));
    expect(again).toEqual(first);
    expect(dataOf(first)).toEqual({ announce: { cursor: expect.any(String) as string } });
    const socket = await connect();
    for (const expected of [first, first]) {
      send(socket, announce('once'));
      expect(await answer(socket)).toEqual(expected);
      await until(async () => (await socket.receive()).type === 'complete');
    }
    expect(await events()).toBe(before + 1);
  });

  it('while the first is under way waits for that, also when nobody else does any more', async () => {
    const before = await events();
    let release = (): void => undefined;
    gate = new Promise((resolve) => (release = resolve));
    const lost = await connect();
    send(lost, announce('under way'));
    const others = await Promise.all([connect(), connect()]);
    for (const socket of others) send(socket, announce('under way'));
    await areUnderWay([lost, ...others]);
    lost.socket.terminate();
    release();
    const [one, two] = await Promise.all(others.map(async (socket) => answer(socket)));
    expect(dataOf(one!)).toEqual(dataOf(two!));
    expect(await events()).toBe(before + 1);
  });

  it('is executed anew where the first failed', async () => {
    const before = await events();
    let fail = (_error: Error): void => undefined;
    gate = new Promise((_resolve, reject) => (fail = reject));
    const sent = await Promise.all([connect(), connect(), connect()]);
    for (const socket of sent) send(socket, announce('in vain'));
    await areUnderWay(sent);
    // Those who come behind wait for the first, and find the store mended.
    const failed = gate;
    gate = undefined;
    fail(new Error('the disk is on fire'));
    await expect(failed).rejects.toThrow('fire');
    const answers = await Promise.all(sent.map(async (socket) => answer(socket)));
    const failures = answers.filter(({ payload }) => 'errors' in (payload as object));
    expect(failures).toHaveLength(1);
    expect(await events()).toBe(before + 1);
  });

  it('is another one with another content, of another viewer, or with an id that others may have too', async () => {
    const before = await events();
    await run(announce('mine'));
    await run(announce('something else'));
    await run(announce('mine'), { token: tokenFor({ sub: 'somebody else' }) });
    for (let window = 0; window < 2; window++) await run(announce('mine'), { id: '1' });
    expect(await events()).toBe(before + 5);
  });

  it('is executed anew after ten minutes', async () => {
    const before = await events();
    await run(announce('late'));
    skew = 9 * 60_000;
    await run(announce('late'));
    expect(await events()).toBe(before + 1);
    skew = 10 * 60_000;
    await run(announce('late'));
    expect(await events()).toBe(before + 2);
  });

  it('is executed anew where it is about its connection', async () => {
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
    const refresh = `mutation { refreshSession(token: "${tokenFor({ projects: ['p'] })}") { viewer { projects } } }`;
    const socket = await connect();
    send(socket, refresh);
    await answer(socket);
    const other = await connect();
    send(other, refresh);
    await answer(other);
    send(other, '{ viewer { projects } }', 'viewer');
    expect(dataOf(await answer(other, 'viewer'))).toEqual({ viewer: { projects: ['p'] } });
  });
});
