import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serviceViewer } from '../../src/auth/viewer.ts';
import type { Entry } from '../../src/events/event.ts';
import type { PullRequest } from '../../src/events/states.ts';
import { GithubReceiver, type GithubResponse } from '../../src/ingest/github/receive.ts';
import {
  checkKey,
  decisionOf,
  pipelineOf,
  withCheck,
  withReview,
  type CheckReport,
  type Checks,
  type PipelineState,
  type Reviews,
} from '../../src/ingest/github/rollup.ts';
import { Publisher } from '../../src/publishing/publisher.ts';
import { EmbeddedEventStore } from '../../src/store/embedded/embedded-store.ts';
import type { LogName } from '../../src/store/store.ts';
import {
  at,
  checkRunEvent,
  HEAD,
  listed,
  NEXT_HEAD,
  pullRequestEvent,
  REPO,
  repository,
  reviewEvent,
  sender,
} from './github.ts';

const moment = (second: number): string => new Date(Date.UTC(2024, 4, 1, 10, 0, second)).toISOString();
const report = (key: string, state: PipelineState, second: number, line?: string): CheckReport => ({
  key,
  state,
  at: moment(second),
  ...(line === undefined ? {} : { line }),
});
const after = (...reports: readonly CheckReport[]): Checks => reports.reduce<Checks>(withCheck, {});
const pipelineAfter = (...reports: readonly CheckReport[]): PipelineState | null =>
  pipelineOf(after(...reports));

const { status, suite, run } = checkKey;

describe('the checks of a commit together', () => {
  it.each<[PipelineState | null, readonly PipelineState[]]>([
    [null, []],
    ['SUCCESS', ['SUCCESS', 'SUCCESS']],
    ['PENDING', ['SUCCESS', 'PENDING']],
    ['PENDING', ['SUCCESS', 'EXPECTED']],
    ['FAILURE', ['SUCCESS', 'PENDING', 'FAILURE']],
    ['FAILURE', ['FAILURE', 'ERROR']],
    ['ERROR', ['ERROR', 'PENDING', 'SUCCESS']],
  ])('are %s where they say %j', (expected, states) => {
    const reports = states.map((state, index) => report(status(`ci/${index}`), state, index));
    expect(pipelineAfter(...reports)).toBe(expected);
  });

  it('have failed when one has, though another passes later', () => {
    expect(
      pipelineAfter(report(run('1', 'lint'), 'FAILURE', 1), report(run('1', 'test'), 'SUCCESS', 9)),
    ).toBe('FAILURE');
  });

  it('have failed when one has, though that is told after the later success of another', () => {
    expect(pipelineAfter(report(status('test'), 'SUCCESS', 9), report(status('lint'), 'FAILURE', 1))).toBe(
      'FAILURE',
    );
  });

  it('take no notice of what is older than what the same check has said', () => {
    const checks = after(report(status('lint'), 'SUCCESS', 9));
    expect(withCheck(checks, report(status('lint'), 'PENDING', 1))).toBe(checks);
  });

  it('have to pass in each of two workflows with a job of the same name', () => {
    expect(
      pipelineAfter(report(run('1', 'build'), 'FAILURE', 1), report(run('2', 'build'), 'SUCCESS', 9)),
    ).toBe('FAILURE');
  });

  it('are no mystery when they are named like parts of an object', () => {
    const checks = after(
      report(status('__proto__'), 'SUCCESS', 1),
      report(run('1', 'constructor'), 'FAILURE', 2),
    );
    expect([Object.keys(checks), pipelineOf(checks)]).toEqual([
      ['status/__proto__', 'suite/1/constructor'],
      'FAILURE',
    ]);
  });
});

