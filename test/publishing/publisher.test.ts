import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/store/store.ts';
import { ReportWorkflowDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';

/** The store with appends that take a moment, as on a slow disk. */
function slow(store: EventStore): EventStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'append') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      return async (...args: Parameters<EventStore['append']>) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return target.append(...args);
      };
    },
  });
}

describe('publishers at the same time', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start({ aroundStore: slow });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
    await server.run(
      'mutation { registerRepository(input: { projectId: "p", fullName: "acme/p", repoId: "r" }) { cursor } }',
    );
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  it('of a project and of what is in it are not refused for each other', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, number) =>
        number % 2 === 0
          ? server.query(UpsertProjectDocument, { input: { id: 'p', name: `P ${number}` } })
          : server.query(
              `mutation { reportPullRequest(input: { repoId: "r", number: ${number}, title: "t" }) { cursor } }`,
            ),
      ),
    );
    expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  });

  it('of one entity lose no report, with and without idempotency keys', async () => {
    const reports = Array.from({ length: 60 }, (_, percent) => ({
      id: 'busy',
      projectId: 'p',
      percent,
      ...(percent % 2 === 0 ? {} : { idempotencyKey: `key ${percent % 20}` }),
    }));
    const answers = await Promise.all(
      reports.map(async (input) => server.query(ReportWorkflowDocument, { input })),
    );
    expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
    const results = answers.map(({ data }) => data!.reportWorkflow);
    // Ten keys, three times each.
    expect(results.filter(({ duplicate }) => duplicate)).toHaveLength(20);
    expect(new Set(results.map(({ cursor }) => cursor)).size).toBe(40);
  });

  it('in one workspace are not disturbed by names that no store can tell apart', async () => {
    const bad = server.query(
      'mutation ($name: String!) { registerRepository(input: { projectId: "p", fullName: $name }) { cursor } }',
      { name: 'x/y\ud800' },
    );
    const token = tokenFor({ workspace: 'other' });
    const good = server.query(UpsertProjectDocument, { input: { id: 'o', name: 'O' } }, { token });
    expect((await bad).errors?.[0]?.extensions['code']).toBe('INVALID_INPUT');
    expect((await good).errors).toBeUndefined();
  });
});

interface Page {
  readonly nodes: readonly { readonly number: number }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

describe('a repository with more than is read at once', () => {
  it('moves to another project as a whole', async () => {
    await using server = await TestServer.start();
    for (const id of ['from', 'to']) await server.run(UpsertProjectDocument, { input: { id, name: id } });
    const register = async (projectId: string): Promise<unknown> =>
      server.run(
        'mutation ($id: ID!) { registerRepository(input: { projectId: $id, fullName: "acme/big", repoId: "big" }) { cursor } }',
        { id: projectId },
      );
    await register('from');
    const body = 'x'.repeat(60_000);
    for (let number = 1; number <= 80; number++) {
      await server.run(
        'mutation ($number: Int!, $body: String) { reportPullRequest(input: { repoId: "big", number: $number, body: $body }) { cursor } }',
        { number, body },
      );
    }
    await register('to');
    const numbersIn = async (projectId: string): Promise<number[]> => {
      const numbers: number[] = [];
      // Pages of large entries end early.
      for (let after: string | null = null; ;) {
        const { page }: { page: Page } = await server.run(
          `query ($id: ID, $after: String) { page: pullRequests(projectId: $id, after: $after, first: 100) {
            nodes { number } pageInfo { hasNextPage endCursor } } }`,
          { id: projectId, after },
        );
        numbers.push(...page.nodes.map(({ number }) => number));
        if (!page.pageInfo.hasNextPage) return numbers;
        after = page.pageInfo.endCursor;
      }
    };
    expect(await numbersIn('from')).toEqual([]);
    expect(new Set(await numbersIn('to')).size).toBe(80);
  });
});
