/**
 * What nobody should send, at random: nothing of it ends the server, is an error on its side, or is still there afterwards.
 *
 *     FUZZ_INPUTS=25000 FUZZ_SEED=1 npx vitest run --project main test/transport/fuzz.test.ts
 */
import * as fc from 'fast-check';
import { createHmac, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/ops/logger.ts';
import {
  checkRunEvent,
  issuesEvent,
  pullRequestEvent,
  repository,
  reviewEvent,
  sender,
} from '../ingest/github.ts';
import { WEBHOOK_SECRET } from '../support/keys.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';
import { damaged, frame, mutated, pieces, textOf, upgradeRequest } from './fuzz-inputs.ts';

const inputs = Number(process.env['FUZZ_INPUTS'] ?? 600);
const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** How much of them each part has. */
const shares = { socket: 0.2, requests: 0.2, cursors: 0.15, github: 0.15, cloudEvents: 0.1 };
const share = (part: keyof typeof shares) => ({ seed, numRuns: Math.ceil(inputs * shares[part]) });
const timeout = 15_000 + inputs * 10;

let server: TestServer;
/** What the server takes for its own mistake. */
const mistakes: string[] = [];
const strays: unknown[] = [];
const onStray = (error: unknown): void => void strays.push(error);

beforeAll(async () => {
  console.log(`fuzz: ${inputs} inputs with seed ${seed}`);
  process.on('unhandledRejection', onStray).on('uncaughtException', onStray);
  const logger = await createLogger({
    level: 'warn',
    pretty: false,
    destination: { write: (line: string) => void mistakes.push(line) },
  });
  // Some say more than a client may before it is let in: that is not what is asked here.
  server = await TestServer.start({ logger, limits: { tarpitMs: 0 } });
  for (const message of ['one', 'two', 'three'])
    await server.run('mutation ($message: String!) { announce(input: { message: $message }) { cursor } }', {
      message,
    });
  await server.deliver('repository', { action: 'created', repository: repository(), sender });
});
afterAll(async () => {
  process.off('unhandledRejection', onStray).off('uncaughtException', onStray);
  await server[Symbol.asyncDispose]();
});

/** Nothing went wrong on our side, and nothing was said to have. */
function expectNoMistake(answer: string): void {
  expect(mistakes.splice(0)).toEqual([]);
  expect(strays.splice(0)).toEqual([]);
  expect(answer).not.toContain('INTERNAL_SERVER_ERROR');
  expect(answer).not.toMatch(/^HTTP\/1.1 5/);
}

/** Writes bytes on a connection of its own, and gives all that comes back. It leaves when it is answered as it wants, or has said everything. */
async function say(
  bytes: Buffer,
  isAnswered: ((text: string) => boolean) | 'leave' | 'reset',
): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      if (isAnswered === 'reset') socket.resetAndDestroy();
      else if (isAnswered !== 'leave' && isAnswered(text)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(bytes);
    if (typeof isAnswered === 'string') socket.end();
  });
}

/** The pong behind everything, or a close. */
const isOver = (text: string): boolean => text.includes('\x8a\x04over') || text.includes('\x88');

const token = tokenFor();
const queries = [
  'subscription { events { cursor type } }',
  'subscription ($id: ID!, $snapshot: Boolean) { projectUpdated(projectId: $id, snapshot: $snapshot) { cursor } }',
  'subscription ($after: Cursor) { announcement(after: $after, delivery: LATEST) { message } }',
  'mutation ($input: AnnounceInput!) { announce(input: $input) { cursor } }',
  'mutation ($input: SetPresenceInput!) { setPresence(input: $input) { userId } }',
  'mutation ($token: String!) { refreshSession(token: $token) { ended } }',
  'query ($filter: EventFilter, $first: Int) { events(filter: $filter, first: $first) { nodes { type } } }',
  '{ viewer { userId subscriptions { field } } }',
];
const variables = {
  id: 'p1',
  after: null,
  snapshot: true,
  first: 2,
  filter: { types: ['ANNOUNCEMENT'] },
  token,
  input: { message: 'hello', room: 'project:p1', status: 'ONLINE', idempotencyKey: 'k1' },
};
const requests = queries.map((query) => ({
  query,
  variables,
  operationName: null,
  extensions: { cursors: true },
}));
const init = { type: 'connection_init', payload: { authorization: `Bearer ${token}`, resume: 'me' } };