describe('a check suite', () => {
  const lint = (state: PipelineState, second: number): CheckReport => report(run('1', 'lint'), state, second);
  const whole = (state: PipelineState, second: number): CheckReport => report(suite('1'), state, second);

  it('sums up its runs when it ends, so that nothing of them is left to contradict it', () => {
    expect(after(lint('FAILURE', 1), report(run('1', 'test'), 'PENDING', 2), whole('FAILURE', 9))).toEqual({
      'suite/1': { state: 'FAILURE', at: moment(9) },
    });
  });

  it('does so as well when its runs are told late', () => {
    expect(pipelineAfter(whole('SUCCESS', 9), lint('PENDING', 1), lint('FAILURE', 2))).toBe('SUCCESS');
  });

  it('leaves other suites and statuses alone', () => {
    expect(
      pipelineAfter(
        report(run('2', 'lint'), 'FAILURE', 1),
        report(run('10', 'lint'), 'FAILURE', 1),
        whole('SUCCESS', 9),
      ),
    ).toBe('FAILURE');
  });

  it('is under way again when one of its runs is, and passes when it ends well then', () => {
    const again = [lint('FAILURE', 1), whole('FAILURE', 2), lint('PENDING', 5)];
    expect(pipelineAfter(...again)).toBe('PENDING');
    // The run that was repeated has passed; whether all have is told by the end of the suite.
    expect(pipelineAfter(...again, lint('SUCCESS', 6))).toBe('FAILURE');
    expect(pipelineAfter(...again, lint('SUCCESS', 6), whole('SUCCESS', 7))).toBe('SUCCESS');
  });

  it('needs no end to be told where only its runs are', () => {
    expect(pipelineAfter(lint('FAILURE', 1), lint('PENDING', 5), lint('SUCCESS', 6))).toBe('SUCCESS');
  });

  it('starts anew with all its runs', () => {
    expect(pipelineAfter(lint('FAILURE', 1), whole('FAILURE', 2), whole('PENDING', 5))).toBe('PENDING');
  });
});

describe('a workflow that runs again for the same commit', () => {
  const titles = '77/pull_request';

  it('replaces its older run, whose checks are told late', () => {
    const older = [report(run('1', 'title'), 'FAILURE', 1), report(suite('1'), 'FAILURE', 2, titles)];
    const newer = [report(suite('2'), 'SUCCESS', 9, titles)];
    expect(pipelineAfter(...older, ...newer)).toBe('SUCCESS');
    expect(pipelineAfter(...newer, ...older)).toBe('SUCCESS');
    // Cancelled by the newer one, and that was told without saying of which workflow it was.
    expect(pipelineAfter(...older, ...newer, report(suite('1'), 'FAILURE', 10))).toBe('SUCCESS');
  });

  it('replaces an older run that ends after it', () => {
    expect(
      pipelineAfter(report(suite('2'), 'SUCCESS', 5, titles), report(suite('1'), 'FAILURE', 9, titles)),
    ).toBe('SUCCESS');
  });

  it('does not replace what another event triggered', () => {
    expect(
      pipelineAfter(report(suite('1'), 'FAILURE', 1, '77/push'), report(suite('2'), 'SUCCESS', 9, titles)),
    ).toBe('FAILURE');
  });

  it('is known for what it is by whichever report tells first, also a late one', () => {
    const ended = report(suite('1'), 'FAILURE', 9);
    const checks = after(ended, report(suite('1'), 'PENDING', 1, titles));
    expect(checks).toEqual({ 'suite/1': { state: 'FAILURE', at: ended.at, line: titles } });
    expect(pipelineOf(withCheck(checks, report(suite('2'), 'SUCCESS', 12, titles)))).toBe('SUCCESS');
  });
});

it('the checks say the same in whichever order, and however often, they are told', () => {
  const key = fc.oneof(
    fc.constantFrom('a', 'b').map(status),
    fc.constantFrom('1', '2', '10').map(suite),
    fc.tuple(fc.constantFrom('1', '2', '10'), fc.constantFrom('x', 'y')).map(([id, name]) => run(id, name)),
  );
  const state = fc.constantFrom<PipelineState>('SUCCESS', 'FAILURE', 'ERROR', 'PENDING');
  const reports = fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 50 }), key, state), { selector: ([second]) => second })
    .map((all) =>
      // Suites 1 and 2 are of one line, which only some reports tell; nothing tells it of runs.
      all.map(([second, each, says]) =>
        report(each, says, second, /^suite\/[12]$/.test(each) && second % 2 === 0 ? 'line' : undefined),
      ),
    );
  const told = reports.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length })),
  );
  fc.assert(
    fc.property(told, ([inOrder, anyhow]) => {
      expect(after(...anyhow)).toEqual(after(...inOrder));
    }),
    { seed: 20_240_501, numRuns: 2_000 },
  );
});

