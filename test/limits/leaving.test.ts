/** Clients that come back before they were told to, and leave while they are kept waiting for the refusal. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { scrape, valueOf } from '../ops/exposition.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ways } from './clients.ts';

const address = '192.0.2.1';
const query = encodeURIComponent('subscription { announcement { message } }');
const upgrade = (protocol: string): string[] => [
  'GET /graphql HTTP/1.1',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  `sec-websocket-protocol: ${protocol}`,
];
const stream = (accept: string): string[] => [
  `GET /graphql?query=${query} HTTP/1.1`,
  `authorization: Bearer ${tokenFor({ sub: 'ada' })}`,
  `accept: ${accept}`,
];
/** How each way in begins. */
const requests = [
  upgrade('graphql-transport-ws'),
  upgrade('graphql-ws'),
  stream('text/event-stream'),
  stream('multipart/mixed;subscriptionSpec=1.0'),
];

it.each(ways.map((way, index) => ({ name: way.name, way, request: requests[index]! })))(
  'who has left while it was kept waiting takes no place: over $name',
  async ({ way, request }) => {
    // Nobody's time to wait is over before the test says so.
    let now = Date.now();
    await using server = await TestServer.start({
      isLimited: true,
      now: () => now,
      environment: {
        LIMIT_CONNECTIONS: '1',
        LIMIT_CONNECTIONS_PER_ADDRESS: '1',
        LIMIT_NEW_CONNECTIONS: '0',
        LIMIT_NEW_CONNECTIONS_PER_ADDRESS: '1',
      },
    });
    const enter = async (): Promise<{
      readonly outcome: string;
      readonly retryAfter: string | undefined;
    }> => {
      using attempt = await way.enter(server, { user: 'ada', address });
      return attempt;
    };
    const refused = async (): Promise<number> =>
      valueOf(await scrape(server.url), 'tidings_limits_hit_total', {
        limit: 'new_connections_per_address',
      });
    const inside = async (): Promise<number> =>
      (
        await server.run<{ stats: { connections: { count: number }[] } }, object>(
          '{ stats { connections { count } } }',
        )
      ).stats.connections.reduce((sum, { count }) => sum + count, 0);

    await until(async () => (await enter()).retryAfter === '1');
    await until(async () => (await inside()) === 0);
    const before = await refused();
    const { hostname, port } = new URL(server.url);
    const leaving = connect(Number(port), hostname);
    const headers = [`host: ${hostname}:${port}`, `x-forwarded-for: ${address}`];
    leaving.write([...request, ...headers, '', ''].join('\r\n'), () => leaving.destroy());
    await once(leaving, 'close');
    await until(async () => (await refused()) === before + 1);

    expect(await inside()).toBe(0);
    await until(async () => {
      now += 1_000;
      return (await enter()).outcome === 'in';
    });
  },
);
