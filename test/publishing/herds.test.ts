/** Many at once about one entity: all of them get through, and none of what they say is lost. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World, type Store, type Workspace } from '../schema/world.ts';
import { RedisHarness } from '../store/redis-harness.ts';
import { anyRedis } from '../support/redis.ts';
import { expectSound } from './log-history.ts';
import { party } from './party.ts';

const HERD = 120;

function describeHerds(name: string, open: () => Promise<{ stores: readonly Store[] } & AsyncDisposable>) {
  describe(name, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    let parties: readonly Workspace[];
    const workspace = `herds ${name}`;
    beforeAll(async () => {
      opened = await open();
      parties = opened.stores.map((store) => party(workspace, store));
      for (const id of ['p', 'q']) await parties[0]!.tell('upsertProject', { id, name: id });
    });
    afterAll(async () => opened[Symbol.asyncDispose]());

    const herd = async (field: string, inputOf: (index: number) => object): Promise<unknown> =>
      Promise.all(
        Array.from({ length: HERD }, async (_, index) =>
          parties[index % parties.length]!.tell(field, { ...inputOf(index) }),
        ),
      );
    const sound = async () => expectSound(opened.stores[0]!, { workspace, stream: 'events' });

    it('register repositories with one project', async () => {
      await herd('registerRepository', (index) => ({ projectId: 'p', fullName: `acme/${index}` }));
      const { project } = await parties[0]!.ask('{ project(id: "p") { repositories { id } } }');
      expect(new Set(project.repositories.map(({ id }: { id: string }) => id)).size).toBe(HERD);
      await sound();
    });

    it('move one repository to and fro', async () => {
      await herd('registerRepository', (index) => ({
        projectId: index % 2 === 0 ? 'p' : 'q',
        fullName: 'acme/moving',
      }));
      await sound();
    });

    it('comment on one issue, while it is renamed all the time', async () => {
      await parties[0]!.tell('reportIssue', { id: 'i', projectId: 'p', title: 'first' });
      await Promise.all([
        herd('commentOnIssue', (index) => ({ issueId: 'i', body: `${index}` })),
        herd('reportIssue', (index) => ({ id: 'i', projectId: 'p', title: `${index}` })),
      ]);
      const told = (await sound()).filter(({ kind }) => kind === 'issue.commented');
      expect(new Set(told.map(({ detail }) => detail.comment!.body)).size).toBe(HERD);
    });

    it('complete analyses of one pull request', async () => {
      await parties[0]!.tell('registerRepository', { projectId: 'p', fullName: 'acme/r', repoId: 'r' });
      await parties[0]!.tell('reportPullRequest', { repoId: 'r', number: 1, title: 'T' });
      await herd('completeAnalysis', (index) => ({
        projectId: 'p',
        targetType: 'PULL_REQUEST',
        targetId: 'r#1',
        summary: `${index}`,
      }));
      const told = (await sound()).filter(({ kind }) => kind === 'ai.analysis_complete');
      expect(told).toHaveLength(HERD);
    });

    it('report about a project that is updated all the time', async () => {
      await Promise.all([
        herd('upsertProject', (index) => ({ id: 'p', description: `${index}` })),
        herd('triggerAlert', (index) => ({ id: `${index}`, projectId: 'p', rule: 'r', message: 'm' })),
        herd('reportPullRequest', (index) => ({ repoId: 'r', number: 100 + index, title: 'T' })),
      ]);
      const told = await sound();
      expect(told.filter(({ kind }) => kind === 'alert.triggered')).toHaveLength(HERD);
    });
  });
}

describeHerds('writers of one process', async () => {
  const world = await World.open();
  return { stores: [world.store], [Symbol.asyncDispose]: async () => world[Symbol.asyncDispose]() };
});

describeHerds('writers of two processes on one Redis', async () => {
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
