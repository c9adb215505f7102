/**
 * What is answered to whom, as one table: each case on every transport that it can occur on. Cases that need a stage of their own have it elsewhere:
 * sockets and requests in expected-refusals.test.ts, resolvers that throw in the midst of a subscription in unshowable-events.test.ts, tokens in
 * test/auth, places and rates in test/limits, webhooks in test/ingest/github-answers.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TidingsError, type ErrorCode } from '../../src/errors.ts';
import { decodeCursor, encodeCursor } from '../../src/events/position.ts';
import type { EventStore } from '../../src/store/store.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { drivers, type Driver, type Result } from './drivers.ts';
import { refusedWith, ways } from './queries.ts';

let server: TestServer;
/** What the store does instead of what it is asked for, by the name of the call. */
let faults: Readonly<Record<string, Error>> = {};
/** Cursors that nothing can be continued from: of another log, of this one before it was rolled back, and of what is gone. */
let lost: Readonly<Record<'epoch' | 'chain' | 'trimmed', string>>;

const around = (store: EventStore): EventStore =>
  new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const fault = faults[String(name)];
        return fault === undefined ? Reflect.apply(value, target, args) : Promise.reject(fault);
      };
    },
  });

beforeAll(async () => {
  server = await TestServer.start({ aroundStore: around, environment: { RETENTION_EVENTS: '100' } });
  const upsert = 'mutation ($id: ID!) { upsertProject(input: { id: $id, name: "P" }) { cursor } }';
  const cursorOf = async (on: TestServer, id: string, token = tokenFor()): Promise<string> =>
    (await on.run<{ upsertProject: { cursor: string } }, object>(upsert, { id }, { token })).upsertProject
      .cursor;
  const trimmed = await cursorOf(server, 'mine');
  const theirs = tokenFor({ workspace: 'other' });
  await cursorOf(server, 'theirs', theirs);
  const register =
    'mutation { registerRepository(input: { projectId: "theirs", repoId: "theirs", fullName: "o/r" }) { cursor } }';
  await server.run(register, undefined, { token: theirs });
  await using another = await TestServer.start();
  const epoch = await cursorOf(another, 'x');
  const events = Array.from({ length: 500 }, () => ({ type: 'ANNOUNCEMENT', data: { message: 'hello' } }));
  await server.run(
    'mutation ($events: [EventInput!]!) { publishEvents(input: { events: $events }) { duplicate } }',
    {
      events,
    },
  );
  const { position } = decodeCursor(await cursorOf(server, 'another'));
  lost = { epoch, trimmed, chain: encodeCursor({ ...position, chain: 'f00' }) };
  // Trimming runs beside the writes.
  await until(async () => {
    const { errors } = await server.query('query ($after: Cursor) { events(after: $after) { headCursor } }', {
      after: trimmed,
    });
    return errors !== undefined;
  });
});
afterAll(async () => server[Symbol.asyncDispose]());

const lostCursors = ['epoch', 'chain', 'trimmed'] as const;
const only = tokenFor({ projects: ['mine'], scope: 'read publish' });
const reader = tokenFor({ projects: ['mine'], scope: 'read' });
const away = new TidingsError('STORE_UNAVAILABLE');
const full = new TidingsError('STORE_FULL');
const announce = 'mutation { announce(input: { message: "hello" }) { cursor } }';

interface Case {
  readonly name: string;
  readonly query: string;
  readonly variables?: () => Readonly<Record<string, unknown>>;
  readonly token?: string;
  readonly faults?: Readonly<Record<string, Error>>;
  readonly code: ErrorCode;
  /** Why a cursor is lost. */
  readonly reason?: string;
  /** Where nothing else is in the response. */
  readonly status: number;
}

