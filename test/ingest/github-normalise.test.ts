import { describe, expect, it } from 'vitest';
import type { PullRequest } from '../../src/events/states.ts';
import { normalise } from '../../src/ingest/github/normalise.ts';
import {
  allExamples,
  isAboutRepository,
  loadExample,
  relocate,
  relocatedEvents,
  shownEvent,
  table,
} from './github-examples.table.ts';
import {
  at,
  checkRunEvent,
  deliver,
  HEAD,
  issuesEvent,
  listed,
  NEXT_HEAD,
  pull,
  pullRequestEvent,
  receive,
  REPO,
  repository,
  reviewEvent,
  sender,
} from './github.ts';
import { MemoryState, NOW } from './memory-state.ts';

/** The state of pull request 7 after these deliveries, in this order. */
async function pullRequestAfter(
  ...deliveries: readonly [event: string, payload: object][]
): Promise<PullRequest> {
  const state = new MemoryState();
  for (const [event, payload] of deliveries) await deliver(state, event, payload);
  return (await state.entity('pullRequest', `${REPO}#7`))!;
}

describe('every example payload of GitHub', () => {
  it('has one line in the table, in order', () => {
    expect(table).toHaveLength(329);
    expect(table.map(({ event, index }) => `${event}/${index}`)).toEqual(allExamples());
  });

  it.each(table)('$text', async (line) => {
    const state = new MemoryState();
    if (line.after !== null) await receive(state, line.after.event, loadExample(line.after));
    const payload = loadExample(line) as { action?: string; repository?: { id: number } };
    expect(payload.action ?? null).toBe(line.action);

    const { response, facts } = await receive(state, line.event, payload);
    const introduction = facts[0]?.kind === 'project.created' ? facts[0] : undefined;
    const told = introduction !== undefined && !isAboutRepository(line) ? facts.slice(1) : facts;
    expect(told.map((event) => shownEvent(event, NOW))).toEqual(line.events);
    if (introduction !== undefined) expect(introduction.entityId).toBe(`github:${payload.repository!.id}`);
    if (line.isPing) expect(response).toEqual({ status: 200, body: { ping: true } });
    else if (line.ignored !== null)
      expect(response).toEqual({ status: 202, body: { ignored: line.ignored } });
    else expect(response).toEqual({ status: 200, body: { events: facts.length, cursor: 'cursor' } });
  });

  it('becomes the same beside all others once it has ids of its own', async () => {
    const state = new MemoryState();
    for (const [position, line] of table.entries()) {
      const n = position + 1;
      if (line.after !== null) await receive(state, line.after.event, relocate(loadExample(line.after), n));
      const { facts } = await receive(state, line.event, relocate(loadExample(line), n));
      const told = facts[0]?.kind === 'project.created' && !isAboutRepository(line) ? facts.slice(1) : facts;
      expect(
        told.map((event) => shownEvent(event, NOW)),
        line.text,
      ).toEqual(relocatedEvents(line, n));
    }
  });
});

