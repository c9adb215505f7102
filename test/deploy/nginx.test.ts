import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ANNOUNCE,
  Cluster,
  EVERYTHING,
  graphql,
  Publishers,
  subscribers,
  token,
} from '../processes/cluster.ts';
import { eventsOf, openStream } from '../support/event-stream.ts';
import { checkLog, nothingWrong } from '../support/log-checker.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';
import { Nginx } from './nginx.ts';

const CLIENTS = 8;

describe('two servers behind nginx, as it is deployed', () => {
  let cluster: Cluster;
  let nginx: Nginx;

  beforeAll(async () => {
    cluster = await Cluster.start({ servers: 2 });
    nginx = await Nginx.start([cluster.member(0).server.url, cluster.member(1).server.url]);
  }, 60_000);
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  it('pass WebSockets through', async () => {
    using socket = await TestSocket.connect(`${nginx.url.replace('http', 'ws')}/graphql`, { token });
    const { cursor: after } = (await graphql(nginx.url, ANNOUNCE, { input: { message: 'before' } })).data
      .announce;
    socket.subscribe('1', EVERYTHING, { after });
    const { cursor } = (await graphql(nginx.url, ANNOUNCE, { input: { message: 'over a socket' } })).data
      .announce;
    expect(dataOf(await socket.receive())).toEqual({ event: { cursor, content: 'over a socket' } });
  });

  it('pass server-sent events through while the response goes on', async () => {
    const abort = new AbortController();
    const { cursor: after } = (await graphql(nginx.url, ANNOUNCE, { input: { message: 'before' } })).data
      .announce;
    const request = { query: EVERYTHING, variables: { after }, token };
    const response = await openStream(`${nginx.url}/graphql`, request, abort.signal);
    const events = eventsOf(response.body!);
    for (const message of ['one', 'two', 'three']) {
      // Each is published when the one before it has arrived.
      const { cursor } = (await graphql(nginx.url, ANNOUNCE, { input: { message } })).data.announce;
      let event = (await events.next()).value;
      while (event?.event !== 'next') event = (await events.next()).value;
      expect(JSON.parse(event.data!)).toEqual({ data: { event: { cursor, content: message } } });
    }
    abort.abort();
  });

  it('show the GraphiQL page, and answer as the origin that the browser sees', async () => {
    const page = await fetch(`${nginx.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    const session = await fetch(`${nginx.url}/session`, {
      method: 'POST',
      headers: { origin: nginx.url, authorization: `Bearer ${token}` },
    });
    expect(session.status).toBe(204);
  });

  it('go on with one when the other one is killed: clients resume there without a gap', async () => {
    const publishers = new Publishers('nginx');
    const after = await publishers.publish(() => nginx.url, 'first');
    const clients = subscribers(CLIENTS, after, () => nginx.url);
    await until(() => clients.every(({ connections }) => connections > 0));
    const writing = Promise.all(
      Array.from({ length: 4 }, async (_, index) =>
        publishers.publishMany(() => nginx.url, `publisher ${index}`, 30),
      ),
    );
    await until(() => publishers.acknowledged.length > 30);
    await cluster.member(0).server.kill('SIGKILL');
    await writing;
    const last = await publishers.publish(() => nginx.url, 'last');
    await Promise.all(clients.map(async (client) => client.untilSeen(last)));
    const check = checkLog(publishers.acknowledged, clients);
    const moved = clients.filter(({ connections }) => connections > 1).length;
    console.log('one of two servers behind nginx killed:', JSON.stringify({ ...check, moved }));
    clients.forEach((client) => client[Symbol.dispose]());
    expect(check).toMatchObject({ acknowledged: 4 * 30 + 2, ...nothingWrong });
    expect(moved).toBeGreaterThan(0);
  }, 60_000);
});