const subprotocols = [
  {
    protocol: 'graphql-transport-ws',
    messages: [
      ...requests.map((payload, index) => ({ id: String(index % 3), type: 'subscribe', payload })),
      { id: '1', type: 'complete' },
      { type: 'ping', payload: { now: 1 } },
      { type: 'pong' },
    ],
  },
  {
    protocol: 'graphql-ws',
    messages: [
      ...requests.map((payload, index) => ({ id: String(index % 3), type: 'start', payload })),
      { id: '1', type: 'stop' },
      { type: 'connection_terminate' },
    ],
  },
];

describe.each(subprotocols)('over $protocol', ({ protocol, messages }) => {
  it('frames and messages of whatever kind are survived', { timeout }, async () => {
    const ping = frame(Buffer.from('over'), { opcode: 9 });
    const said = fc.array(pieces(init, init, ...messages), { minLength: 1, maxLength: 8 });
    const begins = fc.constantFrom(true, true, true, false);
    const ends = fc.constantFrom('ask' as const, 'ask' as const, 'leave' as const, 'reset' as const);
    await fc.assert(
      fc.asyncProperty(said, begins, ends, async (parts, isAdmitted, ending) => {
        const bytes = Buffer.concat([
          Buffer.from(upgradeRequest(protocol)),
          ...(isAdmitted ? [frame(Buffer.from(textOf(init)))] : []),
          ...parts.map((part) => part.bytes),
          ping,
        ]);
        const canAsk = ending === 'ask' && parts.every((part) => part.isFrame);
        expectNoMistake(await say(bytes, canAsk ? isOver : ending === 'ask' ? 'leave' : ending));
      }),
      share('socket'),
    );
  });
});

const accepts = [
  'application/json',
  'text/event-stream',
  'multipart/mixed;subscriptionSpec=1.0,application/json',
  '*/*',
  'text/html',
];
const search = new URLSearchParams({
  query: queries[0]!,
  variables: JSON.stringify(variables),
  extensions: '{}',
});
const targets = [
  '/graphql',
  `/graphql?${search}`,
  '/graphql?query={viewer{userId}}',
  '/',
  '/stats',
  '/metrics',
  '/session',
  '/ready',
  '/assets/x.js',
  '/webhooks/github',
  '/webhooks/cloudevents',
  '*',
  'http://x/graphql',
];

