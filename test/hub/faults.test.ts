import { afterEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import { storeUnavailable } from '../../src/store/store.ts';
import { AnnounceDocument } from '../generated/operations.ts';
import { altered } from '../support/altered-store.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';

type OnAppended = (entries: readonly Entry[]) => void;

/** Holds up whoever passes until it is opened. */
function gate() {
  let reach: () => void = () => undefined;
  let open: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  const pass = async (): Promise<void> => {
    reach();
    await opened;
  };
  return { reached, open, pass };
}

const wakeUps: Record<string, (pass: OnAppended) => OnAppended> = {
  lost: (pass) => {
    let count = 0;
    return (entries) => (++count % 3 === 0 ? pass(entries) : undefined);
  },
  'all lost': () => () => undefined,
  doubled: (pass) => (entries) => {
    pass(entries);
    pass(entries);
  },
  'out of order': (pass) => {
    let held: readonly Entry[] | undefined;
    return (entries) => {
      const earlier = held;
      held = earlier === undefined ? entries : undefined;
      pass(entries);
      if (earlier !== undefined) pass(earlier);
    };
  },
  late: (pass) => (entries) => void setTimeout(() => pass(entries), 20),
};

describe('subscribers see every event once and in order although wake-ups are', () => {
  let server: TestServer;
  afterEach(async () => server[Symbol.asyncDispose]());

  const expectAll = async (total: number): Promise<void> => {
    using socket = await TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
    const { cursor: after } = (await server.run(AnnounceDocument, { input: { message: 'start' } })).announce;
    socket.subscribe('1', 'subscription ($after: Cursor) { announcement(after: $after) { message } }', {
      after,
    });
    const messages = Array.from({ length: total }, (_, index) => `event ${index}`);
    for (const message of messages) await server.run(AnnounceDocument, { input: { message } });
    const seen = (await socket.receiveMany(total)).map((message) => dataOf(message)['announcement']);
    expect(seen).toEqual(messages.map((message) => ({ message })));
  };

  for (const [name, distort] of Object.entries(wakeUps)) {
    it(name, async () => {
      server = await TestServer.start({
        limits: { positionCheckMs: 20 },
        aroundStore: (store) =>
          altered(store, { watch: async (log, onAppended) => store.watch(log, distort(onAppended)) }),
      });
      await expectAll(50);
    });
  }

  it('there, but come while the feed opens', async () => {
    const head = gate();
    server = await TestServer.start({
      limits: { positionCheckMs: 600_000 },
      aroundStore: (store) =>
        altered(store, {
          head: async (log) => {
            const position = await store.head(log);
            if (log.stream === 'events') await head.pass();
            return position;
          },
        }),
    });
    using socket = await TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
    socket.subscribe('1', 'subscription { announcement { message } }');
    await head.reached;
    await server.run(AnnounceDocument, { input: { message: 'meanwhile' } });
    head.open();
    expect(dataOf(await socket.receive())).toEqual({ announcement: { message: 'meanwhile' } });
  });

  it('there, but reads of the log fail at times', async () => {
    let reads = 0;
    server = await TestServer.start({
      limits: { positionCheckMs: 20, retryMs: 5 },
      aroundStore: (store) =>
        altered(store, {
          watch: async (log) => store.watch(log, () => undefined),
          read: async (...args) => {
            if (++reads % 2 === 1) throw storeUnavailable();
            return store.read(...args);
          },
        }),
    });
    await expectAll(20);
    expect(reads).toBeGreaterThan(1);
  });
});
