import type { PullRequest } from '../../events/states.ts';
import type { AnyChange } from '../../publishing/change.ts';
import {
  asOf,
  type GithubRepository,
  type Home,
  type Lookup,
  type Normaliser,
  type Rank,
} from './delivery.ts';
import type { Payload } from './payload.ts';

/** GraphQL's StatusState, which sums up checks and commit statuses. */
type PipelineState = NonNullable<PullRequest['pipelineState']>;

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
  readonly state: PipelineState;
  readonly time: string | undefined;
  readonly rank: Rank;
}

/**
 * The pull requests that a check is listed with, as far as it speaks of them.
 *
 * GitHub lists them by branch. Those of another repository have the fork's branch in common and another number space;
 * those with another head have been pushed to since, and the check is about a commit of the past.
 */
function listedIn(run: Payload, sha: string, repository: GithubRepository): Payload[] {
  return (run.list('pull_requests') ?? []).filter(
    (pull) =>
      pull.ordinal('number') !== undefined &&
      pull.object('base')?.object('repo')?.id('id') === repository.githubId &&
      (pull.object('head')?.name('sha') ?? sha) === sha,
  );
}

/** The lookup and the changes by which a verdict reaches the pull requests concerned. */
export function verdictOn(
  repository: GithubRepository,
  verdict: Verdict,
): { lookup: Lookup; changes: (home: Home) => AnyChange[] } {
  const { run, sha, state, time, rank } = verdict;
  const listed = listedIn(run, sha, repository);
  // Pull requests from forks are never listed, and commit statuses have no list: those are known by their head.
  const lookup =
    listed.length > 0 ? { pullRequests: listed.map((pull) => pull.needOrdinal('number')) } : { commit: sha };

  const change = (home: Home, number: number, introduction: Partial<PullRequest>): AnyChange => ({
    subject: 'pullRequest',
    kind: 'pr.updated',
    reason: 'PIPELINE',
    patch: { ...introduction, repoId: home.repoId, number, projectId: home.projectId, pipelineState: state },
    ...asOf('pipeline', time, rank),
  });
  const changes = (home: Home): AnyChange[] => {
    if (listed.length === 0) {
      const concerned = home.pullRequests.filter(({ headSha }) => headSha === sha);
      return concerned.map(({ number }) => change(home, number, {}));
    }
    return listed.flatMap((pull) => {
      const number = pull.needOrdinal('number');
      const known = home.pullRequests.find((each) => each.number === number);
      if (known === undefined) return change(home, number, introduce(pull, sha));
      // The list was true when it was written, but is not always delivered in that order: what is stored as the state
      // of the head has to be about the head that is stored.
      return (known.headSha ?? sha) === sha ? change(home, number, { headSha: sha }) : [];
    });
  };
  return { lookup, changes };
}

/** What is known of a pull request that is seen for the first time, in the list of a check. */
function introduce(pull: Payload, sha: string): Partial<PullRequest> {
  return {
    headSha: sha,
    headRef: pull.object('head')?.name('ref') ?? null,
    baseRef: pull.object('base')?.name('ref') ?? null,
  };
}

const nobodyKnown = (what: string, sha: string): string =>
  `${what}: no known pull request has the head ${sha.slice(0, 7)}`;

/**
 * One check's success is not the pipeline's while others of its suite are running; its failure is.
 */
function stateWithinSuite(run: Payload): PipelineState | undefined {
  const own = checkState(run);
  return own === 'SUCCESS' ? (checkState(run.object('check_suite')) ?? own) : own;
}

export const checkRun: Normaliser = (payload, repository) => {
  const action = payload.name('action');
  if (action === 'requested_action') return { ignored: 'check_run.requested_action: a button was pressed' };
  const run = payload.need('check_run');
  const sha = run.needName('head_sha');
  const isAgain = action === 'rerequested';
  const state = isAgain ? 'PENDING' : stateWithinSuite(run);
  if (state === undefined) return { ignored: 'check_run: its status or conclusion is not known to Tidings' };

  const isOver = run.name('status') === 'completed';
  const time = isOver ? run.firstTime('completed_at', 'started_at') : run.time('started_at');
  // Asking for it again has no time of its own; it came after the end that the payload still shows.
  const rank = isAgain ? 'late' : isOver ? 'early' : 'first';
  return {
    occurredAt: isAgain ? undefined : time,
    ...verdictOn(repository, { run, sha, state, time, rank }),
    otherwise: nobodyKnown('check_run', sha),
  };
};

export const checkSuite: Normaliser = (payload, repository) => {
  const suite = payload.need('check_suite');
  const sha = suite.needName('head_sha');
  const isAgain = payload.name('action') === 'rerequested';
  const state = isAgain ? 'PENDING' : checkState(suite);
  if (state === undefined)
    return { ignored: 'check_suite: its status or conclusion is not known to Tidings' };

  const time = suite.firstTime('updated_at', 'created_at');
  const rank = isAgain ? 'late' : suite.name('status') === 'completed' ? 'early' : 'first';
  return {
    occurredAt: isAgain ? undefined : time,
    ...verdictOn(repository, { run: suite, sha, state, time, rank }),
    otherwise: nobodyKnown('check_suite', sha),
  };
};

/** A commit status: older than checks, one for each context (`ci/jenkins`). */
export const status: Normaliser = (payload, repository) => {
  const sha = payload.needName('sha');
  const state = lookUp(commitStates, payload.name('state'));
  if (state === undefined) return { ignored: 'status: its state is not known to Tidings' };
  const time = payload.firstTime('updated_at', 'created_at');
  const rank = state === 'PENDING' || state === 'EXPECTED' ? 'first' : 'early';
  return {
    occurredAt: time,
    ...verdictOn(repository, { run: payload, sha, state, time, rank }),
    otherwise: nobodyKnown('status', sha),
  };
};