it('requests of whatever kind are answered, and not with an error of ours', { timeout }, async () => {
  const request = fc
    .record({
      method: fc.constantFrom(
        'POST',
        'POST',
        'POST',
        'GET',
        'PUT',
        'DELETE',
        'OPTIONS',
        'HEAD',
        'PATCH',
        'TRACE',
      ),
      target: fc.oneof(fc.constantFrom(...targets), damaged(fc.constantFrom(...targets))),
      accept: fc.constantFrom(...accepts),
      type: fc.constantFrom(
        'application/json',
        'application/json',
        'application/json; charset=x',
        'text/plain',
        'multipart/form-data',
        '',
      ),
      more: fc.constantFrom(
        '',
        'origin: https://evil.example\r\n',
        'origin: null\r\n',
        'expect: 100-continue\r\n',
        'cookie: tidings_session=a.b.c; =; ;\r\n',
        'upgrade: x\r\nconnection: upgrade\r\n',
        'x-forwarded-for: , ,[::1]:9,%\r\n',
        'traceparent: 00-0-0-0\r\n',
        'x-request-id: \u00e4\r\n',
      ),
      authorization: fc.constantFrom(`Bearer ${token}`, `Bearer ${token}`, 'Bearer a.b.c', 'Bearer', ''),
      body: fc.oneof(
        mutated(...requests).map(textOf),
        damaged(mutated(...requests).map(textOf)),
        fc.string({ unit: 'binary', maxLength: 100 }),
      ),
    })
    .map(
      ({ method, target, accept, type, more, authorization, body }) =>
        `${method} ${target} HTTP/1.1\r\nhost: x\r\naccept: ${accept}\r\ncontent-type: ${type}\r\n${more}authorization: ${authorization}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  const text = fc.oneof({ weight: 3, arbitrary: request }, { weight: 1, arbitrary: damaged(request) });
  await fc.assert(
    fc.asyncProperty(text, fc.constantFrom('leave' as const, 'reset' as const), async (sent, ending) => {
      expectNoMistake(await say(Buffer.from(sent), ending));
    }),
    share('requests'),
  );
});

it('cursors that nobody gave are refused as such, wherever they come', { timeout }, async () => {
  const { events } = await server.run<
    { events: { edges: { cursor: string }[]; pageInfo: { endCursor: string } } },
    unknown
  >('{ events(first: 2) { pageInfo { endCursor } } }');
  const real = events.pageInfo.endCursor;
  const plain = Buffer.from(real, 'base64url').toString();
  const [version = '', epoch = '', , chain = ''] = plain.split('.');
  const position = fc
    .tuple(
      fc.constantFrom(version, '1s', '0', '2', ''),
      fc.constantFrom(epoch, 'x', ''),
      fc.oneof(
        fc.integer().map((offset) => offset.toString(36)),
        fc.constantFrom('zzzzzzzzzzz', '0', '-1', 'NaN'),
      ),
      fc.constantFrom(chain, '0', 'f'.repeat(40)),
    )
    .map((parts) => parts.join('.'));
  const cursor = fc.oneof(
    fc.constant(real),
    damaged(fc.constant(real)),
    fc.oneof(position, damaged(position)).map((text) => Buffer.from(text).toString('base64url')),
    fc.string({ unit: 'binary', maxLength: 300 }),
  );
  const page =
    'query ($after: Cursor, $before: Cursor, $first: Int) { events(after: $after, before: $before, first: $first) { nodes { type } pageInfo { endCursor } } }';
  const listen = 'subscription ($after: Cursor) { announcement(after: $after) { message } }';
  const authorization = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const post = async (body: unknown, headers: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(server.graphqlUrl, {
      method: 'POST',
      headers: { ...authorization, ...headers },
      body: JSON.stringify(body),
    });
    expect([200, 400, 410]).toContain(response.status);
    if (headers['accept'] === undefined) return response.text();
    // The beginning of a stream: one that was accepted then waits for something to happen.
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    return Buffer.from(value ?? []).toString();
  };
  await fc.assert(
    fc.asyncProperty(cursor, fc.constantFrom('after', 'before', 'sse', 'header'), async (given, where) => {
      const stream = { accept: 'text/event-stream' };
      if (where === 'after')
        expectNoMistake(await post({ query: page, variables: { after: given, first: 2 } }));
      else if (where === 'before') expectNoMistake(await post({ query: page, variables: { before: given } }));
      else if (where === 'sse')
        expectNoMistake(await post({ query: listen, variables: { after: given } }, stream));
      // What no header can hold no client sends.
      else
        expectNoMistake(
          await post(
            { query: listen },
            { ...stream, 'last-event-id': given.replaceAll(/[^\x21-\x7e]/g, '~') },
          ),
        );
    }),
    share('cursors'),
  );
});

it('signed webhooks with whatever in them are stored, ignored or refused', { timeout }, async () => {
  const deliveries: readonly (readonly [string, unknown])[] = [
    ['issues', issuesEvent('opened')],
    ['pull_request', pullRequestEvent('opened')],
    ['pull_request_review', reviewEvent('submitted', 'approved', 2)],
    ['check_run', checkRunEvent()],
    ['repository', { action: 'renamed', repository: repository(), sender }],
  ];
  const body = fc
    .constantFrom(...deliveries)
    .chain(([event, payload]) =>
      fc.tuple(
        fc.constantFrom(event, event, event, 'ping', 'x', '__proto__'),
        fc.oneof(
          mutated(payload).map(textOf),
          mutated(payload).map(textOf),
          damaged(mutated(payload).map(textOf)),
        ),
      ),
    );
  await fc.assert(
    fc.asyncProperty(body, async ([event, text]) => {
      const response = await fetch(`${server.url}/webhooks/github`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-github-event': event,
          'x-github-delivery': randomUUID(),
          'x-hub-signature-256': `sha256=${createHmac('sha256', WEBHOOK_SECRET).update(text).digest('hex')}`,
        },
        body: text,
      });
      expect([200, 202, 400]).toContain(response.status);
      expectNoMistake(await response.text());
    }),
    share('github'),
  );
});

it('CloudEvents with whatever in them are stored or refused', { timeout }, async () => {
  const event = {
    specversion: '1.0',
    id: 'e1',
    source: '/ci',
    type: 'workflow.progress',
    subject: 'w1',
    time: '2026-11-20T09:30:00Z',
    data: { projectId: 'github:100', name: 'Build', percent: 50, logs: ['one'], metadata: { a: { b: 1 } } },
  };
  const announcement = { ...event, type: 'announcement', subject: undefined, data: { message: 'hello' } };
  const form = fc.oneof(
    fc.record({
      type: fc.constant('application/cloudevents+json'),
      body: mutated(event, announcement).map(textOf),
    }),
    fc.record({
      type: fc.constant('application/cloudevents-batch+json'),
      body: mutated([event, announcement]).map(textOf),
    }),
    fc.record({
      type: fc.constant('application/cloudevents+json'),
      body: damaged(mutated(event).map(textOf)),
    }),
    fc.record({
      type: fc.constantFrom('application/json', 'text/plain'),
      body: mutated(event.data).map(textOf),
    }),
  );
  await fc.assert(
    fc.asyncProperty(form, fc.constantFrom('1.0', '0.3', ''), async ({ type, body }, version) => {
      const response = await fetch(`${server.url}/webhooks/cloudevents`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': type,
          'ce-specversion': version,
          'ce-id': randomUUID(),
          'ce-source': '/ci',
          'ce-type': 'workflow.progress',
          'ce-subject': 'w2',
        },
        body,
      });
      expect([200, 400, 403, 404, 415]).toContain(response.status);
      expectNoMistake(await response.text());
    }),
    share('cloudEvents'),
  );
});

it('nothing is left of all that, and the server serves', { timeout }, async () => {
  const stats = async (): Promise<Record<string, unknown>> =>
    (await fetch(`${server.url}/stats`, { headers: { authorization: `Bearer ${token}` } })).json() as Promise<
      Record<string, unknown>
    >;
  const nothing = {
    connections: { websocket: 0, 'websocket-legacy': 0, sse: 0, multipart: 0 },
    subscriptions: {},
    transports: {},
    topics: {},
    sharedOperations: 0,
    live: 0,
    parked: 0,
  };
  await until(async () => (await stats())['sharedOperations'] === 0);
  await until(
    async () => JSON.stringify((await stats())['connections']) === JSON.stringify(nothing.connections),
  );
  expect(await stats()).toMatchObject(nothing);

  using client = await TestSocket.connect(server.webSocketUrl, { token });
  client.subscribe('1', 'subscription { announcement { message } }');
  await until(async () => (await stats())['live'] === 1);
  await server.run('mutation { announce(input: { message: "still here" }) { cursor } }');
  expect(dataOf(await client.receive())).toEqual({ announcement: { message: 'still here' } });
  expectNoMistake('');
});
