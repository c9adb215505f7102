import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { offsetOf, World, type As, type Workspace } from './world.ts';

let world: World;
let space: Workspace;
beforeAll(async () => {
  world = await World.open();
});
afterAll(async () => world[Symbol.asyncDispose]());
beforeEach(async () => {
  space = world.workspace();
  await space.tell('upsertProject', { id: 'p1', name: 'One' });
  await space.tell('registerRepository', { projectId: 'p1', repoId: 'r1', fullName: 'octo/one' });
});

const publisher = (...projects: string[]): As => ({ userId: 'ci', projects, scopes: ['publish'] });

/** The newest events, oldest first, in a few words. */
async function written(count: number): Promise<Record<string, unknown>[]> {
  const { events } = await space.ask(
    `{ events(first: 500) { nodes {
      type reason projectId actor occurredAt changedFields
      ... on IssueUpdate { comment { id author body url action } }
      ... on WorkflowProgress { logs }
      ... on AiAnalysisComplete { analysisId summary durationMs }
      ... on FileChange { repoId ref files { path changeType previousPath } }
      ... on AutoCommit { commitId phase success sha }
      ... on Announcement { title message severity }
      ... on PrStateChange { prNumber pullRequest { insights { summary suggestionCount metadata } } }
    } } }`,
  );
  return events.nodes.slice(-count);
}

/** A fitting input for each mutation of services. */
const inputs = {
  upsertProject: { id: 'p1', description: 'First' },
  updateProject: { id: 'p1', status: 'PAUSED' },
  deleteProject: { id: 'p1' },
  registerRepository: { projectId: 'p1', fullName: 'octo/two' },
  reportPullRequest: { repoId: 'r1', number: 1 },
  reportIssue: { id: 'i1', projectId: 'p1' },
  reportWorkflow: { id: 'w1', repoId: 'r1' },
  reportAgentStatus: { id: 'a1', projectId: 'p1', status: 'BUSY' },
  publishAiSuggestion: {
    projectId: 'p1',
    targetType: 'FILE',
    targetId: 'a.ts',
    category: 'style',
    title: 'Shorten',
  },
  completeAnalysis: { projectId: 'p1', targetType: 'PROJECT', targetId: 'p1' },
  triggerAlert: { projectId: 'p1', rule: 'fuel', message: 'Low' },
  raiseRisk: { projectId: 'p1', severity: 'LOW', message: 'Rain' },
  reportFileChange: { repoId: 'r1', files: [{ path: 'a.ts', changeType: 'CREATED' }] },
  reportAutoCommit: { id: 'm1', repoId: 'r1', phase: 'START' },
  reportProgress: { projectId: 'p1', percent: 10 },
  notify: { userId: 'bob', projectId: 'p1', title: 'Psst' },
} as const;
const fields = Object.keys(inputs) as (keyof typeof inputs)[];

