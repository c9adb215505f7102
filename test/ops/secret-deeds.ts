import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { signToken } from '../../src/auth/tokens.ts';
import { TestSocket } from '../support/socket.ts';
import type { SecretKeeper } from './secret-keeper.ts';

interface Stage {
  readonly url: string;
  readonly keys: {
    readonly JWT_SECRET: string;
    readonly GITHUB_WEBHOOK_SECRET: string;
    readonly METRICS_TOKEN?: string;
  };
  readonly secrets: SecretKeeper;
  /** Then nothing can be read or written. */
  readonly isStoreAway?: boolean;
}

/** Does something that has to do with secrets, at a server. */
type Deed = (stage: Stage) => Promise<void>;

/** Every kind of token that a server may be shown, by its name. */
function tokensOf({ keys, secrets }: Stage): ReadonlyMap<string, string> {
  const claims = { sub: 'ada', projects: '*', scope: 'read publish admin', jti: randomUUID() } as const;
  const good = signToken(keys.JWT_SECRET, claims, 600);
  const [header, payload, signature = ''] = good.split('.');
  const tokens = {
    good,
    expired: signToken(keys.JWT_SECRET, { ...claims, jti: randomUUID() }, -1),
    forged: signToken('another secret, of more than 32 bytes', { ...claims, jti: randomUUID() }, 600),
    unsigned: `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`,
    changed: `${header}.${payload}.${signature.split('').toReversed().join('')}`,
    garbage: secrets.make('garbage'),
  };
  for (const [name, token] of Object.entries(tokens)) secrets.keep(`${name} token`, token);
  return new Map(Object.entries(tokens));
}