/** Queries and mutations; what is too complex is in documents.test.ts. */
const operations: readonly Case[] = [
  { name: 'a syntax error', query: '{ viewer {', code: 'GRAPHQL_PARSE_FAILED', status: 400 },
  { name: 'an unknown field', query: '{ nonsense }', code: 'GRAPHQL_VALIDATION_FAILED', status: 400 },
  {
    name: 'a look into the schema without scope',
    query: '{ __schema { types { name } } }',
    token: reader,
    code: 'FORBIDDEN',
    status: 403,
  },
  {
    name: 'a wrong variable',
    query: 'query ($id: ID!) { project(id: $id) { name } }',
    variables: () => ({ id: {} }),
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    name: 'a resolver that throws',
    query: '{ projects { nodes { id } } }',
    faults: { entities: new Error('swordfish') },
    code: 'INTERNAL_SERVER_ERROR',
    status: 200,
  },
  {
    name: 'a project that is not permitted',
    query: 'mutation { upsertProject(input: { id: "yours", name: "Y" }) { cursor } }',
    token: only,
    code: 'FORBIDDEN',
    status: 403,
  },
  { name: 'a mutation without scope', query: announce, token: reader, code: 'FORBIDDEN', status: 403 },
  {
    name: 'a malformed cursor',
    query: '{ events(after: "nonsense") { nodes { type } } }',
    code: 'BAD_CURSOR',
    status: 400,
  },
  ...lostCursors.map((reason) => ({
    name: `a cursor that is lost, by its ${reason},`,
    query: 'query ($after: Cursor) { events(after: $after) { nodes { type } } }',
    variables: () => ({ after: lost[reason] }),
    code: 'CURSOR_EXPIRED' as const,
    reason,
    status: 410,
  })),
  {
    name: 'a store that is away',
    query: '{ events { nodes { type } } }',
    faults: { read: away, head: away, entities: away },
    code: 'STORE_UNAVAILABLE',
    status: 503,
  },
  {
    name: 'a mutation while the store is away',
    query: announce,
    faults: { append: away },
    code: 'STORE_UNAVAILABLE',
    status: 503,
  },
  {
    name: 'a mutation while the disk is full',
    query: announce,
    faults: { append: full },
    code: 'STORE_FULL',
    status: 507,
  },
];

describe.each(ways)('an operation over $name', (way) => {
  const fitting = operations.filter(({ query }) => way.name !== 'GET' || !query.startsWith('mutation'));

  it.each(fitting)(
    'with $name is $code',
    async ({ query, variables, token = tokenFor(), faults: made = {}, code, reason, status }) => {
      const question = { query, ...(variables === undefined ? {} : { variables: variables() }) };
      faults = made;
      const { outcome, text } = await way.ask(server, question, token);
      faults = {};
      expect(outcome).toBe(refusedWith(way, status, code));
      expect(text).not.toContain('swordfish');
      if (reason !== undefined) expect(text).toContain(`"reason":"${reason}","headCursor":"`);
    },
  );

  it.each(
    [
      ['query', 'query ($id: ID!) { project(id: $id) { name } }'],
      ['list', 'query ($id: ID!) { pullRequests(repoId: $id) { nodes { number } } }'],
      ['mutation', 'mutation ($id: ID!) { updateProject(input: { id: $id, name: "X" }) { cursor } }'],
    ].filter(([kind]) => way.name !== 'GET' || kind !== 'mutation'),
  )(
    "about the id of another workspace is told the same as about one that is nobody's: a %s",
    async (_kind, query) => {
      const about = async (id: string, token: string): Promise<unknown> => {
        const { outcome, text } = await way.ask(server, { query, variables: { id } }, token);
        return { outcome, text: text.replaceAll(id, 'id') };
      };
      for (const token of [tokenFor(), only])
        expect(await about('theirs', token)).toEqual(await about('nobody', token));
    },
  );

  it('goes on to read while nothing can be written', async () => {
    faults = { append: full };
    expect((await way.ask(server, { query: '{ project(id: "mine") { name } }' }, tokenFor())).outcome).toBe(
      'data',
    );
    faults = {};
  });
});

/** Of so many fragments, each with the next one twice: it costs twice as much with each of them. */
const doubling = (count: number): string => {
  const fragments = Array.from({ length: count }, (_, index) => {
    const next = index + 1 < count ? `...f${index + 1}` : 'type';
    return `fragment f${index} on Event { ${next} ${next} }`;
  });
  return `{ events { ...f0 } } ${fragments.join(' ')}`;
};

/** Subscriptions, which have no HTTP status of their own. */
const subscriptions: readonly Omit<Case, 'status'>[] = [
  { name: 'a syntax error', query: 'subscription {', code: 'GRAPHQL_PARSE_FAILED' },
  { name: 'an unknown field', query: 'subscription { nonsense }', code: 'GRAPHQL_VALIDATION_FAILED' },
  ...Object.entries({
    'a depth of 9': `${'{ events '.repeat(8)} { type } ${'} '.repeat(8)}`,
    '16 aliases': `{ events { ${Array.from({ length: 16 }, (_, i) => `a${i}: type`).join(' ')} } }`,
    '51 directives': `{ events { type ${'@include(if: true) '.repeat(51)} } }`,
    '1001 tokens': `{ events { ${'type '.repeat(996)} } }`,
    'a cost of 65 536': doubling(16),
  }).map(([name, selection]) => ({
    name,
    query: `subscription ${selection}`,
    code: 'QUERY_TOO_COMPLEX' as const,
  })),
  {
    name: 'a topic that is not permitted',
    query: 'subscription { projectUpdated(projectId: "theirs") { cursor } }',
    token: only,
    code: 'FORBIDDEN',
  },
  {
    name: 'no scope to read',
    query: 'subscription { announcement { message } }',
    token: tokenFor({ scope: 'publish' }),
    code: 'FORBIDDEN',
  },
  {
    name: 'a malformed cursor',
    query: 'subscription { events(after: "nonsense") { type } }',
    code: 'BAD_CURSOR',
  },
  ...lostCursors.map((reason) => ({
    name: `a cursor that is lost, by its ${reason},`,
    query: 'subscription ($after: Cursor) { events(after: $after) { type } }',
    variables: () => ({ after: lost[reason] }),
    code: 'CURSOR_EXPIRED' as const,
    reason,
  })),
  {
    name: 'a failure that nobody expected',
    query: 'subscription { projectUpdated(projectId: "mine", snapshot: true) { cursor } }',
    faults: { entities: new Error('swordfish') },
    code: 'INTERNAL_SERVER_ERROR',
  },
];

