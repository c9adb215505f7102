import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World, type Store } from '../schema/world.ts';
import { RedisHarness } from '../store/redis-harness.ts';
import { anyRedis } from '../support/redis.ts';
import { expectSound } from './log-history.ts';
import { party } from './party.ts';

const projects = ['a', 'b'] as const;
const repositories = ['r', 's'] as const;

/** One mutation of one of two publishers. */
const step = fc.record({
  publisher: fc.nat({ max: 1 }),
  project: fc.constantFrom(...projects),
  repoId: fc.constantFrom(...repositories),
  number: fc.integer({ min: 1, max: 2 }),
  what: fc.constantFrom(
    'delete',
    'create',
    'rename',
    'move',
    'move',
    'pull request',
    'pull request',
    'workflow',
    'issue',
    'comment',
    'files',
    'commit',
    'alert',
    'analysis',
    'batch',
  ),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function mutationOf({ what, project, repoId, number }: Step, mark: string): [field: string, input: object] {
  switch (what) {
    case 'delete':
      return ['deleteProject', { id: project }];
    case 'create':
      return ['upsertProject', { id: project, name: project }];
    case 'rename':
      return ['upsertProject', { id: project, name: project, description: mark }];
    case 'move':
      return ['registerRepository', { projectId: project, fullName: `acme/${repoId}`, repoId }];
    case 'pull request':
      return ['reportPullRequest', { repoId, number, title: mark }];
    case 'workflow':
      return ['reportWorkflow', { id: `w${number}`, repoId, name: mark }];
    case 'issue':
      return ['reportIssue', { id: `i${number}`, repoId, title: mark }];
    case 'comment':
      return ['commentOnIssue', { issueId: `i${number}`, body: mark }];
    case 'files':
      return ['reportFileChange', { repoId, files: [{ path: mark, changeType: 'MODIFIED' }] }];
    case 'commit':
      return ['reportAutoCommit', { id: `c${number}`, repoId, phase: 'START', message: mark }];
    case 'alert':
      return ['triggerAlert', { id: `l${number}`, projectId: project, rule: mark, message: mark }];
    case 'analysis':
      return [
        'completeAnalysis',
        { projectId: project, targetType: 'PULL_REQUEST', targetId: `${repoId}#${number}`, summary: mark },
      ];
    case 'batch':
      return [
        'publishEvents',
        {
          events: [
            { type: 'PR_UPDATED', data: { repoId, number, title: mark } },
            { type: 'PROJECT_DELETED', data: { id: project } },
            { type: 'PROJECT_CREATED', data: { id: project, name: mark } },
            { type: 'ALERT_TRIGGERED', data: { id: 'l1', projectId: project, rule: mark, message: mark } },
          ],
        },
      ];
  }
}

/** Calls reach the store in any order, but appends of one publisher in theirs, as within a process; and so do the answers come back. */
function heldUp(store: Store, scheduler: fc.Scheduler): Store {
  let last: Promise<unknown> = Promise.resolve();
  return new Proxy(store, {
    get: (_, name) => {
      if (name === 'records') return store.records;
      const method = store[name as keyof Store] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]): Promise<unknown> => {
        const before = name === 'append' ? last : Promise.resolve();
        const reached = before.then(async () => scheduler.schedule(Promise.resolve(), String(name)));
        if (name === 'append') last = reached;
        await reached;
        const [answer] = await Promise.allSettled([method.apply(store, args)]);
        await scheduler.schedule(Promise.resolve(), `${String(name)} answered`);
        if (answer.status === 'rejected') throw answer.reason;
        return answer.value;
      };
    },
  });
}

function describeInterleavings(
  name: string,
  open: () => Promise<{ stores: readonly Store[] } & AsyncDisposable>,
) {
  describe(`two publishers on ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    let workspaces = 0;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => opened[Symbol.asyncDispose]());

    it('leave nothing in a project that is gone or that the repository has left, and lose no change', async () => {
      let written = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 4, maxLength: 12 }),
          fc.scheduler(),
          async (steps, scheduler) => {
            const workspace = `${name} ${(workspaces += 1)}`;
            const [store] = opened.stores;
            const setUp = party(workspace, store!);
            for (const id of projects) await setUp.tell('upsertProject', { id, name: id });
            for (const repoId of repositories) {
              await setUp.tell('registerRepository', { projectId: 'a', fullName: `acme/${repoId}`, repoId });
              await setUp.tell('reportIssue', { id: `i${repoId === 'r' ? 1 : 2}`, repoId, title: 'first' });
            }
            const parties = opened.stores.map((each) => party(workspace, heldUp(each, scheduler)));
            const made = steps.map(async (each, index) => {
              const [field, input] = mutationOf(each, `${index}`);
              const document = `mutation ($input: ${field[0]!.toUpperCase()}${field.slice(1)}Input!) {
                ${field}(input: $input) { __typename } }`;
              const { errors } = await parties[each.publisher]!.run(document, { input });
              // What it is about may be gone.
              for (const { extensions, originalError } of errors ?? []) {
                expect((originalError as { code?: string }).code ?? extensions['code']).toBe('NOT_FOUND');
              }
            });
            await scheduler.waitFor(Promise.all(made));
            written += (await expectSound(store!, { workspace, stream: 'events' })).length;
          },
        ),
        { numRuns: 60 },
      );
      console.log(`${workspaces} histories with ${written} events`);
    }, 120_000);
  });
}

describeInterleavings('one embedded store', async () => {
  const world = await World.open();
  return {
    stores: [world.store, world.store],
    [Symbol.asyncDispose]: async () => world[Symbol.asyncDispose](),
  };
});

describeInterleavings('one Redis', async () => {
  const redis = await anyRedis();
  const harness = new RedisHarness(redis.url);
  return {
    stores: [await harness.open(), await harness.open()],
    [Symbol.asyncDispose]: async () => {
      await harness.dispose();
      await redis[Symbol.asyncDispose]();
    },
  };
});