describe('a pull request', () => {
  it('is told with everything that GitHub knows of it', async () => {
    const event = pullRequestEvent('opened', {
      draft: true,
      labels: [{ name: 'search' }, { name: 'ui' }],
      assignees: [{ login: 'mona' }],
      requested_reviewers: [{ login: 'hubot' }],
      requested_teams: [{ slug: 'core', name: 'The core team' }],
    });
    const [created, opened] = await deliver(new MemoryState(), 'pull_request', event);
    expect(created).toMatchObject({ kind: 'project.created', projectId: REPO, actor: 'mona' });
    expect(opened).toMatchObject({
      kind: 'pr.created',
      reason: 'OPENED',
      projectId: REPO,
      entityId: `${REPO}#7`,
      actor: 'mona',
      occurredAt: '2024-05-01T10:00:01.000Z',
      asOf: { state: '2024-05-01T10:00:01.000Z' },
    });
    expect(opened!.data).toEqual({
      repoId: REPO,
      number: 7,
      projectId: REPO,
      title: 'Add search',
      body: 'Finds things.',
      author: 'mona',
      url: 'https://github.com/acme/app/pull/7',
      state: 'OPEN',
      isDraft: true,
      reviewDecision: null,
      pipelineState: null,
      headRef: 'search',
      headSha: HEAD,
      baseRef: 'main',
      labels: ['search', 'ui'],
      assignees: ['mona'],
      reviewers: ['hubot', 'core'],
      insights: null,
    });
  });

  it('that was merged is closed as MERGED, at the time of closing', async () => {
    const event = pullRequestEvent('closed', {
      state: 'closed',
      merged: true,
      merged_at: at(30),
      closed_at: at(30),
      updated_at: at(31),
    });
    const [, closed] = await deliver(new MemoryState(), 'pull_request', event);
    expect(closed).toMatchObject({
      kind: 'pr.closed',
      reason: 'STATE',
      occurredAt: '2024-05-01T10:00:30.000Z',
      data: { state: 'MERGED' },
    });
  });

  it('of a deleted account and a deleted fork is told without them', async () => {
    const event = pullRequestEvent('edited', {
      user: null,
      body: null,
      head: { ref: 'search', sha: HEAD, repo: null },
    });
    const [, edited] = await deliver(new MemoryState(), 'pull_request', event);
    expect(edited).toMatchObject({
      kind: 'pr.updated',
      reason: 'EDITED',
      data: { author: null, body: null, headRef: 'search' },
    });
  });

  it('with longer texts than an event takes is told with the beginning of them', async () => {
    const title = `${'x'.repeat(1_022)}😀😀`;
    const event = pullRequestEvent('edited', { title, body: 'y'.repeat(70_000) });
    const [, edited] = await deliver(new MemoryState(), 'pull_request', event);
    // No half of a character is left at the end.
    expect(edited!.data).toMatchObject({ title: `${'x'.repeat(1_022)}…` });
    expect((edited!.data as PullRequest).body).toHaveLength(65_536);
  });

  it.each([
    ['auto_merge_enabled', 'REPORTED'],
    ['enqueued', 'REPORTED'],
    ['constructor', 'REPORTED'],
    ['milestoned', 'MILESTONE'],
    ['review_request_removed', 'REVIEWERS'],
  ])('is updated by %s, for the reason %s', async (action, reason) => {
    const [, updated] = await deliver(new MemoryState(), 'pull_request', pullRequestEvent(action));
    expect(updated).toMatchObject({
      kind: 'pr.updated',
      reason,
      occurredAt: '2024-05-01T10:00:01.000Z',
    });
  });

  it('is closed at the end, also when the label of the same second is delivered after that', async () => {
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('closed', { state: 'closed', closed_at: at(5), updated_at: at(5) })],
      ['pull_request', pullRequestEvent('labeled', { labels: [{ name: 'wontfix' }], updated_at: at(5) })],
    );
    expect(after.state).toBe('CLOSED');
  });

  it('keeps the labels that it was opened with when `opened` comes last', async () => {
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('labeled', { labels: [{ name: 'ui' }], updated_at: at(1) })],
      ['pull_request', pullRequestEvent('opened', { labels: [], updated_at: at(1) })],
    );
    expect(after.labels).toEqual(['ui']);
  });

  it('is open again after reopening within the second of closing', async () => {
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('closed', { state: 'closed', updated_at: at(5) })],
      ['pull_request', pullRequestEvent('reopened', { updated_at: at(5) })],
    );
    expect(after.state).toBe('OPEN');
  });

  it('is not changed by what an older delivery says', async () => {
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('edited', { title: 'Add fast search', updated_at: at(9) })],
      ['pull_request', pullRequestEvent('edited', { title: 'Add search', updated_at: at(8) })],
    );
    expect(after.title).toBe('Add fast search');
  });

  it('is found by a comment on it, which GitHub sends as a comment on an issue', async () => {
    const state = new MemoryState();
    await deliver(state, 'pull_request', pullRequestEvent('opened'));
    const comment = {
      action: 'created',
      issue: {
        ...pull({ updated_at: at(9), title: 'Add quick search' }),
        pull_request: { html_url: 'https://github.com/acme/app/pull/7', merged_at: null },
      },
      comment: { id: 1, body: 'Nice!', user: sender, created_at: at(9) },
      repository: repository(),
      sender,
    };
    expect(await deliver(state, 'issue_comment', comment)).toMatchObject([
      {
        kind: 'pr.updated',
        reason: 'COMMENT',
        entityId: `${REPO}#7`,
        detail: {},
        data: { title: 'Add quick search', headSha: HEAD },
      },
    ]);
  });

  it('may be merged where an issue event says closed and no more', async () => {
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('closed', { state: 'closed', merged: true, updated_at: at(3) })],
      [
        'issues',
        issuesEvent('milestoned', { number: 7, state: 'closed', pull_request: {}, updated_at: at(9) }),
      ],
    );
    expect(after.state).toBe('MERGED');
  });
});