describe.each(drivers)('a subscription over $name', (driver: Driver) => {
  it.each(subscriptions)(
    'with $name ends with $code, and its connection stays',
    async ({ query, variables, token = tokenFor(), faults: made = {}, code, reason }) => {
      using peer = await driver.connect(server.graphqlUrl, token);
      faults = made;
      const operation = peer.start(query, variables?.());
      const { errors, data }: Result = await operation.next();
      await operation.ended;
      faults = {};
      expect(data ?? null).toBeNull();
      expect(errors?.[0]?.extensions['code']).toBe(code);
      expect(JSON.stringify(errors)).not.toContain('swordfish');
      if (reason !== undefined)
        expect(errors?.[0]?.extensions).toMatchObject({ reason, headCursor: expect.any(String) });
      // Whatever is asked for next, it gets an answer.
      const next = await peer.start('subscription { nonsense }').next();
      expect(next.errors?.[0]?.extensions['code']).toBe('GRAPHQL_VALIDATION_FAILED');
    },
  );

  it('with a cost of 32 768 is not too complex', async () => {
    using peer = await driver.connect(server.graphqlUrl, tokenFor());
    const operation = peer.start(`subscription ${doubling(15)}`);
    await until(async () => {
      await server.run(announce);
      return operation.rest.length > 0;
    });
    expect((await operation.next()).data).toEqual({ events: { type: 'ANNOUNCEMENT' } });
  });

  it("about the id of another workspace is told the same as about one that is nobody's", async () => {
    using peer = await driver.connect(server.graphqlUrl, only);
    const about = async (id: string): Promise<Result> =>
      peer.start('subscription ($id: ID!) { projectUpdated(projectId: $id) { cursor } }', { id }).next();
    expect(await about('theirs')).toEqual(await about('nobody'));
  });

  it('with a misspelt name is corrected for admins only', async () => {
    const told = async (token: string): Promise<string> => {
      using peer = await driver.connect(server.graphqlUrl, token);
      return JSON.stringify(await peer.start('subscription { announcemen { message } }').next());
    };
    expect(await told(tokenFor())).toContain('Did you mean');
    expect(await told(reader)).toContain('"GRAPHQL_VALIDATION_FAILED"');
    expect(await told(reader)).not.toContain('Did you mean');
  });

  it('goes on while the disk is full, and when there is room again', async () => {
    using peer = await driver.connect(server.graphqlUrl, tokenFor());
    const lasting = peer.start(
      'subscription { projectUpdated(projectId: "mine", snapshot: true) { project { description } } }',
    );
    await lasting.next();
    const update =
      'mutation ($text: String) { updateProject(input: { id: "mine", description: $text }) { cursor } }';
    faults = { append: full };
    const { errors } = await server.query(update, { text: 'no room' });
    expect(errors?.[0]?.extensions['code']).toBe('STORE_FULL');
    faults = {};
    await server.run(update, { text: `room for ${driver.name}` });
    expect((await lasting.next()).data).toEqual({
      projectUpdated: { project: { description: `room for ${driver.name}` } },
    });
  });

  it('goes on when another one beside it is refused', async () => {
    using peer = await driver.connect(server.graphqlUrl, tokenFor());
    const lasting = peer.start(
      'subscription { projectUpdated(projectId: "mine", snapshot: true) { project { name } } }',
    );
    expect((await lasting.next()).data).toEqual({ projectUpdated: { project: { name: 'P' } } });
    await peer.start('subscription { nonsense }').ended;
    await server.run(
      'mutation { updateProject(input: { id: "mine", name: "P", description: "new" }) { cursor } }',
    );
    expect((await lasting.next()).data).toEqual({ projectUpdated: { project: { name: 'P' } } });
  });
});

it('is ready only where the store is', async () => {
  faults = { ping: away };
  expect((await fetch(`${server.url}/ready`)).status).toBe(503);
  faults = {};
  expect((await fetch(`${server.url}/ready`)).status).toBe(200);
});