describe('of more checks than are remembered', () => {
  const many = (state: PipelineState, from: number): CheckReport[] =>
    Array.from({ length: 70 }, (_, index) => report(run('1', `${state} ${index}`), state, from + index));

  it('the oldest that passed are forgotten first', () => {
    const checks = after(...many('SUCCESS', 0), ...many('PENDING', 100));
    expect(Object.keys(checks)).toHaveLength(100);
    const left = Object.keys(checks).filter((key) => key.includes('SUCCESS'));
    expect(left).toHaveLength(30);
    expect(left).not.toContain('suite/1/SUCCESS 39');
    expect(left).toContain('suite/1/SUCCESS 40');
  });

  it('a failure never is for one that passed or runs', () => {
    const failed = report(run('1', 'lint'), 'FAILURE', 0);
    expect(pipelineAfter(...many('PENDING', 1), failed, ...many('SUCCESS', 100))).toBe('FAILURE');
  });
});

describe('the reviews together', () => {
  type Say = [reviewer: string, state: Reviews[string]['state'], second: number];
  const reviewsAfter = (...says: readonly Say[]): Reviews =>
    says.reduce<Reviews>(
      (reviews, [reviewer, state, second]) => withReview(reviews, reviewer, { state, at: moment(second) }),
      {},
    );

  it.each<[ReturnType<typeof decisionOf>, readonly Say[]]>([
    [null, []],
    ['APPROVED', [['mona', 'APPROVED', 1]]],
    [
      'CHANGES_REQUESTED',
      [
        ['mona', 'CHANGES_REQUESTED', 1],
        ['hubot', 'APPROVED', 2],
      ],
    ],
    [
      'CHANGES_REQUESTED',
      [
        ['hubot', 'APPROVED', 2],
        ['mona', 'CHANGES_REQUESTED', 1],
      ],
    ],
    [
      'APPROVED',
      [
        ['mona', 'CHANGES_REQUESTED', 1],
        ['mona', 'APPROVED', 2],
      ],
    ],
    [
      'APPROVED',
      [
        ['mona', 'APPROVED', 2],
        ['mona', 'CHANGES_REQUESTED', 1],
      ],
    ],
    [
      'APPROVED',
      [
        ['mona', 'CHANGES_REQUESTED', 1],
        ['hubot', 'APPROVED', 2],
        ['mona', 'DISMISSED', 3],
      ],
    ],
    [
      'REVIEW_REQUIRED',
      [
        ['mona', 'APPROVED', 1],
        ['mona', 'DISMISSED', 2],
      ],
    ],
    ['REVIEW_REQUIRED', [['constructor', 'DISMISSED', 2]]],
  ])('decide %s where they say %j', (expected, says) => {
    expect(decisionOf(reviewsAfter(...says))).toBe(expected);
  });

  it('are forgotten beyond a hundred reviewers, but not who asks for changes', () => {
    const approvals = Array.from({ length: 150 }, (_, index): Say => [`fan-${index}`, 'APPROVED', index + 1]);
    const reviews = reviewsAfter(['mona', 'CHANGES_REQUESTED', 0], ...approvals);
    expect(Object.keys(reviews)).toHaveLength(100);
    expect(decisionOf(reviews)).toBe('CHANGES_REQUESTED');
  });
});