const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` });
const isGood = (name: string): boolean => name === 'good';

const post = async (url: string, body: unknown, headers: Record<string, string>): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const overHttp = async ({ url }: Stage, query: string, variables: unknown, headers: Record<string, string>) =>
  post(`${url}/graphql`, { query, variables }, headers);

const VIEWER = '{ viewer { userId } }';
const REFRESH = 'mutation ($token: String!) { refreshSession(token: $token) { ended } }';
const ANNOUNCE = 'mutation ($input: AnnounceInput!) { announce(input: $input) { cursor } }';

/** Tokens in headers, cookies and sessions. */
const headers: Deed = async (stage) => {
  const { url, keys } = stage;
  for (const [name, token] of tokensOf(stage)) {
    const expected = isGood(name) && stage.isStoreAway !== true ? 200 : isGood(name) ? 503 : 401;
    expect((await overHttp(stage, VIEWER, {}, bearer(token))).status, name).toBe(expected);
    await overHttp(stage, VIEWER, {}, { authorization: `Basic ${token}` });
    await overHttp(stage, VIEWER, {}, { cookie: `tidings_session=${token}` });
    const session = await fetch(`${url}/session`, { method: 'POST', headers: bearer(token) });
    expect(session.headers.has('set-cookie'), name).toBe(isGood(name) && stage.isStoreAway !== true);
    await fetch(`${url}/session`, { method: 'DELETE', headers: { cookie: `tidings_session=${token}` } });
    await fetch(`${url}/stats`, { headers: bearer(token) });
    await fetch(`${url}/metrics`, { headers: { ...bearer(token), 'x-forwarded-for': '192.0.2.1' } });
    for (const accept of ['text/event-stream', 'multipart/mixed;subscriptionSpec=1.0,application/json']) {
      const abort = new AbortController();
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept, 'last-event-id': token, ...bearer(token) },
        body: JSON.stringify({ query: 'subscription { events { cursor } }' }),
        signal: abort.signal,
      });
      expect(response.status, name).toBe(expected);
      abort.abort();
    }
  }
  if (keys.METRICS_TOKEN !== undefined)
    expect((await fetch(`${url}/metrics`, { headers: bearer(keys.METRICS_TOKEN) })).status).toBe(200);
};

/** Tokens in URLs, and in requests that are none. */
const urls: Deed = async (stage) => {
  const { url } = stage;
  const { hostname, port } = new URL(url);
  for (const token of tokensOf(stage).values()) {
    for (const name of ['token', 'access_token', 'Authorization'])
      expect((await fetch(`${url}/graphql?${name}=${token}`)).status).toBe(400);
    expect((await fetch(`${url}/${token}`)).status).toBe(404);
    expect((await fetch(`${url}/graphql/${token}?a=${token}`, { method: 'PUT' })).status).toBe(404);
    const socket = new WebSocket(
      `${url.replace('http', 'ws')}/graphql?token=${token}`,
      'graphql-transport-ws',
    );
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('400');
    for (const text of [
      `GET /${token}`,
      `${token} / HTTP/1.1\r\n\r\n`,
      `GET / HTTP/1.1\r\n${token}\r\n\r\n`,
      `GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token.repeat(200)}\r\n\r\n`,
      `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\ncontent-type: application/json\r\nauthorization: Bearer ${token}\r\n\r\n{`,
    ]) {
      const raw = connect(Number(port), hostname);
      raw.on('error', () => undefined);
      raw.end(text);
      await once(raw.resume(), 'close');
    }
  }
};

/** Tokens in both WebSocket subprotocols. */
const sockets: Deed = async (stage) => {
  const { url, secrets } = stage;
  const webSocketUrl = `${url.replace('http', 'ws')}/graphql`;
  const enter = async (protocol: string, payload: object, options: object = {}): Promise<TestSocket> => {
    const client = new TestSocket(webSocketUrl, { protocol, ...options });
    await client.opened();
    client.send({ type: 'connection_init', payload });
    return client;
  };
  for (const protocol of ['graphql-transport-ws', 'graphql-ws']) {
    for (const [name, token] of tokensOf(stage)) {
      const session = { resume: secrets.make('name of a session'), password: secrets.make('password') };
      const forms = [bearer(token), { authToken: token }, { token }, { headers: { Authorization: token } }];
      for (const payload of forms) {
        using client = await enter(protocol, { ...session, ...payload });
        if (!isGood(name) || stage.isStoreAway === true) await client.closed;
        else expect((await client.receive()).type).toBe('connection_ack');
      }
      using client = await enter(protocol, session, { headers: bearer(token) });
      if (!isGood(name) || stage.isStoreAway === true) {
        await client.closed;
        continue;
      }
      const start = protocol === 'graphql-ws' ? 'start' : 'subscribe';
      for (const [id, given] of tokensOf(stage)) {
        client.send({ id, type: start, payload: { query: REFRESH, variables: { token: given } } });
        client.send({
          id: `${id}2`,
          type: start,
          payload: { query: REFRESH, variables: { token: { given } } },
        });
        const inline = `mutation { refreshSession(token: "${given}") { ended } }`;
        client.send({ id: `${id}3`, type: start, payload: { query: inline } });
      }
      for (let over = 0; over < 18;)
        if (['complete', 'error'].includes((await client.receive()).type)) over += 1;
      // What is no message, and a message that is too large.
      client.send(`{"type":"${token}"`);
      if (protocol === 'graphql-ws') client.send(token.repeat(1_000));
      await client.closed;
    }
  }
};

/** Webhooks with their signatures and bodies. */
const webhooks: Deed = async (stage) => {
  const { url, keys, secrets } = stage;
  const good = signToken(keys.JWT_SECRET, { sub: 'ci', projects: '*', scope: 'publish' }, 600);
  const deliver = async (body: string, secret: string, type = 'application/json'): Promise<number> => {
    const digest = createHmac('sha256', secret).update(body).digest('hex');
    const response = await post(`${url}/webhooks/github`, body, {
      'content-type': type,
      'x-github-event': 'issues',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${secrets.keep('signature', digest)}`,
    });
    return response.status;
  };
  const hidden = (): string => secrets.make('body of a webhook');
  for (const [body, type] of [
    [JSON.stringify({ action: hidden(), issue: { id: hidden(), title: hidden() }, [hidden()]: hidden() })],
    [`{"action":"opened","issue":"${hidden()}`],
    [hidden()],
    [`payload=${hidden()}`, 'application/x-www-form-urlencoded'],
    [hidden(), 'text/plain'],
  ] as const) {
    await deliver(body, keys.GITHUB_WEBHOOK_SECRET, type);
    expect(await deliver(body, 'another secret', type)).toBe(401);
    for (const cloudEvent of [
      body,
      JSON.stringify({
        specversion: '1.0',
        id: hidden(),
        source: hidden(),
        type: 'announcement',
        data: { message: hidden() },
      }),
      JSON.stringify({ specversion: hidden(), id: '1', source: 'x', type: hidden(), data: hidden() }),
      JSON.stringify({
        specversion: '1.0',
        id: '1',
        source: 'x',
        type: 'issue.created',
        data: { id: [hidden()], [hidden()]: 1 },
      }),
    ])
      await post(`${url}/webhooks/cloudevents`, cloudEvent, {
        'content-type': 'application/cloudevents+json',
        ...bearer(good),
      });
  }
  secrets.keep('token', good);
};

