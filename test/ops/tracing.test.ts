import { createHmac, randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { UpsertProjectDocument } from '../generated/operations.ts';
import { RedisServer } from '../support/redis.ts';
import { WEBHOOK_SECRET } from '../support/keys.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';
import { Collector, type Span } from './collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const traceparent = `00-${TRACE}-${CALLER}-01`;

const EVERYTHING = 'subscription { events { type } }';

async function listen(server: TestServer): Promise<TestSocket> {
  const socket = await TestSocket.connect(server.webSocketUrl, { authorization: `Bearer ${server.token()}` });
  socket.subscribe('1', EVERYTHING);
  await until(async () => {
    const { stats } = await server.run<{ stats: { live: number } }, object>('{ stats { live } }');
    return stats.live === 1;
  });
  return socket;
}

async function announce(server: TestServer, headers: Readonly<Record<string, string>>): Promise<void> {
  const query = 'mutation { announce(input: { message: "hello" }) { cursor } }';
  const response = await fetch(server.graphqlUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${server.token()}`,
      ...headers,
    },
    body: JSON.stringify({ query }),
  });
  expect(await response.json()).toMatchObject({ data: { announce: {} } });
}

/** From the span with this name up to where its trace came from: names, and the id that the last one hangs on. */
function wayUp(spans: readonly Span[], name: string): readonly (string | undefined)[] {
  let span = spans.find((each) => each.name === name);
  const way: (string | undefined)[] = [];
  for (let parent: string | undefined; span !== undefined;) {
    way.push(`${span.from}: ${span.name}`);
    parent = span.parentSpanId;
    span = spans.find(({ spanId }) => spanId === parent);
    if (span === undefined) way.push(parent);
  }
  return way;
}

it('runs from the caller over the mutation and the store to the fan-out in another process', async () => {
  await using redis = await RedisServer.start();
  await using collector = await Collector.start();
  const start = async (from: string): Promise<TestServer> =>
    TestServer.start({
      environment: { REDIS_URL: redis.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint(from) },
    });
  {
    await using one = await start('one');
    await using other = await start('other');
    using socket = await listen(other);
    await announce(one, { traceparent });
    expect((await socket.receive()).type).toBe('next');
  }
  const spans = collector.spans.filter(({ traceId }) => traceId === TRACE);
  expect(wayUp(spans, 'append')).toEqual([
    'one: append',
    'one: mutation announce',
    'one: POST /graphql',
    CALLER,
  ]);
  expect(wayUp(spans, 'fan-out announcement')).toEqual([
    'other: fan-out announcement',
    'one: mutation announce',
    'one: POST /graphql',
    CALLER,
  ]);
  expect(collector.resources).toContainEqual({ key: 'service.name', value: { stringValue: 'tidings' } });
});

it('runs from webhooks, and from CloudEvents with the trace of their source', async () => {
  await using collector = await Collector.start();
  {
    await using server = await TestServer.start({
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint('it') },
    });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
    using socket = await listen(server);
    const response = await fetch(`${server.url}/webhooks/cloudevents`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token()}`,
        'content-type': 'application/cloudevents+json',
      },
      body: JSON.stringify({
        specversion: '1.0',
        id: randomUUID(),
        source: '/tests',
        type: 'progress.updated',
        data: { projectId: 'p', completedTasks: 1, totalTasks: 2 },
        traceparent,
      }),
    });
    expect(await response.json()).toMatchObject({ events: 1 });
    expect((await socket.receive()).type).toBe('next');

    const body = JSON.stringify({
      action: 'created',
      repository: {
        id: 7,
        name: 'r',
        full_name: 'o/r',
        html_url: 'https://github.com/o/r',
        owner: { login: 'o' },
      },
      sender: { login: 'ada' },
    });
    const delivered = await fetch(`${server.url}/webhooks/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'repository',
        'x-github-delivery': randomUUID(),
        'x-hub-signature-256': `sha256=${createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')}`,
      },
      body,
    });
    expect(await delivered.json()).toMatchObject({ events: expect.any(Number) });
    expect((await socket.receive()).type).toBe('next');
  }
  expect(wayUp(collector.spans, 'fan-out progress.updated')).toEqual([
    'it: fan-out progress.updated',
    'it: publish',
    CALLER,
  ]);
  expect(wayUp(collector.spans, 'fan-out project.created')).toEqual([
    'it: fan-out project.created',
    'it: POST /webhooks/github',
    undefined,
  ]);
});

it('keeps nothing of a trace with events, and asks nobody, where no endpoint is set', async () => {
  const appended: object[] = [];
  await using server = await TestServer.start({
    aroundStore: (store) =>
      new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return (...given: unknown[]): unknown => {
            if (name === 'append') appended.push(...(given[1] as { events: object[] }).events);
            return Reflect.apply(value, target, given);
          };
        },
      }),
  });
  await announce(server, { traceparent });
  expect(appended).toHaveLength(1);
  expect(JSON.stringify(appended)).not.toContain('traceparent');
});