describe.each(fields)('%s', (field) => {
  const input = inputs[field];

  it('writes one event, durable when it answers', async () => {
    const { cursor, duplicate } = await space.tell(field, input);
    expect(duplicate).toBe(false);
    expect(offsetOf(cursor)).toBe(3);
  });

  it('answers a repeated idempotency key with the first cursor', async () => {
    const keyed = { ...input, idempotencyKey: 'k1' };
    const first = await space.tell(field, keyed);
    expect(await space.tell(field, keyed)).toEqual({ cursor: first.cursor, duplicate: true });
    const another = { userId: 'another' };
    if (field !== 'deleteProject')
      expect(await space.tell(field, keyed, undefined, another)).toMatchObject({ duplicate: false });
  });

  it('needs scope publish and access to the project', async () => {
    expect(await space.refusalOf(field, input, { scopes: ['read', 'admin'] })).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await space.refusalOf(field, input, publisher('p2'))).toMatchObject({ code: 'FORBIDDEN' });
    await space.tell(field, input, undefined, publisher('p1'));
  });

  it('takes actor and time from the input', async () => {
    if (field === 'notify') return;
    await space.tell(field, { ...input, actor: 'robot', occurredAt: '2026-01-02T03:04:05+01:00' });
    expect((await written(1))[0]).toMatchObject({ actor: 'robot', occurredAt: '2026-01-02T02:04:05.000Z' });
  });

  it('names all mistakes in the cause at once', async () => {
    const { code, issues } = await space.refusalOf(field, {
      ...input,
      actor: '',
      idempotencyKey: 'k'.repeat(201),
    });
    expect(code).toBe('INVALID_INPUT');
    expect(issues.map(({ path }) => path.join('.'))).toEqual(['input.actor', 'input.idempotencyKey']);
    expect(await space.refusalOf(field, { ...input, idempotencyKey: '' })).toMatchObject({
      code: 'INVALID_INPUT',
    });
    expect(await space.refusalOf(field, { ...input, occurredAt: 'yesterday' })).toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  it('knows nothing of other workspaces', async () => {
    const elsewhere = world.workspace();
    if (field === 'upsertProject') return;
    expect(await elsewhere.refusalOf(field, input)).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('projects', () => {
  it('are created with a name and defaults, and changed with what is told', async () => {
    const project = 'project { id name description status metadata repositories { id } }';
    const input = { id: 'p2', name: 'Two', metadata: { a: [1, { b: null }] } };
    expect(await space.tell('upsertProject', input, project)).toEqual({
      project: {
        id: 'p2',
        name: 'Two',
        description: null,
        status: 'ACTIVE',
        metadata: input.metadata,
        repositories: [],
      },
    });
    const changed = await space.tell(
      'upsertProject',
      { id: 'p1', description: 'First', metadata: null },
      project,
    );
    expect(changed.project).toMatchObject({
      name: 'One',
      description: 'First',
      repositories: [{ id: 'r1' }],
    });
    expect(await written(2)).toMatchObject([
      { type: 'PROJECT_CREATED', reason: 'REPORTED', actor: 'ada' },
      { type: 'PROJECT_UPDATED', changedFields: ['description'] },
    ]);
  });

  it('need a name, and ids without white space', async () => {
    const { code, issues } = await space.refusalOf('upsertProject', { id: 'p 2', metadata: 'text' });
    expect(code).toBe('INVALID_INPUT');
    expect(issues.map(({ path }) => path.join('.')).toSorted()).toEqual([
      'input.id',
      'input.metadata',
      'input.name',
    ]);
  });

  it('are only updated and deleted when they are known', async () => {
    for (const field of ['updateProject', 'deleteProject']) {
      expect(await space.refusalOf(field, { id: 'p9' })).toMatchObject({ code: 'NOT_FOUND' });
    }
    const { project } = await space.tell(
      'updateProject',
      { id: 'p1', status: 'ARCHIVED' },
      'project { name status }',
    );
    expect(project).toEqual({ name: 'One', status: 'ARCHIVED' });
  });

  it('are deleted with everything in them, and can be told again', async () => {
    await space.tell('reportIssue', { id: 'i1', projectId: 'p1' });
    const input = { id: 'p1', idempotencyKey: 'once' };
    const selection = 'cursor duplicate project { name }';
    const first = await space.tell('deleteProject', input, selection);
    expect(first.project).toEqual({ name: 'One' });
    expect(await written(1)).toMatchObject([{ type: 'PROJECT_DELETED', reason: 'DELETED' }]);
    expect(await space.ask('{ issue(id: "i1") { id } project(id: "p1") { id } }')).toEqual({
      issue: null,
      project: null,
    });
    expect(await space.refusalOf('reportIssue', { id: 'i2', projectId: 'p1' })).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await space.tell('deleteProject', input, selection)).toEqual({ ...first, duplicate: true });
    expect(await space.refusalOf('deleteProject', { id: 'p1' })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('answer a repetition with what is stored now', async () => {
    const input = { id: 'p1', name: 'First', idempotencyKey: 'k' };
    await space.tell('updateProject', input);
    await space.tell('updateProject', { id: 'p1', name: 'Second' });
    expect(await space.tell('updateProject', input, 'duplicate project { name }')).toEqual({
      duplicate: true,
      project: { name: 'Second' },
    });
  });

  it("don't show a project of others for a repeated key", async () => {
    await space.tell('upsertProject', { id: 'secret', name: 'Secret' });
    await space.tell('updateProject', { id: 'p1', idempotencyKey: 'k' }, undefined, publisher('p1'));
    const input = { id: 'secret', idempotencyKey: 'k' };
    expect(await space.refusalOf('updateProject', input, publisher('p1'))).toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  it('keep what is newer when an older report comes late', async () => {
    await space.tell('updateProject', { id: 'p1', name: 'New', occurredAt: '2026-02-01T00:00:00Z' });
    const late = { id: 'p1', name: 'Old', occurredAt: '2026-01-01T00:00:00Z' };
    expect(await space.tell('updateProject', late, 'project { name }')).toEqual({ project: { name: 'New' } });
  });
});

describe('repositories', () => {
  const register = async (input: object, as?: As): Promise<Record<string, unknown>> => {
    const selection =
      'repository { id fullName githubId url defaultBranch isArchived } project { id repositories { id } }';
    return space.tell('registerRepository', { projectId: 'p1', ...input }, selection, as);
  };

  it('get the id that they have, else of GitHub, else their name', async () => {
    const named = await register({ fullName: 'octo/two' });
    expect(named).toMatchObject({ repository: { id: 'octo/two', isArchived: false, url: null } });
    const numbered = await register({ fullName: 'octo/three', githubId: 3, url: 'https://x.example' });
    expect(numbered).toMatchObject({
      repository: { id: 'github:3', githubId: '3', url: 'https://x.example' },
    });
    expect(await register({ fullName: 'octo/renamed', githubId: '3', defaultBranch: 'main' })).toEqual({
      repository: {
        id: 'github:3',
        fullName: 'octo/renamed',
        githubId: '3',
        url: 'https://x.example',
        defaultBranch: 'main',
        isArchived: false,
      },
      project: { id: 'p1', repositories: [{ id: 'r1' }, { id: 'octo/two' }, { id: 'github:3' }] },
    });
    expect(await register({ fullName: 'OCTO/One', githubId: '1' })).toMatchObject({
      repository: { id: 'r1', githubId: '1' },
    });
    expect(await written(1)).toMatchObject([
      { type: 'PROJECT_UPDATED', reason: 'REPOSITORY', changedFields: ['repositories'] },
    ]);
  });

  it('are another one when GitHub says so by its id', async () => {
    await register({ fullName: 'octo/one', githubId: '1' });
    const reborn = await register({ fullName: 'octo/one', githubId: '2' });
    expect(reborn).toMatchObject({
      repository: { id: 'github:2' },
      project: { repositories: [{ id: 'r1' }, { id: 'github:2' }] },
    });
  });

  it('are refused with mistakes in the names of the input', async () => {
    expect(await space.refusalOf('registerRepository', { projectId: 'p9', fullName: 'o/x' })).toMatchObject({
      code: 'NOT_FOUND',
    });
    const mistaken = { projectId: 'p1', fullName: '', repoId: 'a b', url: '' };
    const { code, issues } = await space.refusalOf('registerRepository', mistaken);
    expect(code).toBe('INVALID_INPUT');
    expect(issues.map(({ path }) => path.join('.')).toSorted()).toEqual([
      'input.fullName',
      'input.repoId',
      'input.url',
    ]);
    const renamed = await space.refusalOf('registerRepository', {
      projectId: 'p1',
      fullName: 'octo/one',
      repoId: 'mine',
    });
    expect(renamed).toMatchObject({ code: 'INVALID_INPUT', issues: [{ path: ['input', 'repoId'] }] });
  });

  it('move with everything in them, at once', async () => {
    await space.tell('upsertProject', { id: 'p2', name: 'Two' });
    await space.tell('reportPullRequest', {
      repoId: 'r1',
      number: 1,
      title: 'Stays as it is',
      state: 'MERGED',
    });
    await space.tell('reportIssue', { id: 'i1', repoId: 'r1' });
    await space.tell('reportIssue', { id: 'other', projectId: 'p1' });
    await space.tell('reportWorkflow', { id: 'w1', repoId: 'r1' });
    await space.tell('reportAutoCommit', { id: 'm1', repoId: 'r1', phase: 'START' });
    const { cursor, project, repository } = await space.tell(
      'registerRepository',
      { projectId: 'p2', fullName: 'octo/one' },
      'cursor repository { id } project { id repositories { id } }',
    );
    expect({ project, repository }).toEqual({
      project: { id: 'p2', repositories: [{ id: 'r1' }] },
      repository: { id: 'r1' },
    });
    expect((await written(6)).map(({ type, reason, projectId }) => [type, reason, projectId])).toEqual([
      ['PROJECT_UPDATED', 'REPOSITORY', 'p1'],
      ['PROJECT_UPDATED', 'REPOSITORY', 'p2'],
      ['PR_UPDATED', 'MOVED', 'p2'],
      ['ISSUE_UPDATED', 'MOVED', 'p2'],
      ['WORKFLOW_PROGRESS', 'MOVED', 'p2'],
      ['COMMIT_AUTO', 'MOVED', 'p2'],
    ]);
    const { events } = await space.ask('{ events { headCursor } }');
    expect(cursor).toBe(events.headCursor);
    expect(
      await space.ask(`{
        project(id: "p1") { repositories { id } } pullRequest(repoId: "r1", number: 1) { projectId title state }
        issues(projectId: "p1") { nodes { id } }
      }`),
    ).toEqual({
      project: { repositories: [] },
      pullRequest: { projectId: 'p2', title: 'Stays as it is', state: 'MERGED' },
      issues: { nodes: [{ id: 'other' }] },
    });
  });

  it('that move are told to the readers of the project that they leave by its update alone', async () => {
    await space.tell('upsertProject', { id: 'p2', name: 'Two' });
    await space.tell('reportPullRequest', { repoId: 'r1', number: 1, title: 'T' });
    const { cursor } = await space.tell('registerRepository', { projectId: 'p1', fullName: 'octo/one' });
    await space.tell('registerRepository', { projectId: 'p2', fullName: 'octo/one' });
    const { events } = await space.ask(
      `{ events(after: "${cursor}") { nodes { type reason ... on ProjectUpdate { changes } } } }`,
      {},
      { projects: ['p1'], scopes: ['read'] },
    );
    expect(events.nodes).toEqual([
      { type: 'PROJECT_UPDATED', reason: 'REPOSITORY', changes: { repositories: [] } },
    ]);
  });

  it('move only with access to both projects', async () => {
    await space.tell('upsertProject', { id: 'p2', name: 'Two' });
    const move = { projectId: 'p2', fullName: 'octo/one' };
    expect(await space.refusalOf('registerRepository', move, publisher('p2'))).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await space.refusalOf('registerRepository', move, publisher('p1'))).toMatchObject({
      code: 'FORBIDDEN',
    });
    await register(move, publisher('p1', 'p2'));
  });
});

describe('pull requests', () => {
  it('belong to the project that holds their repository', async () => {
    const selection = 'pullRequest { projectId number state labels isDraft }';
    expect(
      await space.tell('reportPullRequest', { repoId: 'r1', number: 1, labels: ['x'] }, selection),
    ).toEqual({
      pullRequest: { projectId: 'p1', number: 1, state: 'OPEN', labels: ['x'], isDraft: null },
    });
    const closed = { repoId: 'r1', number: 1, state: 'MERGED', labels: null };
    expect(await space.tell('reportPullRequest', closed, selection)).toMatchObject({
      pullRequest: { state: 'MERGED', labels: [] },
    });
    expect((await written(2)).map(({ type }) => type)).toEqual(['PR_CREATED', 'PR_CLOSED']);
    const { code, message } = await space.refusalOf('reportPullRequest', { repoId: 'r9', number: 1 });
    expect({ code, message }).toEqual({
      code: 'NOT_FOUND',
      message: expect.stringContaining('register it first'),
    });
    expect(await space.refusalOf('reportPullRequest', { repoId: 'r1', number: 0 })).toMatchObject({
      code: 'INVALID_INPUT',
      issues: [{ path: ['input', 'number'] }],
    });
  });

  it('show the insights of an analysis', async () => {
    await space.tell('reportPullRequest', { repoId: 'r1', number: 1 });
    const analysis = { id: 'n1', projectId: 'p1', targetType: 'PULL_REQUEST', targetId: 'r1#1' };
    const told = { summary: 'Sound', suggestionCount: 2, metadata: { model: 'm' } };
    const { cursor } = await space.tell('completeAnalysis', { ...analysis, ...told, durationMs: 5 });
    expect(offsetOf(cursor)).toBe(5);
    expect(await written(2)).toMatchObject([
      { type: 'AI_ANALYSIS_COMPLETE', analysisId: 'n1', summary: 'Sound', durationMs: 5, changedFields: [] },
      {
        type: 'PR_UPDATED',
        reason: 'INSIGHTS',
        changedFields: ['insights'],
        prNumber: 1,
        pullRequest: { insights: told },
      },
    ]);
    await space.tell('completeAnalysis', { ...analysis, targetId: 'r1#2' });
    expect((await written(1))[0]).toMatchObject({ type: 'AI_ANALYSIS_COMPLETE', analysisId: 'n1' });
    const { issues } = await space.refusalOf('completeAnalysis', { ...analysis, suggestionCount: -1 });
    expect(issues).toHaveLength(1);
    const late = { summary: 'Old', occurredAt: '2026-01-01T00:00:00Z' };
    await space.tell('completeAnalysis', { ...analysis, summary: 'New', occurredAt: '2026-02-01T00:00:00Z' });
    await space.tell('completeAnalysis', { ...analysis, ...late });
    expect(await space.ask('{ pullRequest(repoId: "r1", number: 1) { insights { summary } } }')).toEqual({
      pullRequest: { insights: { summary: 'New' } },
    });
  });

  it('of another project are left alone by an analysis', async () => {
    await space.tell('upsertProject', { id: 'p2', name: 'Two' });
    await space.tell('reportPullRequest', { repoId: 'r1', number: 1 });
    await space.tell(
      'completeAnalysis',
      { projectId: 'p2', targetType: 'PULL_REQUEST', targetId: 'r1#1' },
      undefined,
      publisher('p2'),
    );
    expect(await written(1)).toMatchObject([{ type: 'AI_ANALYSIS_COMPLETE', projectId: 'p2' }]);
  });
});

describe('issues', () => {
  it('find their project, and keep it', async () => {
    const project = 'issue { projectId repoId title assignees }';
    expect(await space.tell('reportIssue', { id: 'i1', repoId: 'r1' }, project)).toMatchObject({
      issue: { projectId: 'p1' },
    });
    expect(await space.tell('reportIssue', { id: 'i1', title: 'T', assignees: ['bob'] }, project)).toEqual({
      issue: { projectId: 'p1', repoId: 'r1', title: 'T', assignees: ['bob'] },
    });
    await space.tell('reportIssue', { id: 'i1', state: 'CLOSED', stateReason: 'COMPLETED' });
    expect((await written(3)).map(({ type }) => type)).toEqual([
      'ISSUE_CREATED',
      'ISSUE_ASSIGNED',
      'ISSUE_CLOSED',
    ]);
  });

  it('are refused without a project, or with one that does not hold the repository', async () => {
    await space.tell('upsertProject', { id: 'p2', name: 'Two' });
    expect(await space.refusalOf('reportIssue', { id: 'i1' })).toMatchObject({
      issues: [{ path: ['input', 'projectId'], message: 'is needed here' }],
    });
    expect(await space.refusalOf('reportIssue', { id: 'i1', repoId: 'r1', projectId: 'p2' })).toMatchObject({
      issues: [{ path: ['input', 'projectId'], message: 'is not the project that holds the repository' }],
    });
    expect(await space.refusalOf('reportIssue', { id: 'i1', repoId: 'r9' })).toMatchObject({
      code: 'NOT_FOUND',
    });
    await space.tell('reportIssue', { id: 'i1', repoId: 'not-registered', projectId: 'p2' });
  });

  it('are commented on when they are known', async () => {
    expect(await space.refusalOf('commentOnIssue', { issueId: 'i1', body: 'Hm' })).toMatchObject({
      code: 'NOT_FOUND',
    });
    await space.tell('reportIssue', {
      id: 'i1',
      projectId: 'p1',
      title: 'T',
      occurredAt: '2026-02-01T00:00:00Z',
    });
    const comment = { issueId: 'i1', body: 'Hm', occurredAt: '2026-03-01T00:00:00Z' };
    expect(await space.tell('commentOnIssue', comment, 'issue { title }')).toEqual({ issue: { title: 'T' } });
    await space.tell('commentOnIssue', {
      ...comment,
      commentId: 4,
      author: 'eve',
      url: 'https://x.example',
      action: 'DELETED',
    });
    expect(await written(2)).toMatchObject([
      {
        type: 'ISSUE_COMMENTED',
        reason: 'COMMENT',
        comment: { id: null, author: 'ada', body: 'Hm', url: null, action: 'CREATED' },
      },
      { comment: { id: '4', author: 'eve', url: 'https://x.example', action: 'DELETED' }, changedFields: [] },
    ]);
    // A comment doesn't make reports that were made before it look old.
    const report = { id: 'i1', title: 'Better', occurredAt: '2026-02-15T00:00:00Z' };
    expect(await space.tell('reportIssue', report, 'issue { title }')).toEqual({
      issue: { title: 'Better' },
    });
    const { issues } = await space.refusalOf('commentOnIssue', {
      ...comment,
      commentId: 'a b',
      body: 'x'.repeat(70_000),
    });
    expect(issues.map(({ path }) => path.join('.'))).toEqual(['input.commentId', 'input.body']);
  });

  it('are deleted once', async () => {
    await space.tell('reportIssue', { id: 'i1', projectId: 'p1', title: 'T' });
    expect(await space.tell('deleteIssue', { id: 'i1' }, 'issue { title }')).toEqual({
      issue: { title: 'T' },
    });
    expect(await written(1)).toMatchObject([{ type: 'ISSUE_DELETED', reason: 'DELETED' }]);
    expect(await space.refusalOf('deleteIssue', { id: 'i1' })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await space.refusalOf('commentOnIssue', { issueId: 'i1', body: 'x' })).toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('are not deleted by a deletion that is older than what is known of them', async () => {
    const old = '2026-01-01T00:00:00Z';
    const recent = '2026-02-01T00:00:00Z';
    await space.tell('reportIssue', { id: 'i1', projectId: 'p1', title: 'New', occurredAt: recent });
    const issue = { issue: { title: 'New' } };
    expect(await space.tell('deleteIssue', { id: 'i1', occurredAt: old }, 'issue { title }')).toEqual(issue);
    expect(await space.ask('{ issue(id: "i1") { title } }')).toEqual(issue);
    expect(await written(1)).toMatchObject([
      {
        type: 'ISSUE_UPDATED',
        reason: 'REPORTED',
        occurredAt: '2026-01-01T00:00:00.000Z',
        changedFields: [],
      },
    ]);

    await space.tell('updateProject', { id: 'p1', name: 'New', occurredAt: recent });
    await space.tell('deleteProject', { id: 'p1', occurredAt: old });
    expect(await space.ask('{ project(id: "p1") { name } issue(id: "i1") { title } }')).toEqual({
      project: { name: 'New' },
      ...issue,
    });
    await space.tell('deleteProject', { id: 'p1', occurredAt: recent });
    expect(await space.ask('{ project(id: "p1") { name } }')).toEqual({ project: null });
  });

  it('that were deleted do not come back by a late report', async () => {
    await space.tell('reportIssue', { id: 'i1', projectId: 'p1' });
    await space.tell('deleteIssue', { id: 'i1', occurredAt: '2026-02-01T00:00:00Z' });
    await space.tell('reportIssue', {
      id: 'i1',
      projectId: 'p1',
      title: 'Late',
      occurredAt: '2026-01-01T00:00:00Z',
    });
    expect(await space.ask('{ issue(id: "i1") { id } }')).toEqual({ issue: null });
  });
});

describe('workflows', () => {
  const workflow = 'workflow { status percent step totalSteps }';

  it('go from start to end by one mutation', async () => {
    const w1 = { id: 'w1', projectId: 'p1' };
    expect(
      await space.tell('reportWorkflow', { ...w1, totalSteps: 8, logs: ['hello'] }, workflow),
    ).toMatchObject({
      workflow: { status: 'RUNNING', percent: 0 },
    });
    expect(await space.tell('reportWorkflow', { id: 'w1', step: 3 }, workflow)).toMatchObject({
      workflow: { percent: 37.5 },
    });
    expect(await space.tell('reportWorkflow', { id: 'w1', percent: 40 }, workflow)).toMatchObject({
      workflow: { percent: 40 },
    });
    expect(await space.tell('reportWorkflow', { id: 'w1', status: 'COMPLETED' }, workflow)).toMatchObject({
      workflow: { percent: 100 },
    });
    expect(await written(4)).toMatchObject([
      { type: 'WORKFLOW_STARTED', reason: 'PROGRESS', logs: ['hello'] },
      { type: 'WORKFLOW_PROGRESS', logs: [], changedFields: ['percent', 'step'] },
      { type: 'WORKFLOW_PROGRESS' },
      { type: 'WORKFLOW_COMPLETED' },
    ]);
  });

  it('keep what was told of their percentage until something else is told, and start again from nothing', async () => {
    await space.tell(
      'reportWorkflow',
      { id: 'w1', projectId: 'p1', step: 1, totalSteps: 4, percent: 10 },
      workflow,
    );
    const told = async (input: object): Promise<unknown> =>
      (await space.tell('reportWorkflow', { id: 'w1', ...input }, workflow)).workflow.percent;
    expect(await told({ logs: ['still at it'] })).toBe(10);
    expect(await told({ step: 2 })).toBe(50);
    expect(await told({ status: 'COMPLETED' })).toBe(100);
    expect(await told({ logs: ['the last line'] })).toBe(100);
    expect(await told({ status: 'RUNNING' })).toBe(0);
    expect((await written(6)).map(({ type }) => type)).toEqual([
      'WORKFLOW_STARTED',
      'WORKFLOW_PROGRESS',
      'WORKFLOW_PROGRESS',
      'WORKFLOW_COMPLETED',
      'WORKFLOW_PROGRESS',
      'WORKFLOW_STARTED',
    ]);
  });

  it('are refused with all mistakes', async () => {
    const input = { id: 'w1', projectId: 'p1', percent: 101, logs: Array.from({ length: 201 }, () => 'x') };
    const { issues } = await space.refusalOf('reportWorkflow', input);
    expect(issues.map(({ path }) => path.join('.'))).toEqual(['input.logs', 'input.percent']);
    const long = await space.refusalOf('reportWorkflow', {
      id: 'w1',
      projectId: 'p1',
      logs: ['', 'x'.repeat(8_193)],
    });
    expect(long.issues.map(({ path }) => path.join('.'))).toEqual(['input.logs.1']);
  });
});

describe('agents', () => {
  it('connect, change and disconnect', async () => {
    for (const status of ['IDLE', 'BUSY', 'OFFLINE', 'ONLINE']) {
      await space.tell('reportAgentStatus', { id: 'a1', projectId: 'p1', status, availability: 50 });
    }
    expect((await written(4)).map(({ type }) => type)).toEqual([
      'AGENT_CONNECTED',
      'AGENT_STATUS_CHANGED',
      'AGENT_DISCONNECTED',
      'AGENT_CONNECTED',
    ]);
    expect(
      await space.refusalOf('reportAgentStatus', { id: 'a1', status: 'BUSY', availability: -1 }),
    ).toMatchObject({
      issues: [{ path: ['input', 'availability'] }],
    });
  });

  it('of the whole workspace are for those who may publish to all projects', async () => {
    const agent = { id: 'a1', status: 'IDLE' };
    expect(await space.refusalOf('reportAgentStatus', agent, publisher('p1'))).toMatchObject({
      code: 'FORBIDDEN',
    });
    await space.tell('reportAgentStatus', agent);
    const taken = await space.refusalOf('reportAgentStatus', { ...agent, projectId: 'p1' }, publisher('p1'));
    expect(taken).toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('suggestions, alerts and risks', () => {
  it('get defaults and an id, the same one for a repeated key', async () => {
    const input = { ...inputs.publishAiSuggestion, idempotencyKey: 'k', severity: null };
    const selection = 'duplicate suggestion { id severity confidence }';
    const first = await space.tell('publishAiSuggestion', input, selection);
    expect(first).toEqual({
      duplicate: false,
      suggestion: {
        id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        severity: 'INFO',
        confidence: 0.5,
      },
    });
    expect(await space.tell('publishAiSuggestion', input, selection)).toEqual({ ...first, duplicate: true });
    const other = await space.tell('publishAiSuggestion', { ...input, idempotencyKey: null }, selection);
    expect(other.suggestion.id).not.toBe(first.suggestion.id);
  });

  it('name mistakes', async () => {
    const mistaken = { ...inputs.publishAiSuggestion, confidence: 2, title: '', id: 'a b' };
    const { issues } = await space.refusalOf('publishAiSuggestion', mistaken);
    expect(issues.map(({ path }) => path.join('.')).toSorted()).toEqual([
      'input.confidence',
      'input.id',
      'input.title',
    ]);
  });

  it('are changed by the same id', async () => {
    const alert = { id: 'l1', projectId: 'p1', rule: 'fuel', message: 'Low', threshold: 10, value: 9.5 };
    await space.tell('triggerAlert', alert);
    const selection = 'alert { status severity threshold value }';
    const resolved = { id: 'l1', rule: 'fuel', message: 'Refuelled', status: 'RESOLVED' };
    expect(await space.tell('triggerAlert', resolved, selection)).toEqual({
      alert: { status: 'RESOLVED', severity: 'MEDIUM', threshold: 10, value: 9.5 },
    });
    expect(await space.tell('raiseRisk', { id: 'k1', ...inputs.raiseRisk }, 'risk { id severity }')).toEqual({
      risk: { id: 'k1', severity: 'LOW' },
    });
  });
});

describe('files, commits and progress', () => {
  it('are told with their files', async () => {
    const files = [
      { path: 'a.ts', changeType: 'CREATED' },
      { path: 'c.ts', changeType: 'MOVED', previousPath: 'b.ts' },
    ];
    await space.tell('reportFileChange', { repoId: 'r1', ref: 'refs/heads/main', files });
    expect(await written(1)).toMatchObject([
      {
        type: 'FILE_CHANGED',
        projectId: 'p1',
        repoId: 'r1',
        ref: 'refs/heads/main',
        files: [{ previousPath: null }, files[1]],
      },
    ]);
    for (const [told, path] of [
      [{ projectId: 'p1', files: [] }, 'input.files'],
      [{ files }, 'input.projectId'],
      [{ projectId: 'p1', files: [{ path: '', changeType: 'CREATED' }] }, 'input.files.0.path'],
    ] as const) {
      const { issues } = await space.refusalOf('reportFileChange', told);
      expect(issues.map((issue) => issue.path.join('.'))).toEqual([path]);
    }
  });

  it('follow an automatic commit through its phases', async () => {
    await space.tell('reportAutoCommit', { id: 'm1', repoId: 'r1', phase: 'START' });
    await space.tell('reportAutoCommit', { id: 'm1', phase: 'RESULT', sha: 'abc' });
    await space.tell('reportAutoCommit', { id: 'm1', phase: 'RESULT', success: false });
    await space.tell('reportAutoCommit', { id: 'm1', phase: 'ERROR' });
    expect(await written(4)).toMatchObject([
      { commitId: 'm1', phase: 'START', success: null, changedFields: expect.arrayContaining(['commitId']) },
      { phase: 'RESULT', success: true, sha: 'abc' },
      { phase: 'RESULT', success: false, changedFields: ['success'] },
      { phase: 'ERROR', success: false },
    ]);
  });

  it('derive percent from tasks', async () => {
    const progress = 'progress { percent completedTasks totalTasks }';
    expect(
      await space.tell('reportProgress', { projectId: 'p1', completedTasks: 1, totalTasks: 3 }, progress),
    ).toEqual({
      progress: { percent: 33.3, completedTasks: 1, totalTasks: 3 },
    });
    expect(await space.tell('reportProgress', { projectId: 'p1', percent: 50 }, progress)).toMatchObject({
      progress: { percent: 50, completedTasks: 1 },
    });
  });
});

describe('messages', () => {
  it('to everybody need access to all projects', async () => {
    await space.tell('announce', { message: 'Hello' });
    expect(await written(1)).toMatchObject([
      { type: 'ANNOUNCEMENT', title: null, message: 'Hello', severity: 'INFO', projectId: null },
    ]);
    expect(await space.refusalOf('announce', { message: 'Hello' }, publisher('p1'))).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await space.refusalOf('announce', { message: '' })).toMatchObject({
      issues: [{ path: ['input', 'message'] }],
    });
  });

  it('to one user about no project too', async () => {
    await space.tell('notify', { userId: 'bob', title: 'Psst' });
    expect(await space.refusalOf('notify', { userId: 'bob', title: 'Psst' }, publisher('p1'))).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await space.refusalOf('notify', { userId: 'b\tb', title: '' })).toMatchObject({
      issues: [{ path: ['input', 'userId'] }, { path: ['input', 'title'] }],
    });
  });
});

describe('JSON', () => {
  it('with a key that sets a prototype is refused, in variables and in documents', async () => {
    const variable = JSON.parse('{"__proto__": {"polluted": true}}') as object;
    for (const metadata of [variable, { deep: [variable] }]) {
      expect(await space.refusalOf('updateProject', { id: 'p1', metadata })).toMatchObject({
        code: 'INVALID_INPUT',
      });
    }
    const inDocument =
      'mutation { updateProject(input: { id: "p1", metadata: { __proto__: { polluted: true } } }) { cursor } }';
    const { errors } = await space.run(inDocument);
    expect(errors?.[0]?.message).toContain('__proto__');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('that is too deep is refused', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) as object;
    expect(await space.refusalOf('updateProject', { id: 'p1', metadata: deep })).toMatchObject({
      code: 'INVALID_INPUT',
    });
  });
});

describe('publishing in parallel', () => {
  it('merges all reports of one entity', async () => {
    await Promise.all(
      ['title', 'body', 'author', 'url', 'headRef', 'baseRef'].map(async (field) =>
        space.tell('reportPullRequest', { repoId: 'r1', number: 1, [field]: field }),
      ),
    );
    expect(
      await space.ask('{ pullRequest(repoId: "r1", number: 1) { title body author url headRef baseRef } }'),
    ).toEqual({
      pullRequest: {
        title: 'title',
        body: 'body',
        author: 'author',
        url: 'url',
        headRef: 'headRef',
        baseRef: 'baseRef',
      },
    });
  });
});
