import { describe, expect, it } from 'vitest';
import type { Project } from '../../src/events/states.ts';
import { at, checkRunEvent, deliver, plan, pullRequestEvent, REPO, repository, sender } from './github.ts';
import { MemoryState } from './memory-state.ts';

const repositoryEvent = (action: string, parts: object = {}, changes: object = {}): object => ({
  action,
  repository: repository({ updated_at: at(20), ...parts }),
  changes,
  sender,
});

const pushTo = (parts: object = {}): object => ({
  ref: 'refs/heads/main',
  commits: [{ added: ['a.ts'] }],
  repository: repository({ updated_at: at(30), ...parts }),
  sender,
});

const registered = (parts: Partial<Project['repositories'][number]> = {}) => ({
  id: 'app',
  fullName: 'Acme/App',
  githubId: null,
  url: null,
  defaultBranch: null,
  isArchived: false,
  ...parts,
});

/** A state with the project "alpha", as a service would have registered it. */
function withAlpha(...repositories: readonly Project['repositories'][number][]): MemoryState {
  const state = new MemoryState();
  const project = { id: 'alpha', name: 'Alpha', description: 'Ours', repositories: [...repositories] };
  state.apply([{ subject: 'project', patch: project }]);
  return state;
}

const kindsOf = (facts: readonly { kind: string }[]): string[] => facts.map(({ kind }) => kind);

describe('an unregistered repository', () => {
  it('gets a project of its own on first sight, before what happened in it', async () => {
    const state = new MemoryState();
    const facts = await deliver(state, 'push', pushTo());
    expect(kindsOf(facts)).toEqual(['project.created', 'file.changed']);
    expect(facts[0]).toMatchObject({ reason: 'REPOSITORY', actor: 'mona' });
    expect(facts[0]!.data).toEqual({
      id: REPO,
      name: 'acme/app',
      description: 'The app',
      repositoryUrl: 'https://github.com/acme/app',
      status: 'ACTIVE',
      metadata: null,
      repositories: [
        {
          id: REPO,
          fullName: 'acme/app',
          githubId: '100',
          url: 'https://github.com/acme/app',
          defaultBranch: 'main',
          isArchived: false,
        },
      ],
    });
    expect(facts[1]!.data).toMatchObject({ projectId: REPO, repoId: REPO });
  });

  it('gets it once', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo());
    expect(kindsOf(await deliver(state, 'push', pushTo()))).toEqual(['file.changed']);
  });

  it('gets it once, also when two deliveries are the first', async () => {
    const state = new MemoryState();
    const second = plan('push', pushTo());
    const early = await second(state);
    expect(early.map(({ kind }) => kind)).toEqual(['project.created', 'file.changed']);
    await deliver(state, 'pull_request', pullRequestEvent('opened'));
    // The publisher calls the plan again, as another has made the project meanwhile.
    expect((await second(state)).map(({ kind }) => kind)).toEqual(['file.changed']);
  });

  it('gets none for a delivery that has nothing to tell', async () => {
    const state = new MemoryState();
    expect(await deliver(state, 'check_run', checkRunEvent({ pull_requests: [] }))).toEqual([]);
    expect(await state.entity('project', REPO)).toBeUndefined();
  });

  it('gets one of its own beside another of the same name', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo());
    await deliver(state, 'push', pushTo({ id: 101 }));
    expect((await state.entity('project', 'github:101'))?.repositories).toMatchObject([{ githubId: '101' }]);
    expect((await state.entity('project', REPO))?.repositories).toMatchObject([{ githubId: '100' }]);
  });
});