describe('the review decision', () => {
  const opened: [string, object] = ['pull_request', pullRequestEvent('opened')];

  it('of one reviewer is that of the last review that decides', async () => {
    const after = await pullRequestAfter(
      opened,
      ['pull_request_review', reviewEvent('submitted', 'changes_requested', 10)],
      ['pull_request_review', reviewEvent('submitted', 'approved', 20)],
    );
    expect(after.reviewDecision).toBe('APPROVED');
  });

  it('is not changed by a review that only comments', async () => {
    const after = await pullRequestAfter(
      opened,
      ['pull_request_review', reviewEvent('submitted', 'approved', 10)],
      ['pull_request_review', reviewEvent('submitted', 'commented', 20)],
    );
    expect(after.reviewDecision).toBe('APPROVED');
  });

  it('is open again when the deciding review is dismissed, in whichever order that is told', async () => {
    const approved: [string, object] = ['pull_request_review', reviewEvent('submitted', 'approved', 10)];
    const dismissed: [string, object] = [
      'pull_request_review',
      reviewEvent('dismissed', 'dismissed', 10, { updated_at: at(30) }),
    ];
    expect((await pullRequestAfter(opened, approved, dismissed)).reviewDecision).toBe('REVIEW_REQUIRED');
    expect((await pullRequestAfter(opened, dismissed, approved)).reviewDecision).toBe('REVIEW_REQUIRED');
  });

  it('stays when an earlier review is dismissed or edited', async () => {
    const after = await pullRequestAfter(
      opened,
      ['pull_request_review', reviewEvent('submitted', 'approved', 10)],
      ['pull_request_review', reviewEvent('submitted', 'changes_requested', 20)],
      ['pull_request_review', reviewEvent('dismissed', 'dismissed', 10, { updated_at: at(30) })],
      ['pull_request_review', reviewEvent('edited', 'approved', 10, { updated_at: at(40) })],
    );
    expect(after.reviewDecision).toBe('CHANGES_REQUESTED');
  });

  it('does not bring back a title of before', async () => {
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('edited', { title: 'New', updated_at: at(30) })],
      ['pull_request_review', reviewEvent('submitted', 'approved', 10, { title: 'Old' })],
    );
    expect(after).toMatchObject({ title: 'New', reviewDecision: 'APPROVED' });
  });

  it('introduces a pull request that nobody told of before', async () => {
    const after = await pullRequestAfter(['pull_request_review', reviewEvent('submitted', 'approved', 10)]);
    expect(after).toMatchObject({ title: 'Add search', author: 'mona', reviewDecision: 'APPROVED' });
  });
});