describe('deliveries that are published', () => {
  let directory: string;
  let store: EmbeddedEventStore;
  let publisher: Publisher;
  let receiver: GithubReceiver;
  let log: LogName;
  let workspaces = 0;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidings-rollup-'));
    const retention = { events: 1_000_000, hours: 72, bytes: 1 << 30 };
    store = await EmbeddedEventStore.open({ directory, retention: () => retention });
    publisher = new Publisher({ store, now: Date.now });
  });
  beforeEach(() => {
    log = { workspace: `w${(workspaces += 1)}`, stream: 'events' };
    const publishedBy = serviceViewer(log.workspace);
    receiver = new GithubReceiver({
      secret: null,
      allowUnsigned: true,
      publish: async (plan, idempotencyKeys) => {
        const published = await publisher.publish({ publishedBy, source: 'github', plan, idempotencyKeys });
        return { duplicate: published.duplicate, count: published.cursors.length, cursor: null };
      },
    });
  });
  afterAll(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  type Delivery = readonly [event: string, payload: object];

  const publish = async ([event, payload]: Delivery): Promise<GithubResponse> => {
    const rawBody = Buffer.from(JSON.stringify(payload));
    const headers = { event, delivery: randomUUID(), signature: undefined, contentType: 'application/json' };
    return receiver.receive({ headers, rawBody });
  };
  const pullRequest = async (): Promise<PullRequest> =>
    (await store.entity(log, 'pullRequest', `${REPO}#7`))!.entry.data as PullRequest;
  const entries = async (): Promise<readonly Entry[]> => (await store.read(log, 'oldest', 1_000)).entries;
  /** What pull request 7 is after these deliveries, one after the other. */
  const afterAllOf = async (...deliveries: readonly Delivery[]): Promise<PullRequest> => {
    for (const delivery of deliveries) await publish(delivery);
    return pullRequest();
  };

  const opened: Delivery = ['pull_request', pullRequestEvent('opened')];
  const checkRun = (
    name: string,
    conclusion: string | null,
    second: number,
    parts: object = {},
  ): Delivery => [
    'check_run',
    checkRunEvent({
      name,
      ...(conclusion === null
        ? { status: 'in_progress', conclusion, started_at: at(second), completed_at: null }
        : { conclusion, completed_at: at(second) }),
      ...parts,
    }),
  ];
  const checkSuite = (id: number, conclusion: string, second: number): Delivery => [
    'check_suite',
    {
      action: 'completed',
      check_suite: {
        id,
        head_sha: HEAD,
        status: 'completed',
        conclusion,
        updated_at: at(second),
        pull_requests: [listed()],
      },
      repository: repository(),
      sender,
    },
  ];
  const workflowRun = (id: number, conclusion: string | null, second: number): Delivery => [
    'workflow_run',
    {
      action: conclusion === null ? 'in_progress' : 'completed',
      workflow_run: {
        id,
        name: 'CI',
        workflow_id: 4,
        event: 'pull_request',
        check_suite_id: id,
        head_sha: HEAD,
        status: conclusion === null ? 'in_progress' : 'completed',
        conclusion,
        updated_at: at(second),
        pull_requests: [listed()],
      },
      repository: repository(),
      sender,
    },
  ];
  const commitStatus = (context: string, state: string, second: number): Delivery => [
    'status',
    { id: second, sha: HEAD, state, context, updated_at: at(second), repository: repository(), sender },
  ];

  it('keep the failure of one check through the later success of another', async () => {
    const told = await afterAllOf(opened, checkRun('lint', 'failure', 20), checkRun('test', 'success', 25));
    expect(told.pipelineState).toBe('FAILURE');
  });

  it('take notice of a failure that is delivered after the newer report of another check', async () => {
    const told = await afterAllOf(
      opened,
      commitStatus('ci/jenkins', 'success', 40),
      checkRun('lint', 'failure', 20),
    );
    expect(told.pipelineState).toBe('FAILURE');
  });

  it('tell the same suite as check_suite and as workflow_run, and its runs, without contradiction', async () => {
    const failing = [
      checkRun('lint', null, 11),
      checkRun('lint', 'failure', 12),
      workflowRun(30, 'failure', 14),
      checkSuite(30, 'failure', 14),
    ];
    expect(await afterAllOf(opened, ...failing)).toMatchObject({ pipelineState: 'FAILURE' });
    expect(await afterAllOf(workflowRun(30, null, 20))).toMatchObject({ pipelineState: 'PENDING' });
    const passing = [
      checkRun('lint', 'success', 22),
      workflowRun(30, 'success', 24),
      checkSuite(30, 'success', 24),
    ];
    expect(await afterAllOf(...passing)).toMatchObject({ pipelineState: 'SUCCESS' });
  });

  it('replace a workflow’s run by a newer one for the same commit, as after editing the title', async () => {
    const told = await afterAllOf(
      opened,
      checkRun('title', 'failure', 12, { check_suite: { id: 30 } }),
      workflowRun(30, 'failure', 13),
      workflowRun(31, 'success', 20),
      checkSuite(30, 'failure', 13),
      checkRun('title', null, 11, { check_suite: { id: 30 } }),
    );
    expect(told.pipelineState).toBe('SUCCESS');
  });

  it('begin anew with the next head, and again when that goes back', async () => {
    const pushed = (sha: string, second: number): Delivery => [
      'pull_request',
      pullRequestEvent('synchronize', { head: { ref: 'search', sha }, updated_at: at(second) }),
    ];
    const onNext = { head_sha: NEXT_HEAD, pull_requests: [listed({ head: { sha: NEXT_HEAD } })] };
    await afterAllOf(opened, checkRun('lint', 'failure', 12));
    expect(await afterAllOf(pushed(NEXT_HEAD, 20))).toMatchObject({ pipelineState: null });
    expect(await afterAllOf(checkRun('test', 'success', 22, onNext))).toMatchObject({
      pipelineState: 'SUCCESS',
      checks: { sha: NEXT_HEAD, reports: { 'suite/30/test': { state: 'SUCCESS' } } },
    });
    expect(await afterAllOf(pushed(HEAD, 30))).toMatchObject({ pipelineState: null });
    expect(await afterAllOf(checkRun('docs', 'success', 32))).toMatchObject({ pipelineState: 'SUCCESS' });
  });

  it('leave what a service said of the pipeline until there is news', async () => {
    await afterAllOf(opened, checkRun('lint', 'success', 20));
    await publisher.publish({
      publishedBy: serviceViewer(log.workspace),
      source: 'api',
      plan: () => [
        {
          subject: 'pullRequest',
          patch: { repoId: REPO, number: 7, projectId: REPO, pipelineState: 'ERROR' },
        },
      ],
    });
    expect(await afterAllOf(checkRun('lint', null, 11))).toMatchObject({ pipelineState: 'ERROR' });
    expect(await afterAllOf(checkRun('test', 'success', 25))).toMatchObject({ pipelineState: 'SUCCESS' });
  });

  it('never say that an internal field has changed, and tell a late report as no change', async () => {
    await afterAllOf(opened, checkRun('lint', 'success', 20), checkRun('lint', null, 11));
    await afterAllOf(['pull_request_review', reviewEvent('submitted', 'approved', 30)]);
    expect((await entries()).slice(2).map(({ reason, changed }) => [reason, changed])).toEqual([
      ['PIPELINE', ['pipelineState']],
      ['PIPELINE', []],
      ['REVIEW', ['reviewDecision']],
    ]);
  });

  it('keep a request for changes until that reviewer agrees, in whichever order it is told', async () => {
    const review = (login: string, state: string, second: number): Delivery => [
      'pull_request_review',
      {
        ...reviewEvent('submitted', state, second),
        review: { id: second, state, submitted_at: at(second), user: { login } },
      },
    ];
    const told = await afterAllOf(
      opened,
      review('hubot', 'approved', 20),
      review('mona', 'changes_requested', 10),
    );
    expect(told.reviewDecision).toBe('CHANGES_REQUESTED');
    expect(await afterAllOf(review('hubot', 'approved', 30))).toMatchObject({
      reviewDecision: 'CHANGES_REQUESTED',
    });
    expect(await afterAllOf(review('mona', 'commented', 35))).toMatchObject({
      reviewDecision: 'CHANGES_REQUESTED',
    });
    expect(await afterAllOf(review('mona', 'approved', 40))).toMatchObject({ reviewDecision: 'APPROVED' });
  });

  it.each([1, 2, 3, 4, 5])('end in the same state in parallel and in any order (%i)', async (seed) => {
    const deliveries = [
      checkRun('lint', null, 11),
      checkRun('lint', 'failure', 12),
      checkRun('test', null, 11),
      checkRun('test', 'success', 15),
      checkSuite(30, 'failure', 16),
      workflowRun(30, null, 10),
      workflowRun(30, 'failure', 16),
      workflowRun(31, null, 20),
      workflowRun(31, 'success', 29),
      commitStatus('ci/jenkins', 'pending', 11),
      commitStatus('ci/jenkins', 'error', 31),
      commitStatus('ci/coverage', 'success', 32),
      ['pull_request_review', reviewEvent('submitted', 'changes_requested', 10)],
      ['pull_request_review', reviewEvent('submitted', 'approved', 20)],
    ] as const;
    await publish(opened);
    const twice = fc.sample(
      fc.shuffledSubarray([...deliveries, ...deliveries], { minLength: 2 * deliveries.length }),
      { seed, numRuns: 1 },
    )[0]!;
    await Promise.all(twice.map(publish));
    expect(await pullRequest()).toMatchObject({ pipelineState: 'ERROR', reviewDecision: 'APPROVED' });
    // The project and the opening before them.
    const told = (await entries()).slice(2).filter(({ reason }) => reason !== 'PROGRESS');
    expect(told).toHaveLength(deliveries.length);
  });
});