describe('a registered repository', () => {
  it('is found by GitHub’s id, whatever its name is now', async () => {
    const state = withAlpha(registered({ githubId: '100', fullName: 'acme/old' }));
    const facts = await deliver(state, 'push', pushTo());
    expect(kindsOf(facts)).toEqual(['project.updated', 'file.changed']);
    expect(facts[0]!.data).toMatchObject({
      id: 'alpha',
      name: 'Alpha',
      description: 'Ours',
      repositoryUrl: null,
      repositories: [{ id: 'app', fullName: 'acme/app', githubId: '100', defaultBranch: 'main' }],
    });
    expect(facts[1]!.data).toMatchObject({ projectId: 'alpha', repoId: 'app' });
  });

  it('is found by its name, in whichever case, and keeps GitHub’s id from then on', async () => {
    const state = withAlpha(registered());
    const facts = await deliver(state, 'push', pushTo());
    expect(kindsOf(facts)).toEqual(['project.updated', 'file.changed']);
    expect(facts[0]!.data).toMatchObject({ repositories: [{ id: 'app', githubId: '100' }] });
    expect(kindsOf(await deliver(state, 'push', pushTo({ full_name: 'acme/renamed' })))).toEqual([
      'project.updated',
      'file.changed',
    ]);
  });

  it('is not found by a name that now belongs to another repository', async () => {
    const state = withAlpha(registered({ githubId: '99' }));
    const facts = await deliver(state, 'push', pushTo());
    expect(facts[1]!.data).toMatchObject({ projectId: REPO, repoId: REPO });
  });

  it('goes before the project that was made on first sight', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo());
    const patch = { id: 'zeta', name: 'Zeta', repositories: [registered({ githubId: '100' })] };
    state.apply([{ subject: 'project', patch }]);
    const facts = await deliver(state, 'push', pushTo());
    expect(facts.at(-1)!.data).toMatchObject({ projectId: 'zeta', repoId: 'app' });
  });

  it('leaves the other repositories of its project alone', async () => {
    const other = registered({ id: 'web', fullName: 'acme/web', githubId: '300' });
    const state = withAlpha(other, registered());
    const [updated] = await deliver(state, 'push', pushTo());
    expect(updated!.data).toMatchObject({ repositories: [other, { id: 'app', githubId: '100' }] });
  });

  it('resolves pull requests by its own id', async () => {
    const state = withAlpha(registered());
    await deliver(state, 'pull_request', pullRequestEvent('opened'));
    const facts = await deliver(state, 'check_run', checkRunEvent({ pull_requests: [] }));
    expect(facts).toMatchObject([{ kind: 'pr.updated', entityId: 'app#7', projectId: 'alpha' }]);
  });
});

describe('a rename', () => {
  const renamed = repositoryEvent(
    'renamed',
    { full_name: 'acme/search', html_url: 'https://github.com/acme/search' },
    { repository: { name: { from: 'app' } } },
  );

  it('is followed by a project of the repository’s own', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(10) }));
    expect(await deliver(state, 'repository', renamed)).toMatchObject([
      {
        kind: 'project.updated',
        reason: 'REPOSITORY',
        entityId: REPO,
        data: {
          name: 'acme/search',
          repositoryUrl: 'https://github.com/acme/search',
          repositories: [{ fullName: 'acme/search' }],
        },
      },
    ]);
  });

  it('leaves a name alone that somebody gave the project', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(10) }));
    state.apply([{ subject: 'project', patch: { id: REPO, name: 'Search', description: 'Mine' } }]);
    const [updated] = await deliver(state, 'repository', renamed);
    expect(updated!.data).toMatchObject({ name: 'Search', description: 'Mine' });
  });

  it('finds a repository that was registered by its former name, and so does the next push', async () => {
    const state = withAlpha(registered());
    expect(await deliver(state, 'repository', renamed)).toMatchObject([
      {
        entityId: 'alpha',
        data: { repositories: [{ id: 'app', fullName: 'acme/search', githubId: '100' }] },
      },
    ]);
    const pushed = await deliver(state, 'push', pushTo({ full_name: 'acme/search' }));
    expect(pushed.at(-1)!.data).toMatchObject({ projectId: 'alpha', repoId: 'app' });
  });

  it('by a transfer finds it by the former owner', async () => {
    const state = withAlpha(registered());
    const transferred = repositoryEvent(
      'transferred',
      { full_name: 'umbrella/app' },
      { owner: { from: { organization: { login: 'acme' } } } },
    );
    expect(await deliver(state, 'repository', transferred)).toMatchObject([
      { entityId: 'alpha', data: { repositories: [{ fullName: 'umbrella/app' }] } },
    ]);
  });

  it('is not undone by a delivery from before it', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(10) }));
    await deliver(state, 'repository', renamed);
    await deliver(state, 'push', pushTo({ updated_at: at(15) }));
    expect(await state.entity('project', REPO)).toMatchObject({
      name: 'acme/search',
      repositories: [{ fullName: 'acme/search' }],
    });
  });
});