describe('the pipeline of a pull request', () => {
  const fork = { head_branch: null, pull_requests: [] };

  it.each([
    ['success', 'SUCCESS'],
    ['neutral', 'SUCCESS'],
    ['skipped', 'SUCCESS'],
    ['failure', 'FAILURE'],
    ['timed_out', 'FAILURE'],
    ['cancelled', 'FAILURE'],
    ['action_required', 'FAILURE'],
    ['startup_failure', 'ERROR'],
    ['stale', 'PENDING'],
  ])('with a check suite that ended in %s is %s', async (conclusion, pipelineState) => {
    const suite = {
      id: 1,
      head_sha: HEAD,
      status: 'completed',
      conclusion,
      updated_at: at(20),
      pull_requests: [listed()],
    };
    const after = await pullRequestAfter([
      'check_suite',
      { action: 'completed', check_suite: suite, repository: repository(), sender },
    ]);
    expect(after).toMatchObject({ pipelineState, headSha: HEAD, headRef: 'search', baseRef: 'main' });
  });

  it('has failed as soon as one check has, whatever its suite says', async () => {
    const after = await pullRequestAfter([
      'check_run',
      checkRunEvent({
        conclusion: 'failure',
        check_suite: { id: 30, status: 'in_progress', conclusion: null },
      }),
    ]);
    expect(after.pipelineState).toBe('FAILURE');
  });

  it('does not wait for a suite that is told with a check and still shows itself as running', async () => {
    // GitHub's own example of the last check of a suite shows it so; nothing might ever come after it.
    const running = { id: 30, status: 'in_progress', conclusion: null };
    const after = await pullRequestAfter(['check_run', checkRunEvent({ check_suite: running })]);
    expect(after.pipelineState).toBe('SUCCESS');
  });

  it('does not wait for a suite that nothing runs in', () => {
    const suite = { id: 30, head_sha: HEAD, status: 'queued', conclusion: null, pull_requests: [listed()] };
    const requested = { action: 'requested', check_suite: suite, repository: repository(), sender };
    expect(normalise('check_suite', requested)).toEqual({
      ignored: 'check_suite.requested: nothing runs yet',
    });
  });

  it('is pending again when a check is asked for again, though the payload shows the old conclusion', async () => {
    const after = await pullRequestAfter(
      ['check_run', checkRunEvent({ conclusion: 'failure' })],
      ['check_run', { ...checkRunEvent({ conclusion: 'failure' }), action: 'rerequested' }],
    );
    expect(after.pipelineState).toBe('PENDING');
  });

  it('ends with the end of a check that began in the same second, in whichever order that is told', async () => {
    const began: [string, object] = [
      'check_run',
      checkRunEvent({ status: 'in_progress', conclusion: null, started_at: at(20), completed_at: null }),
    ];
    const ended: [string, object] = ['check_run', checkRunEvent({ started_at: at(20) })];
    expect((await pullRequestAfter(began, ended)).pipelineState).toBe('SUCCESS');
    expect((await pullRequestAfter(ended, began)).pipelineState).toBe('SUCCESS');
  });

  it('is found by its head commit where the check lists no pull request, as for forks', async () => {
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('opened', { head: { ref: 'search', sha: HEAD, repo: { id: 999 } } })],
      ['check_run', checkRunEvent(fork)],
    );
    expect(after.pipelineState).toBe('SUCCESS');
  });

  it('is found by its head commit for a commit status', async () => {
    const status = {
      id: 1,
      sha: HEAD,
      state: 'error',
      context: 'ci/jenkins',
      updated_at: at(20),
      repository: repository(),
      sender,
    };
    const after = await pullRequestAfter(['pull_request', pullRequestEvent('opened')], ['status', status]);
    expect(after.pipelineState).toBe('ERROR');
  });

  it('is nobody’s when the commit is of no known pull request of this repository', async () => {
    const state = new MemoryState();
    await deliver(state, 'pull_request', pullRequestEvent('opened'));
    const elsewhere = { id: 200, full_name: 'mona/app' };
    const { response, facts } = await receive(state, 'check_run', checkRunEvent(fork, elsewhere));
    expect(facts).toEqual([]);
    expect(response).toEqual({
      status: 202,
      body: { ignored: 'check_run: no known pull request has the head aaaaaaa' },
    });
    expect(await state.entity('project', 'github:200')).toBeUndefined();
  });

  it('is not that of a fork’s check, which lists the original’s pull request', async () => {
    const inFork = checkRunEvent({}, { id: 200, full_name: 'mona/app' });
    expect(await deliver(new MemoryState(), 'check_run', inFork)).toEqual([]);
  });

  it('is not that of a commit that was pushed over', async () => {
    const state = new MemoryState();
    await deliver(
      state,
      'pull_request',
      pullRequestEvent('opened', { head: { ref: 'search', sha: NEXT_HEAD } }),
    );
    const late = checkRunEvent({ pull_requests: [listed({ head: { ref: 'search', sha: NEXT_HEAD } })] });
    expect(await deliver(state, 'check_run', late)).toEqual([]);
  });

  it('is not that of a commit that was pushed over before the pull request was first seen', async () => {
    const late = checkRunEvent({ pull_requests: [listed({ head: { ref: 'search', sha: NEXT_HEAD } })] });
    expect(await deliver(new MemoryState(), 'check_run', late)).toEqual([]);
  });

  it('is unknown after a push, and stays so when a check of the old head is told late', async () => {
    const state = new MemoryState();
    await deliver(state, 'pull_request', pullRequestEvent('opened'));
    await deliver(state, 'check_run', checkRunEvent({ completed_at: at(15) }));
    const pushed = pullRequestEvent('synchronize', {
      head: { ref: 'search', sha: NEXT_HEAD },
      updated_at: at(30),
    });
    expect(await deliver(state, 'pull_request', pushed)).toMatchObject([
      { kind: 'pr.updated', reason: 'COMMITS', data: { headSha: NEXT_HEAD, pipelineState: null } },
    ]);
    expect(await deliver(state, 'check_run', checkRunEvent())).toEqual([]);
  });

  it('is unknown as well when the new head is first told by a comment', async () => {
    const comment = {
      action: 'created',
      comment: { id: 1, created_at: at(30) },
      pull_request: pull({ head: { ref: 'search', sha: NEXT_HEAD }, updated_at: at(30) }),
      repository: repository(),
      sender,
    };
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('opened')],
      ['check_run', checkRunEvent()],
      ['pull_request_review_comment', comment],
    );
    expect(after).toMatchObject({ headSha: NEXT_HEAD, pipelineState: null });
  });

  it('is told of the new head once that is known', async () => {
    const next = { head: { ref: 'search', sha: NEXT_HEAD } };
    const after = await pullRequestAfter(
      ['pull_request', pullRequestEvent('opened')],
      ['check_run', checkRunEvent()],
      ['pull_request', pullRequestEvent('synchronize', { ...next, updated_at: at(30) })],
      [
        'check_run',
        checkRunEvent({
          head_sha: NEXT_HEAD,
          pull_requests: [listed(next)],
          conclusion: 'failure',
          completed_at: at(40),
        }),
      ],
    );
    expect(after).toMatchObject({ headSha: NEXT_HEAD, pipelineState: 'FAILURE' });
  });
});

