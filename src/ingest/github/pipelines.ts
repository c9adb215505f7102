import type { PullRequest } from '../../events/states.ts';
import type { AnyChange } from '../../publishing/change.ts';
import {
  ranked,
  SHARED_MAX,
  type GithubRepository,
  type Home,
  type Lookup,
  type Normaliser,
} from './delivery.ts';
import { shorten, type Payload } from './payload.ts';
import { checkKey, pipelineOf, withCheck, type CheckReport, type PipelineState } from './rollup.ts';

/** Which conclusions pass and fail is as in GitHub's own command line client (cli/cli, api/queries_pr.go). */
const conclusions: Readonly<Record<string, PipelineState>> = {
  success: 'SUCCESS',
  neutral: 'SUCCESS',
  skipped: 'SUCCESS',
  failure: 'FAILURE',
  timed_out: 'FAILURE',
  cancelled: 'FAILURE',
  action_required: 'FAILURE',
  startup_failure: 'ERROR',
  // GitHub gave up waiting for it after 14 days; it never ended.
  stale: 'PENDING',
};

const commitStates: Readonly<Record<string, PipelineState>> = {
  success: 'SUCCESS',
  failure: 'FAILURE',
  error: 'ERROR',
  pending: 'PENDING',
  expected: 'EXPECTED',
};

const lookUp = (table: Readonly<Record<string, PipelineState>>, key: string | null | undefined) =>
  typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;

/** What a check run, check suite or workflow run says; undefined where it speaks words that we don't know. */
export function checkState(run: Payload | undefined): PipelineState | undefined {
  const status = run?.name('status');
  if (typeof status !== 'string') return undefined;
  return status === 'completed' ? lookUp(conclusions, run?.name('conclusion')) : 'PENDING';
}

interface Verdict {
  /** The check run, check suite or workflow run; it lists the pull requests. */
  readonly run: Payload;
  /** The commit that it is about. */
  readonly sha: string;
  readonly report: CheckReport;
}

/**
 * The pull requests that a check is listed with, as far as it speaks of them.
 *
 * GitHub lists them by branch. Those of another repository have the fork's branch in common and another number space;
 * those with another head have been pushed to since, and the check is about a commit of the past.
 */
function listedIn(run: Payload, sha: string, repository: GithubRepository): Payload[] {
  const listed = (run.list('pull_requests') ?? []).filter(
    (pull) =>
      pull.ordinal('number') !== undefined &&
      pull.object('base')?.object('repo')?.id('id') === repository.githubId &&
      (pull.object('head')?.name('sha') ?? sha) === sha,
  );
  return listed.slice(0, SHARED_MAX);
}

/** The lookup and the changes by which a verdict reaches the pull requests concerned. */
export function verdictOn(
  repository: GithubRepository,
  verdict: Verdict,
): { lookup: Lookup; changes: (home: Home) => AnyChange[] } {
  const { run, sha, report } = verdict;
  const listed = listedIn(run, sha, repository);
  // Pull requests from forks are never listed, and commit statuses have no list: those are known by their head.
  const lookup =
    listed.length > 0 ? { pullRequests: listed.map((pull) => pull.needOrdinal('number')) } : { commit: sha };

  const change = (home: Home, number: number, known: PullRequest | undefined, more: Told): AnyChange => ({
    subject: 'pullRequest',
    kind: 'pr.updated',
    reason: 'PIPELINE',
    patch: {
      ...more,
      ...takeIn(report, sha, known),
      repoId: home.repoId,
      number,
      projectId: home.projectId,
    },
  });
  const changes = (home: Home): AnyChange[] => {
    if (listed.length === 0) {
      const concerned = home.pullRequests.filter(({ headSha }) => headSha === sha);
      return concerned.map((known) => change(home, known.number, known, {}));
    }
    return listed.flatMap((pull) => {
      const number = pull.needOrdinal('number');
      const known = home.pullRequests.find((each) => each.number === number);
      if (known === undefined) return change(home, number, undefined, introduce(pull, sha));
      // The list was true when it was written, but is not always delivered in that order: what is stored as the state
      // of the head has to be about the head that is stored.
      return (known.headSha ?? sha) === sha ? change(home, number, known, { headSha: sha }) : [];
    });
  };
  return { lookup, changes };
}