describe('other changes of a repository', () => {
  it('archive and reactivate a project of its own', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(1) }));
    await deliver(state, 'repository', repositoryEvent('archived', { archived: true }));
    expect(await state.entity('project', REPO)).toMatchObject({
      status: 'ARCHIVED',
      repositories: [{ isArchived: true }],
    });
    await deliver(state, 'repository', repositoryEvent('unarchived', { updated_at: at(40) }));
    expect(await state.entity('project', REPO)).toMatchObject({
      status: 'ACTIVE',
      repositories: [{ isArchived: false }],
    });
  });

  it('leave the status of a registered project alone', async () => {
    const state = withAlpha(registered({ githubId: '100' }));
    const [updated] = await deliver(state, 'repository', repositoryEvent('archived', { archived: true }));
    expect(updated!.data).toMatchObject({ status: 'ACTIVE', repositories: [{ isArchived: true }] });
  });

  it('describe a project of its own anew when the description was edited', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(1) }));
    const edited = repositoryEvent(
      'edited',
      { description: 'A better app' },
      { description: { from: 'The app' } },
    );
    expect(await deliver(state, 'repository', edited)).toMatchObject([
      { data: { description: 'A better app' } },
    ]);
  });

  it.each(['privatized', 'publicized'])('are told when it was %s', async (action) => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(1) }));
    expect(await deliver(state, 'repository', repositoryEvent(action))).toMatchObject([
      { kind: 'project.updated', reason: 'REPOSITORY' },
    ]);
  });
});

describe('the deletion of a repository', () => {
  const deleted = repositoryEvent('deleted');

  it('deletes a project that holds nothing else', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(1) }));
    expect(await deliver(state, 'repository', deleted)).toMatchObject([
      { kind: 'project.deleted', reason: 'DELETED', entityId: REPO },
    ]);
  });

  it('is taken out of a project that holds others', async () => {
    const other = registered({ id: 'web', fullName: 'acme/web', githubId: '300' });
    const state = withAlpha(other, registered({ githubId: '100' }));
    expect(await deliver(state, 'repository', deleted)).toMatchObject([
      { kind: 'project.updated', reason: 'REPOSITORY', entityId: 'alpha', data: { repositories: [other] } },
    ]);
  });

  it('says nothing of a repository that was never seen', async () => {
    expect(await deliver(new MemoryState(), 'repository', deleted)).toEqual([]);
  });

  it('is not undone by a delivery of the same second', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(1) }));
    await deliver(state, 'repository', deleted);
    await deliver(state, 'push', pushTo({ updated_at: at(20) }));
    expect(await state.entity('project', REPO)).toBeUndefined();
  });

  it('is undone when the repository is restored', async () => {
    const state = new MemoryState();
    await deliver(state, 'push', pushTo({ updated_at: at(1) }));
    await deliver(state, 'repository', deleted);
    expect(kindsOf(await deliver(state, 'push', pushTo({ updated_at: at(50) })))).toEqual([
      'project.created',
      'file.changed',
    ]);
  });
});