describe('a workflow run', () => {
  const run = (parts: object): object => ({
    action: 'in_progress',
    workflow_run: {
      id: 9,
      name: 'CI',
      head_sha: HEAD,
      status: 'in_progress',
      conclusion: null,
      run_attempt: 1,
      updated_at: at(10),
      html_url: 'https://github.com/acme/app/actions/runs/9',
      pull_requests: [listed()],
      ...parts,
    },
    repository: repository(),
    sender,
  });
  const failed = run({ status: 'completed', conclusion: 'failure', updated_at: at(20) });

  it('is told as a workflow and as the pipeline of its pull request, in one batch', async () => {
    const state = new MemoryState();
    const facts = await deliver(state, 'workflow_run', failed);
    expect(facts).toMatchObject([
      { kind: 'project.created' },
      {
        kind: 'workflow.failed',
        entityId: 'github:run:9',
        reason: 'PROGRESS',
        data: { name: 'CI', status: 'FAILED', error: 'failure', headSha: HEAD },
      },
      { kind: 'pr.updated', entityId: `${REPO}#7`, reason: 'PIPELINE', data: { pipelineState: 'FAILURE' } },
    ]);
  });

  it('does not end twice when its progress is told late', async () => {
    const state = new MemoryState();
    await deliver(state, 'workflow_run', failed);
    const late = await deliver(state, 'workflow_run', run({ pull_requests: [] }));
    expect(late.filter(({ kind }) => kind.startsWith('workflow.'))).toEqual([]);
  });

  it('starts anew with its next attempt', async () => {
    const state = new MemoryState();
    await deliver(state, 'workflow_run', failed);
    const again = run({ status: 'queued', run_attempt: 2, updated_at: at(30) });
    const [started] = await deliver(state, 'workflow_run', again);
    expect(started).toMatchObject({
      kind: 'workflow.started',
      data: { status: 'QUEUED', percent: 0, error: null },
    });
  });

  it.each([
    ['cancelled', 'CANCELLED', 'workflow.failed'],
    ['skipped', 'COMPLETED', 'workflow.completed'],
    ['timed_out', 'FAILED', 'workflow.failed'],
    ['action_required', 'QUEUED', 'workflow.started'],
  ])('that ended in %s is %s', async (conclusion, status, kind) => {
    const facts = await deliver(new MemoryState(), 'workflow_run', run({ status: 'completed', conclusion }));
    expect(facts[1]).toMatchObject({ kind, data: { status } });
  });

  it('with a conclusion that GitHub has yet to invent is ignored', () => {
    expect(normalise('workflow_run', run({ status: 'completed', conclusion: 'exploded' }))).toEqual({
      ignored: 'workflow_run: its status or conclusion is not known to Tidings',
    });
  });
});

