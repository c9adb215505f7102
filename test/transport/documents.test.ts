/** Which documents are refused, on every transport: too complex ones, looks into the schema, and those that are not in the list. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { drivers, type Result } from './drivers.ts';
import { refusedWith, ways } from './queries.ts';

const reader = tokenFor({ scope: 'read' });
const admin = tokenFor();
const repeat = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_each, index) => text(index)).join(' ');
const viewer = '{ viewer { userId } }';

const deep = (levels: number): string =>
  `{ viewer { ${'... on Viewer { '.repeat(levels)} userId ${'} '.repeat(levels)} } }`;
const all = (count: number): string =>
  `fragment all on Event { ${repeat(count, () => '... on PrStateChange { pullRequest { title } }')} }`;
const tooComplex: Readonly<Record<string, string>> = {
  'a depth of 9': `{ ${'viewer { '.repeat(8)} userId ${'} '.repeat(8)} }`,
  'a depth of 9 by fragments': `{ viewer { ...a } } fragment a on Viewer { userId ${'x { '.repeat(7)} y ${'} '.repeat(7)} }`,
  '16 aliases': `{ ${repeat(16, (index) => `a${index}: viewer { userId }`)} }`,
  '51 directives': `{ viewer { userId ${repeat(51, () => '@include(if: true)')} } }`,
  '1001 tokens': `{ events(filter: { types: [${repeat(982, () => 'PR_CREATED')}] }) { nodes { type } } }`,
  'one field 900 times': `{ viewer { ${repeat(900, () => 'userId')} } }`,
  'large pages of much': `{ ${repeat(15, (index) => `a${index}: events(first: 500) { nodes { ...all } }`)} } ${all(4)}`,
  'much, in pages of a size in a variable': `query ($n: Int) { ${repeat(15, (index) => `a${index}: events(first: $n) { nodes { ...all } }`)} } ${all(25)}`,
  'fragments in a circle': `{ viewer { ...a } } fragment a on Viewer { userId ...b } fragment b on Viewer { ...a }`,
  'a nesting without end': `{${'a{'.repeat(600)}`,
};
/** As much as there may be. What the schema says of it comes behind that. */
const justFitting: Readonly<Record<string, string>> = {
  'a depth of 8': `{ ${'viewer { '.repeat(7)} userId ${'} '.repeat(7)} }`,
  '50 directives': `{ viewer { userId ${repeat(50, () => '@include(if: true)')} } }`,
};
const fine: Readonly<Record<string, string>> = {
  '1000 tokens': `{ events(filter: { types: [${repeat(981, () => 'PR_CREATED')}] }) { nodes { type } } }`,
  'much in one document': `{ ${repeat(15, (index) => `a${index}: viewer { userId }`)} }`,
  'inline fragments, which are no depth': deep(20),
  'a large page of everything': `{ events(first: 500) { nodes { ...all } } } ${all(30)}`,
};

describe.each(ways)('over $name', (way) => {
  let server: TestServer;
  let development: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
    development = await TestServer.start({ environment: { JWT_SECRET: '' } });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await development[Symbol.asyncDispose]();
  });

  it.each(Object.entries(tooComplex))('%s is refused, of admins too', async (name, query) => {
    const code = name === 'fragments in a circle' ? 'GRAPHQL_VALIDATION_FAILED' : 'QUERY_TOO_COMPLEX';
    const expected = refusedWith(way, 400, code);
    // Twice: the second time it comes from the cache.
    for (const token of [reader, admin]) {
      const { outcome, text } = await way.ask(server, { query }, token);
      expect(outcome).toBe(expected);
      expect(text).not.toContain('Syntax Error');
    }
  });

  it.each(Object.entries(justFitting))('%s is not too complex', async (_name, query) => {
    expect((await way.ask(server, { query }, reader)).text).not.toContain('QUERY_TOO_COMPLEX');
  });

  it.each(Object.entries(fine))('%s is not refused', async (_name, query) => {
    expect((await way.ask(server, { query }, admin)).outcome).toBe('data');
  });

  it.each([
    ['all of the schema', getIntrospectionQuery()],
    ['a type', '{ __type(name: "Viewer") { name } }'],
    ['a type in a fragment', 'query { ...q } fragment q on Query { __schema { types { name } } }'],
  ])('%s is shown to admins, and to everybody in development mode', async (_name, query) => {
    expect((await way.ask(server, { query }, admin)).outcome).toBe('data');
    expect((await way.ask(server, { query }, reader)).outcome).toBe(refusedWith(way, 403, 'FORBIDDEN'));
    expect((await way.ask(development, { query }, development.gateway.developmentToken!)).outcome).toBe(
      'data',
    );
  });

  it('the type of a result may be asked by everybody', async () => {
    const { text } = await way.ask(server, { query: '{ __typename viewer { __typename } }' }, reader);
    expect(text).toContain('"__typename":"Viewer"');
  });

  it('a value that its scalar does not take is INVALID_INPUT', async () => {
    const query = 'query ($c: Cursor) { events(after: $c) { nodes { type } } }';
    const { outcome } = await way.ask(server, { query, variables: { c: 5 } }, reader);
    expect(outcome).toBe(refusedWith(way, 400, 'INVALID_INPUT'));
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['a field', '{ viewer { userIdd } }', {}],
    ['an argument', '{ project(idd: "x") { id } }', {}],
    ['a type', 'query ($x: Vieweer) { viewer { userId } }', {}],
    [
      'a value in a variable',
      'query ($t: [EventType!]) { events(filter: { types: $t }) { nodes { cursor } } }',
      { t: ['PR_CREATE'] },
    ],
  ])('%s that is misspelt is corrected for admins only', async (_name, query, variables) => {
    const told = async (token: string): Promise<string> =>
      (await way.ask(server, { query, variables }, token)).text;
    expect(await told(admin)).toContain('Did you mean');
    const hidden = await told(reader);
    expect(hidden).toContain('"code"');
    expect(hidden).not.toContain('Did you mean');
  });
});