/** Variables, contents, and what errors could quote. */
const contents: Deed = async (stage) => {
  const { url, keys, secrets } = stage;
  const token = signToken(keys.JWT_SECRET, { sub: 'ada', projects: '*', scope: 'read publish' }, 600);
  const hidden = (): string => secrets.make('what a client sent');
  const isServed = stage.isStoreAway !== true;
  const told = async (query: string, variables: unknown): Promise<string> =>
    (await overHttp(stage, query, variables, bearer(token))).text();
  const announced = await told(ANNOUNCE, {
    input: { message: hidden(), idempotencyKey: hidden(), title: hidden() },
  });
  expect(announced).toContain(isServed ? '"cursor"' : 'UNAVAILABLE');
  await told(ANNOUNCE, { input: { message: hidden().repeat(2_000), severity: hidden() } });
  await told(ANNOUNCE, { [hidden()]: hidden() });
  await told(`{ ${hidden().replace('-', '_')} }`, {});
  await told(`{ viewer { userId }`, { [hidden()]: hidden() });
  await told(`query { events(after: "${hidden()}") { nodes { type } } }`, {});
  await told('query ($after: Cursor) { events(after: $after) { nodes { type } } }', { after: hidden() });
  await told('query ($id: ID!) { project(id: $id) { name } }', { id: hidden() });
  await told('mutation ($events: [EventInput!]!) { publishEvents(input: { events: $events }) { cursors } }', {
    events: [
      {
        type: 'ISSUE_CREATED',
        data: { id: hidden(), state: hidden(), metadata: { [hidden()]: hidden() } },
      },
    ],
  });
  await post(`${url}/graphql`, `{"query": "${hidden()}`, bearer(token));
  await post(
    `${url}/graphql`,
    { query: VIEWER, operationName: hidden(), extensions: { [hidden()]: hidden() } },
    bearer(token),
  );
  await post(
    `${url}/graphql`,
    { query: VIEWER },
    { ...bearer(token), 'content-type': hidden(), traceparent: hidden() },
  );
  if (isServed) {
    const abort = new AbortController();
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(token) },
      body: JSON.stringify({
        query:
          'subscription ($actor: String) { events(actor: $actor, types: [ANNOUNCEMENT], after: "no") { type } }',
        variables: { actor: hidden() },
      }),
      signal: abort.signal,
    });
    expect(await response.text()).toContain('BAD_CURSOR');
  }
  secrets.keep('token', token);
};

export const deeds: readonly Deed[] = [headers, urls, sockets, webhooks, contents];