type Told = Partial<PullRequest>;

/** Nothing when the report has nothing new. What was said of another commit doesn't count. */
function takeIn(report: CheckReport, sha: string, known: PullRequest | undefined): Told {
  const before = known?.checks?.sha === sha ? known.checks.reports : {};
  const reports = withCheck(before, report);
  return reports === before ? {} : { checks: { sha, reports }, pipelineState: pipelineOf(reports) };
}

/** What is known of a pull request that is seen for the first time, in the list of a check. */
function introduce(pull: Payload, sha: string): Told {
  return {
    headSha: sha,
    headRef: pull.object('head')?.name('ref') ?? null,
    baseRef: pull.object('base')?.name('ref') ?? null,
  };
}

const nobodyKnown = (what: string, sha: string): string =>
  `${what}: no known pull request has the head ${sha.slice(0, 7)}`;

export const checkRun: Normaliser = (payload, repository) => {
  const action = payload.name('action');
  if (action === 'requested_action') return { ignored: 'check_run.requested_action: a button was pressed' };
  const run = payload.need('check_run');
  const sha = run.needName('head_sha');
  const isAgain = action === 'rerequested';
  const state = isAgain ? 'PENDING' : checkState(run);
  if (state === undefined) return { ignored: 'check_run: its status or conclusion is not known to Tidings' };

  const suite = run.object('check_suite');
  const isOver = run.name('status') === 'completed';
  const time = isOver ? run.firstTime('completed_at', 'started_at') : run.time('started_at');
  // Asking for it again has no time of its own; it came after the end that the payload still shows, and its suite's.
  const at = isAgain
    ? ranked(suite?.time('updated_at') ?? time, 'late')
    : ranked(time, isOver ? 'early' : 'first');
  const key = checkKey.run(suite?.id('id') ?? '', run.name('name') ?? '');
  return {
    occurredAt: isAgain ? undefined : time,
    ...verdictOn(repository, { run, sha, report: { key: shorten(key), state, at } }),
    otherwise: nobodyKnown('check_run', sha),
  };
};

export const checkSuite: Normaliser = (payload, repository) => {
  const action = payload.name('action');
  // GitHub makes a suite for every app that may write checks, and most apps never put a run in it: no pull request waits for those.
  if (action === 'requested') return { ignored: 'check_suite.requested: nothing runs yet' };
  const suite = payload.need('check_suite');
  const sha = suite.needName('head_sha');
  const isAgain = action === 'rerequested';
  const state = isAgain ? 'PENDING' : checkState(suite);
  if (state === undefined)
    return { ignored: 'check_suite: its status or conclusion is not known to Tidings' };

  const time = suite.firstTime('updated_at', 'created_at');
  const rank = isAgain ? 'late' : suite.name('status') === 'completed' ? 'early' : 'first';
  const key = checkKey.suite(suite.id('id') ?? '');
  return {
    occurredAt: isAgain ? undefined : time,
    ...verdictOn(repository, { run: suite, sha, report: { key, state, at: ranked(time, rank) } }),
    otherwise: nobodyKnown('check_suite', sha),
  };
};

/** A commit status: older than checks, one for each context (`ci/jenkins`). */
export const status: Normaliser = (payload, repository) => {
  const sha = payload.needName('sha');
  const state = lookUp(commitStates, payload.name('state'));
  if (state === undefined) return { ignored: 'status: its state is not known to Tidings' };
  const time = payload.firstTime('updated_at', 'created_at');
  const at = ranked(time, state === 'PENDING' || state === 'EXPECTED' ? 'first' : 'early');
  const key = shorten(checkKey.status(payload.name('context') ?? ''));
  return {
    occurredAt: time,
    ...verdictOn(repository, { run: payload, sha, report: { key, state, at } }),
    otherwise: nobodyKnown('status', sha),
  };
};