describe('a deployment', () => {
  const status = (state: string, second: number): object => ({
    action: 'created',
    deployment_status: { id: second, state, description: 'No room', updated_at: at(second) },
    deployment: { id: 4, sha: HEAD, task: 'deploy', environment: 'production', created_at: at(1) },
    repository: repository(),
    sender,
  });

  it('runs and ends', async () => {
    const state = new MemoryState();
    const kinds = [];
    for (const [index, word] of ['queued', 'in_progress', 'failure'].entries()) {
      kinds.push(
        ...(await deliver(state, 'deployment_status', status(word, index + 2))).map(({ kind }) => kind),
      );
    }
    expect(kinds).toEqual(['project.created', 'workflow.started', 'workflow.progress', 'workflow.failed']);
    expect(await state.entity('workflow', 'github:deployment:4')).toMatchObject({
      name: 'deploy to production',
      error: 'No room',
    });
  });

  it('that a newer one replaced is not told again', () => {
    expect(normalise('deployment_status', status('inactive', 9))).toEqual({
      ignored: 'deployment_status: the deployment was replaced',
    });
  });
});

describe('an issue', () => {
  it('is told with everything that GitHub knows of it', async () => {
    const event = issuesEvent('closed', {
      state: 'closed',
      state_reason: 'not_planned',
      closed_at: at(9),
      updated_at: at(9),
      labels: [{ name: 'bug' }, { name: 'Priority: High' }],
      assignees: [{ login: 'mona' }],
    });
    const [, closed] = await deliver(new MemoryState(), 'issues', event);
    expect(closed).toMatchObject({ kind: 'issue.closed', reason: 'STATE', entityId: 'github:500' });
    expect(closed!.data).toEqual({
      id: 'github:500',
      projectId: REPO,
      repoId: REPO,
      number: 3,
      title: 'It crashes',
      body: null,
      author: 'mona',
      url: 'https://github.com/acme/app/issues/3',
      state: 'CLOSED',
      stateReason: 'NOT_PLANNED',
      priority: 'high',
      labels: ['bug', 'Priority: High'],
      assignees: ['mona'],
    });
  });

  it.each([
    ['priority: high', 'high'],
    ['Priority/Critical', 'critical'],
    ['prio-2', '2'],
    ['P1', 'p1'],
    ['priority: very low', 'very low'],
    ['prioritised', null],
    ['p10', null],
    ['bug', null],
  ])('labelled "%s" has the priority %s', async (name, priority) => {
    const [, labelled] = await deliver(
      new MemoryState(),
      'issues',
      issuesEvent('labeled', { labels: [{ name }] }),
    );
    expect(labelled!.data).toMatchObject({ priority });
  });

  it('loses its priority with the label, but not with another', async () => {
    const state = new MemoryState();
    await deliver(state, 'issues', issuesEvent('labeled', { labels: [{ name: 'P0' }] }));
    const other = issuesEvent('unlabeled', { labels: [], updated_at: at(2) }, { label: { name: 'bug' } });
    await deliver(state, 'issues', other);
    expect(await state.entity('issue', 'github:500')).toMatchObject({ priority: 'p0' });
    await deliver(
      state,
      'issues',
      issuesEvent('unlabeled', { labels: [], updated_at: at(3) }, { label: { name: 'P0' } }),
    );
    expect(await state.entity('issue', 'github:500')).toMatchObject({ priority: null });
  });

  it('that is transferred is gone here and comes up there', async () => {
    const state = new MemoryState();
    const there = repository({ id: 200, full_name: 'acme/web' });
    const gone = issuesEvent(
      'transferred',
      {},
      { changes: { new_issue: { id: 600 }, new_repository: there } },
    );
    const arrived = issuesEvent(
      'opened',
      { id: 600, number: 41, created_at: at(1), updated_at: at(8) },
      { changes: { old_issue: { id: 500 } }, repository: there },
    );
    expect((await deliver(state, 'issues', gone)).at(-1)).toMatchObject({
      kind: 'issue.deleted',
      reason: 'MOVED',
      projectId: REPO,
      entityId: 'github:500',
    });
    expect((await deliver(state, 'issues', arrived)).at(-1)).toMatchObject({
      kind: 'issue.created',
      reason: 'MOVED',
      projectId: 'github:200',
      entityId: 'github:600',
      occurredAt: '2024-05-01T10:00:08.000Z',
    });
  });

  it('that was deleted is not brought back by an edit of the same second', async () => {
    const state = new MemoryState();
    await deliver(state, 'issues', issuesEvent('opened'));
    await deliver(state, 'issues', issuesEvent('deleted', { updated_at: at(5) }));
    await deliver(state, 'issues', issuesEvent('edited', { updated_at: at(5) }));
    expect(await state.entity('issue', 'github:500')).toBeUndefined();
  });

  it('is told with the comment on it', async () => {
    const comment = {
      id: 77,
      body: 'Me too',
      user: { login: 'hubot' },
      html_url: 'https://github.com/acme/app/issues/3#issuecomment-77',
      created_at: at(9),
      updated_at: at(9),
    };
    const event = issuesEvent('created', { updated_at: at(9) }, { comment, sender: { login: 'hubot' } });
    expect((await deliver(new MemoryState(), 'issue_comment', event)).at(-1)).toMatchObject({
      kind: 'issue.commented',
      reason: 'COMMENT',
      actor: 'hubot',
      detail: {
        comment: {
          id: '77',
          author: 'hubot',
          body: 'Me too',
          url: 'https://github.com/acme/app/issues/3#issuecomment-77',
          action: 'CREATED',
        },
      },
    });
  });
});

