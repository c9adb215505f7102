/** Clients that give the id of an operation which they have ended to the next one, while results of the first still wait for them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  AnnounceDocument,
  ReportWorkflowDocument,
  StatsDocument,
  UpsertProjectDocument,
} from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

const progress = 'subscription { workflowProgress(projectId: "p") { percent logs } }';
const announcements = 'subscription { announcement { message } }';

interface Protocol {
  readonly name: string;
  readonly subprotocol: string;
  readonly start: string;
  /** What ends an operation; null where the next one does that. */
  readonly stop: string | null;
}
const protocols: readonly Protocol[] = [
  {
    name: 'graphql-transport-ws, behind its complete',
    subprotocol: 'graphql-transport-ws',
    start: 'subscribe',
    stop: 'complete',
  },
  {
    name: 'the legacy graphql-ws, behind its stop',
    subprotocol: 'graphql-ws',
    start: 'start',
    stop: 'stop',
  },
  { name: 'the legacy graphql-ws, in its place', subprotocol: 'graphql-ws', start: 'start', stop: null },
];

describe.each(protocols)('over $name, an operation with the id of another', (protocol) => {
  let server: TestServer;
  let socket: TestSocket;
  const size = 160_000;
  const highWaterMark = 50 * size;

  beforeAll(async () => {
    // Whoever doesn't read doesn't answer pings either.
    server = await TestServer.start({ limits: { highWaterMark, pingMs: 600_000 } });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
  });
  afterEach(() => socket[Symbol.dispose]());
  afterAll(async () => server[Symbol.asyncDispose]());

  const stats = async () => (await server.run(StatsDocument)).stats;
  const start = (query: string): void => socket.send({ type: protocol.start, id: '1', payload: { query } });
  const isListening = async (field: string): Promise<void> =>
    until(async () => {
      const { subscriptions } = await stats();
      return subscriptions.length === 1 && subscriptions[0]?.name === field;
    });

  it('gets nothing of what still waited for that', async () => {
    socket = new TestSocket(server.webSocketUrl, { protocol: protocol.subprotocol });
    await socket.opened();
    socket.send({ type: 'connection_init', payload: { token: tokenFor() } });
    for (let type; type !== 'connection_ack';) ({ type } = await socket.receive());
    start(progress);
    await isListening('workflowProgress');
    socket.socket.pause();
    const before = (await stats()).deliveries;
    const logs = Array.from({ length: size / 8_000 }, () => 'x'.repeat(8_000));
    for (let percent = 0; (await stats()).parked === 0; percent = (percent + 1) % 100)
      await server.run(ReportWorkflowDocument, { input: { id: 'w', projectId: 'p', percent, logs } });
    const written = (await stats()).deliveries - before;

    if (protocol.stop !== null) socket.send({ type: protocol.stop, id: '1' });
    start(announcements);
    await isListening('announcement');
    await server.run(AnnounceDocument, { input: { message: 'now' } });
    socket.socket.resume();
    const results: string[] = [];
    while (!results.includes('announcement')) {
      const { payload } = await socket.receive();
      results.push(...Object.keys((payload as { data?: object } | undefined)?.data ?? {}));
    }
    // The kernel had taken some of it before, and was taking one, but not the others that had made the server stop writing.
    const waiting = highWaterMark / size - 1;
    expect(written).toBeGreaterThan(waiting);
    expect(results.length).toBeLessThanOrEqual(written - waiting + 1);
    await server.run(AnnounceDocument, { input: { message: 'and then' } });
    expect((await socket.receive()).payload).toEqual({ data: { announcement: { message: 'and then' } } });
  }, 60_000);
});
