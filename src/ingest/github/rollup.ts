/** What the reports of many checks, and the reviews of many people, say together. */
import type { PullRequest } from '../../events/states.ts';

/** What each check of one commit last said, by `checkKey`. */
export type Checks = NonNullable<PullRequest['checks']>['reports'];
/** What each reviewer last decided, by login. */
export type Reviews = NonNullable<PullRequest['reviews']>;
type Report = Checks[string];
/** GraphQL's StatusState, which sums up checks and commit statuses. */
export type PipelineState = Report['state'];
type Decision = Reviews[string]['state'];

/** Most checks, and most reviewers, that are remembered of one pull request. */
const MOST = 100;

/**
 * A check suite is what one app does for one push. Of GitHub's own app a suite is one run of a workflow, so that
 * check_suite and workflow_run speak of the same thing; check_run speaks of a part of it. Names of runs don't count
 * across suites: two workflows may both have a job "build", and both have to pass.
 */
export const checkKey = {
  status: (context: string): string => `status/${context}`,
  suite: (id: string): string => `suite/${id}`,
  run: (suiteId: string, name: string): string => `suite/${suiteId}/${name}`,
};

export interface CheckReport extends Report {
  readonly key: string;
}

/** The suite that a check run is a part of; undefined for everything else. */
function suiteOf(key: string): string | undefined {
  return /^(suite\/[^/]*)\//.exec(key)?.[1];
}

const isOver = (state: PipelineState): boolean => state !== 'PENDING' && state !== 'EXPECTED';

/** Stands for a suite whose workflow was run anew for the same commit: it holds nothing up, and no late report changes that. */
const REPLACED: Report = { state: 'SUCCESS', at: '9999-12-31T23:59:59.999Z' };

/**
 * Takes in one report, in whichever order reports come. The very same `checks` when there is nothing new in it:
 *
 * - It is older than what this check has said.
 * - It is a run's, and older than what its suite has said: that sums up its runs, and they are forgotten.
 *
 * A report with a `line` (workflow and what triggered it) tells which suites replace each other: the newest one of a line
 * counts. Editing a title runs the check of titles anew; what it said of the old one is of no interest any more.
 */
export function withCheck(checks: Checks, { key, line, ...told }: CheckReport): Checks {
  const all = new Map(Object.entries(checks));
  const known = all.get(key);
  const suite = all.get(suiteOf(key) ?? '');
  const isNews = (suite === undefined || suite.at < told.at) && (known === undefined || known.at <= told.at);
  const isNewLine = line !== undefined && line !== known?.line && known?.at !== REPLACED.at;
  if (!isNews && !isNewLine) return checks;

  all.set(key, { ...known, ...(isNews ? told : {}), ...(line === undefined ? {} : { line }) } as Report);
  if (line !== undefined) replaceOlder(all, line);
  for (const [each, { at }] of all) {
    const summary = all.get(suiteOf(each) ?? '');
    if (summary !== undefined && summary.at >= at) all.delete(each);
  }
  // What is bad is not forgotten, and what is good costs nothing to forget.
  return keepMost(all, ({ state }) => (state === 'SUCCESS' ? 0 : isOver(state) ? 2 : 1));
}

/** Ids rise: the suite with the highest one was made last. */
function replaceOlder(all: Map<string, Report>, line: string): void {
  const suites = [...all.keys()].filter((key) => all.get(key)?.line === line);
  const idOf = (key: string): number => Number(key.slice(key.indexOf('/') + 1));
  const newest = Math.max(...suites.map(idOf));
  for (const key of suites) if (idOf(key) < newest) all.set(key, REPLACED);
}

/**
 * GitHub's rollup: nothing may have failed, and nothing may be under way. Null without a report.
 *
 * A suite that had ended and has a run again doesn't have its old result any more, and none yet.
 */
export function pipelineOf(checks: Checks): PipelineState | null {
  const reports = Object.entries(checks);
  const atWorkAgain = new Set(reports.map(([key, { state }]) => (isOver(state) ? undefined : suiteOf(key))));
  const states = new Set(
    reports
      .filter(([key, { state }]) => !(isOver(state) && atWorkAgain.has(key)))
      .map(([, { state }]) => state),
  );
  if (states.size === 0) return null;
  if (states.has('FAILURE')) return 'FAILURE';
  if (states.has('ERROR')) return 'ERROR';
  return states.has('PENDING') || states.has('EXPECTED') ? 'PENDING' : 'SUCCESS';
}

/** Takes in what a reviewer decided. The very same `reviews` when that reviewer has decided something since. */
export function withReview(
  reviews: Reviews,
  reviewer: string,
  decision: { state: Decision; at: string },
): Reviews {
  const all = new Map(Object.entries(reviews));
  const known = all.get(reviewer);
  if (known !== undefined && known.at > decision.at) return reviews;
  all.set(reviewer, decision);
  return keepMost(all, ({ state }) => ['DISMISSED', 'APPROVED', 'CHANGES_REQUESTED'].indexOf(state));
}

/**
 * Whoever asks for changes has to agree, or be overruled. Without such, one approval is enough.
 *
 * Null before the first decision, also when somebody was asked for a review: payloads don't tell whether one is required,
 * and who was asked stands in the pull request's `reviewers`.
 */
export function decisionOf(reviews: Reviews): PullRequest['reviewDecision'] {
  const states = new Set(Object.values(reviews).map(({ state }) => state));
  if (states.size === 0) return null;
  if (states.has('CHANGES_REQUESTED')) return 'CHANGES_REQUESTED';
  return states.has('APPROVED') ? 'APPROVED' : 'REVIEW_REQUIRED';
}

/** Drops what weighs least, the oldest first, until there are no more than are remembered. */
function keepMost<Value extends { readonly at: string }>(
  all: ReadonlyMap<string, Value>,
  weightOf: (value: Value) => number,
): Record<string, Value> {
  if (all.size <= MOST) return Object.fromEntries(all);
  const byWeight = [...all].sort(
    ([, a], [, b]) => weightOf(b) - weightOf(a) || (a.at < b.at ? 1 : a.at > b.at ? -1 : 0),
  );
  return Object.fromEntries(byWeight.slice(0, MOST));
}