describe('a push', () => {
  const push = (commits: readonly object[], parts: object = {}): object => ({
    ref: 'refs/heads/main',
    after: HEAD,
    deleted: false,
    commits,
    repository: repository({ pushed_at: Date.parse(at(30)) / 1_000 }),
    sender,
    ...parts,
  });
  const commit = (parts: object): object => ({ id: HEAD, added: [], modified: [], removed: [], ...parts });

  it('tells what its commits did together', async () => {
    const event = push([
      commit({ added: ['new.ts', 'temporary.ts'], modified: ['changed.ts'], removed: ['old.ts', 'back.ts'] }),
      commit({ added: ['back.ts'], modified: ['new.ts'], removed: ['temporary.ts', 'changed.ts'] }),
    ]);
    const [, changed] = await deliver(new MemoryState(), 'push', event);
    expect(changed).toMatchObject({
      kind: 'file.changed',
      reason: 'COMMITS',
      actor: 'mona',
      occurredAt: '2024-05-01T10:00:30.000Z',
      data: { projectId: REPO, repoId: REPO, ref: 'refs/heads/main', headSha: HEAD },
    });
    const { files } = changed!.data as { files: { path: string; changeType: string }[] };
    expect(Object.fromEntries(files.map(({ path, changeType }) => [path, changeType]))).toEqual({
      'new.ts': 'CREATED',
      'changed.ts': 'DELETED',
      'old.ts': 'DELETED',
      'back.ts': 'MODIFIED',
    });
  });

  it('of more files than fit in one event becomes several', async () => {
    const added = Array.from({ length: 7_000 }, (_, index) => `file-${index}`);
    const facts = await deliver(new MemoryState(), 'push', push([commit({ added })]));
    expect(facts.slice(1).map(({ data }) => (data as { files: unknown[] }).files.length)).toEqual([
      3_000, 3_000, 1_000,
    ]);
  });

  it.each([
    ['that deletes a branch', push([], { deleted: true }), 'push to refs/heads/main: the branch was deleted'],
    ['of a tag', push([commit({ added: ['a'] })], { ref: 'refs/tags/v1' }), /a tag has no files of its own/],
    ['of an old commit', push([]), /no file was changed/],
  ])('%s has no files', (_, event, ignored) => {
    expect(normalise('push', event)).toEqual({
      ignored: typeof ignored === 'string' ? ignored : expect.stringMatching(ignored),
    });
  });
});