describe('where PERSISTED_ONLY lists the documents', () => {
  let directory: string;
  const documents = {
    who: viewer,
    what: 'query What($first: Int) { events(first: $first) { nodes { cursor } } }',
  };
  const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
  const byHash = (sha256Hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidings-persisted-'));
    const entries = Object.values(documents).map((text) => [hashOf(text), text] as const);
    await writeFile(join(directory, 'list.json'), JSON.stringify(Object.fromEntries(entries)));
    const operations = entries.map(([id, body]) => ({ id, body, name: 'x', type: 'query' }));
    await writeFile(
      join(directory, 'manifest.json'),
      JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }),
    );
    for (const [name, text] of Object.entries(documents))
      await writeFile(join(directory, `${name}.graphql`), `${text}\n`);
  });
  afterAll(async () => rm(directory, { recursive: true, force: true }));

  describe.each(['list.json', 'manifest.json', ''])('in %s', (file) => {
    let server: TestServer;
    beforeAll(async () => {
      server = await TestServer.start({ environment: { PERSISTED_ONLY: join(directory, file) } });
    });
    afterAll(async () => server[Symbol.asyncDispose]());

    it.each(ways)('only those are executed: over $name', async (way) => {
      const ask = async (question: object, token = reader): Promise<string> =>
        (await way.ask(server, question, token)).outcome;
      const unknown = refusedWith(way, 404, 'PERSISTED_QUERY_NOT_FOUND');
      expect(await ask({ query: viewer })).toBe('data');
      expect(await ask({ query: `# Who?\n  ${viewer.replaceAll(' ', '\n')}` })).toBe('data');
      expect(await ask(byHash(hashOf(viewer)))).toBe('data');
      expect(await ask({ ...byHash(hashOf(documents.what)), variables: { first: 1 } })).toBe('data');
      expect(await ask({ query: '{ viewer { workspace } }' })).toBe(unknown);
      expect(await ask({ query: '{ nonsense' })).toBe(unknown);
      expect(await ask(byHash(hashOf('{ viewer { workspace } }')))).toBe(unknown);
      expect(await ask(byHash('__proto__'))).toBe(unknown);
      // What is executed is what the list says of the hash.
      const { text } = await way.ask(
        server,
        { query: '{ viewer { workspace } }', ...byHash(hashOf(viewer)) },
        reader,
      );
      expect(text).toContain('"userId"');
      expect(text).not.toContain('"workspace"');
      expect(await ask({ query: '{ viewer { workspace } }' }, admin)).toBe('data');
    });
  });

  it.each(drivers)('only those are subscribed to: over $name', async (driver) => {
    const listed = 'subscription { announcement { message } }';
    await writeFile(join(directory, 'announcements.graphql'), listed);
    await using server = await TestServer.start({ environment: { PERSISTED_ONLY: directory } });
    const told = async (query: string, token: string): Promise<Result> => {
      using peer = await driver.connect(server.graphqlUrl, token);
      const operation = peer.start(query);
      await until(async () => {
        const { stats } = await server.run<{ stats: { live: number } }, object>('{ stats { live } }');
        if (stats.live === 1)
          await server.run('mutation { announce(input: { message: "hello" }) { cursor } }');
        return stats.live === 1 || operation.rest.length > 0;
      });
      return await operation.next();
    };
    const other = 'subscription { announcement { cursor } }';
    expect((await told(listed, reader)).data).toEqual({ announcement: { message: 'hello' } });
    expect((await told(other, reader)).errors?.[0]?.extensions['code']).toBe('PERSISTED_QUERY_NOT_FOUND');
    expect((await told(other, admin)).data).toHaveProperty('announcement');
  });

  it.each(ways)('and where it does not, a hash says nothing: over $name', async (way) => {
    await using server = await TestServer.start();
    const { outcome } = await way.ask(server, byHash(hashOf(viewer)), reader);
    expect(outcome).toBe(refusedWith(way, 404, 'PERSISTED_QUERY_NOT_FOUND'));
    expect((await way.ask(server, { query: viewer, ...byHash(hashOf(viewer)) }, reader)).outcome).toBe(
      'data',
    );
  });

  it.each([
    ['a path that leads nowhere', async () => join(directory, 'nowhere.json')],
    ['a file of something else', async () => fileOf('else.json', '{"hash":1}')],
    ['a document that is none', async () => fileOf('broken.json', '{"hash":"{ viewer {"}')],
  ])('a server does not start with %s', async (_name, path) => {
    await expect(TestServer.start({ environment: { PERSISTED_ONLY: await path() } })).rejects.toThrow(
      'PERSISTED_ONLY',
    );
  });
  const fileOf = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };
});
