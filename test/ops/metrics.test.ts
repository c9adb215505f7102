import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnnounceDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { openStream } from '../support/event-stream.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';
import { scrape, valueOf, type Sample } from './exposition.ts';

const METRICS_TOKEN = 'a-token-of-the-tests-for-metrics';

describe('GET /metrics', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const connect = async (): Promise<TestSocket> =>
    TestSocket.connect(server.webSocketUrl, { authorization: `Bearer ${server.token()}` });
  const sum = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> =>
    valueOf(await scrape(server.url), name, labels);

  it('tells connections, subscriptions and operations by transport and field', async () => {
    using socket = await connect();
    using legacy = new TestSocket(server.webSocketUrl, { protocol: 'graphql-ws' });
    await legacy.opened();
    legacy.send({ type: 'connection_init', payload: { authorization: `Bearer ${server.token()}` } });
    expect((await legacy.receive()).type).toBe('connection_ack');
    const abort = new AbortController();
    const query = 'subscription { events { cursor } }';
    await openStream(server.graphqlUrl, { query, token: server.token() }, abort.signal);
    socket.subscribe('1', 'subscription { announcement { message } }');
    socket.subscribe('2', 'subscription { announcement { message } }');
    await until(async () => (await sum('tidings_subscriptions_live')) === 3);

    const samples = await scrape(server.url);
    expect(valueOf(samples, 'tidings_connections', { transport: 'websocket' })).toBe(1);
    expect(valueOf(samples, 'tidings_connections', { transport: 'websocket-legacy' })).toBe(1);
    expect(valueOf(samples, 'tidings_connections', { transport: 'sse' })).toBe(1);
    expect(valueOf(samples, 'tidings_subscriptions', { transport: 'websocket', field: 'announcement' })).toBe(
      2,
    );
    expect(valueOf(samples, 'tidings_subscriptions', { transport: 'sse', field: 'events' })).toBe(1);
    const operations = { transport: 'websocket', type: 'subscription', field: 'announcement' };
    expect(valueOf(samples, 'tidings_operations_total', operations)).toBe(2);
    const published = { transport: 'http', type: 'mutation', field: 'upsertProject' };
    expect(valueOf(samples, 'tidings_operations_total', published)).toBe(1);

    abort.abort();
    socket[Symbol.dispose]();
    legacy[Symbol.dispose]();
    await until(async () => (await sum('tidings_subscriptions')) === 0);
    await until(async () => (await sum('tidings_connections')) === 0);
  });

  it('tells events by kind and source, what they cost, and how long they took to the sockets', async () => {
    const sockets = await Promise.all([connect(), connect()]);
    for (const socket of sockets) socket.subscribe('1', 'subscription { announcement { message } }');
    await until(async () => (await sum('tidings_subscriptions_live')) === 2);
    const before = await scrape(server.url);

    for (const message of ['a', 'b', 'c']) await server.run(AnnounceDocument, { input: { message } });
    await server.deliver('ping', { zen: 'Speak like a human.' });
    for (const socket of sockets) await socket.receiveMany(3);

    const after = await scrape(server.url);
    const grown = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
      valueOf(after, name, labels) - valueOf(before, name, labels);
    expect(grown('tidings_events_published_total', { kind: 'announcement', source: 'api' })).toBe(3);
    expect(grown('tidings_events_seen_total')).toBe(3);
    expect(grown('tidings_executions_total')).toBe(3);
    expect(grown('tidings_deliveries_total')).toBe(6);
    expect(grown('tidings_publish_to_socket_seconds_count')).toBe(3);
    expect(grown('tidings_store_seconds_count', { call: 'append', outcome: 'ok' })).toBe(3);
    expect(grown('tidings_webhooks_total', { source: 'github', outcome: 'ping' })).toBe(1);
    for (const socket of sockets) socket[Symbol.dispose]();
  });

  it('tells refusals by their code, wherever they happen', async () => {
    const codes = async (code: string): Promise<number> => sum('tidings_refusals_total', { code });
    await server.query('{ viewer { userId } }', {}, { token: null });
    expect(await codes('UNAUTHENTICATED')).toBe(1);
    using socket = new TestSocket(server.webSocketUrl);
    await socket.opened();
    socket.send({ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } });
    expect((await socket.closed).code).toBe(4403);
    expect(await codes('UNAUTHENTICATED')).toBe(2);
    await server.query('{ stats { live } }', {}, { token: server.token({ scope: 'read' }) });
    using listener = await TestSocket.connect(server.webSocketUrl, {
      authorization: `Bearer ${server.token({ projects: ['q'] })}`,
    });
    listener.subscribe('1', 'subscription { projectUpdated(projectId: "p") { cursor } }');
    expect((await listener.receive()).type).toBe('error');
    expect(await codes('FORBIDDEN')).toBe(2);
    await server.deliver('ping', {}, { secret: 'a wrong secret' });
    expect(await codes('SIGNATURE_INVALID')).toBe(1);
    expect(await sum('tidings_webhooks_total', { outcome: 'refused' })).toBe(1);
  });

  it('has no label that a client could choose', async () => {
    const name = randomUUID();
    await server.query(`query Q${name.replaceAll('-', '')} { alias${name.slice(0, 4)}: viewer { userId } }`);
    await fetch(`${server.url}/${name}`);
    await server.run(UpsertProjectDocument, { input: { id: name, name } });
    const labels = (await scrape(server.url)).flatMap((sample: Sample) => Object.values(sample.labels));
    expect(labels.filter((label) => label.includes(name.slice(0, 4)))).toEqual([]);
  });
});

describe('whoever reads /metrics', () => {
  const statusOf = async (server: TestServer, headers: Readonly<Record<string, string>>): Promise<number> =>
    (await fetch(`${server.url}/metrics`, { headers })).status;
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it('is on this machine, or an admin, where METRICS_TOKEN is not set', async () => {
    await using server = await TestServer.start();
    expect(await statusOf(server, {})).toBe(200);
    // By a proxy that runs here too.
    const passedOn = { 'x-forwarded-for': '203.0.113.7' };
    expect(await statusOf(server, passedOn)).toBe(401);
    expect(await statusOf(server, { ...passedOn, ...bearer(server.token({ scope: 'read' })) })).toBe(403);
    expect(await statusOf(server, { ...passedOn, ...bearer(server.token()) })).toBe(200);
  });

  it('has METRICS_TOKEN, or is an admin, where it is set', async () => {
    await using server = await TestServer.start({ environment: { METRICS_TOKEN } });
    expect(await statusOf(server, {})).toBe(401);
    expect(await statusOf(server, bearer('another-token-of-the-tests'))).toBe(401);
    expect(await statusOf(server, bearer(METRICS_TOKEN))).toBe(200);
    expect(await statusOf(server, bearer(server.token()))).toBe(200);
    const { status } = await fetch(`${server.url}/stats`, { headers: bearer(METRICS_TOKEN) });
    expect(status).toBe(401);
  });
});