describe('an alert', () => {
  const alert = (event: string, action: string, parts: object): Promise<unknown> =>
    deliver(new MemoryState(), event, {
      action,
      alert: { number: 3, created_at: at(1), updated_at: at(9), ...parts },
      repository: repository(),
      sender: { login: 'github' },
    }).then((facts) => facts.at(-1));

  it('about a leaked secret never holds the secret', async () => {
    const told = await alert('secret_scanning_alert', 'created', {
      state: 'open',
      secret: 'ghp_veryverysecret',
      secret_type: 'github_personal_access_token',
      secret_type_display_name: 'GitHub Personal Access Token',
      validity: 'active',
      resolution_comment: 'it was ghp_veryverysecret',
      publicly_leaked: true,
    });
    expect(told).toMatchObject({
      kind: 'alert.triggered',
      entityId: 'github:100/secret-scanning/3',
      reason: 'OPENED',
      data: {
        rule: 'github_personal_access_token',
        message: 'A secret was found: GitHub Personal Access Token',
        severity: 'CRITICAL',
        status: 'OPEN',
        metadata: { repoId: REPO, validity: 'active', publiclyLeaked: true },
      },
    });
    expect(JSON.stringify(told)).not.toContain('ghp_');
  });

  it.each([
    ['revoked', 'RESOLVED'],
    ['false_positive', 'DISMISSED'],
    ['used_in_tests', 'DISMISSED'],
    [null, 'RESOLVED'],
  ])('about a secret that was resolved as %s is %s', async (resolution, status) => {
    const told = await alert('secret_scanning_alert', 'resolved', { state: 'resolved', resolution });
    expect(told).toMatchObject({ reason: 'STATE', data: { status, severity: 'HIGH' } });
  });

  it('of a security rule has the severity that the rule is given for security', async () => {
    const told = await alert('code_scanning_alert', 'appeared_in_branch', {
      state: 'open',
      rule: { id: 'js/xss', severity: 'error', security_severity_level: 'critical', description: 'XSS' },
      tool: { name: 'CodeQL' },
    });
    expect(told).toMatchObject({ reason: 'REPORTED', data: { rule: 'js/xss', severity: 'CRITICAL' } });
  });

  it('that Dependabot dismissed by a rule is DISMISSED', async () => {
    const told = await alert('dependabot_alert', 'auto_dismissed', { state: 'auto_dismissed' });
    expect(told).toMatchObject({ data: { status: 'DISMISSED', rule: 'dependabot', message: 'dependabot' } });
  });
});
