import type { ChangeReason } from '../../events/event.ts';
import type { AnyChange, Change } from '../../publishing/change.ts';
import { asOf, ranked, type Home, type Normaliser, type Rank, type Report } from './delivery.ts';
import { NAMES_MAX, type Payload } from './payload.ts';
import { decisionOf, withReview } from './rollup.ts';

type PullRequestPatch = Change<'pullRequest'>['patch'];

const reasons: Readonly<Record<string, ChangeReason>> = {
  opened: 'OPENED',
  closed: 'STATE',
  reopened: 'STATE',
  converted_to_draft: 'DRAFT',
  ready_for_review: 'DRAFT',
  synchronize: 'COMMITS',
  edited: 'EDITED',
  labeled: 'LABELS',
  unlabeled: 'LABELS',
  assigned: 'ASSIGNEES',
  unassigned: 'ASSIGNEES',
  review_requested: 'REVIEWERS',
  review_request_removed: 'REVIEWERS',
  milestoned: 'MILESTONE',
  demilestoned: 'MILESTONE',
  locked: 'LOCK',
  unlocked: 'LOCK',
};

/** Actions without a reason of their own: auto_merge_enabled, enqueued, and those that GitHub will think of. */
const reasonOf = (action: string | null | undefined): ChangeReason =>
  (typeof action === 'string' && Object.hasOwn(reasons, action) ? reasons[action] : undefined) ?? 'REPORTED';

/**
 * Opening a pull request or an issue with labels gives several deliveries of one second, the snapshots in which differ;
 * so does a bot that labels and closes at once. An open snapshot must not undo closing, nor `opened` the labels.
 */
export function stateRank(action: string | null | undefined, isClosed: boolean): Rank {
  if (action === 'opened') return 'first';
  if (action === 'reopened') return 'later';
  return isClosed ? 'late' : 'early';
}

const isClosed = (item: Payload): boolean => item.name('state') === 'closed';

/** Teams are told by their slug, as GitHub's pages show them. */
function reviewersOf(pull: Payload): string[] | undefined {
  const users = pull.names('requested_reviewers', 'login');
  const teams = pull.names('requested_teams', 'slug');
  return users === undefined && teams === undefined
    ? undefined
    : [...(users ?? []), ...(teams ?? [])].slice(0, NAMES_MAX);
}

function stateOf(pull: Payload): PullRequestPatch['state'] {
  const state = pull.name('state');
  if (state === 'open') return 'OPEN';
  if (state !== 'closed') return undefined;
  // Payloads of reviews and comments have no `merged`, but all have `merged_at`.
  return pull.flag('merged') === true || typeof pull.name('merged_at') === 'string' ? 'MERGED' : 'CLOSED';
}

/** Everything that GitHub's pull request object says. */
function snapshotOf(pull: Payload, home: Home): PullRequestPatch {
  const head = pull.object('head');
  return {
    repoId: home.repoId,
    number: pull.needOrdinal('number'),
    projectId: home.projectId,
    title: pull.name('title'),
    body: pull.text('body'),
    author: pull.login('user'),
    url: pull.name('html_url'),
    state: stateOf(pull),
    isDraft: pull.flag('draft'),
    headRef: head?.name('ref'),
    headSha: head?.name('sha'),
    baseRef: pull.object('base')?.name('ref'),
    labels: pull.names('labels', 'name'),
    assignees: pull.names('assignees', 'login'),
    reviewers: reviewersOf(pull),
  };
}

/** What the checks said of the old head does not hold for a new one. */
function forgetPipeline({ number, headSha }: PullRequestPatch, home: Home): PullRequestPatch {
  const known = home.pullRequests.find((pull) => pull.number === number)?.headSha ?? headSha;
  return typeof headSha === 'string' && known !== headSha ? { pipelineState: null } : {};
}

export const pullRequest: Normaliser = (payload) => {
  const action = payload.name('action');
  const pull = payload.need('pull_request');
  const updatedAt = pull.time('updated_at');
  const occurredAt =
    action === 'opened' ? pull.time('created_at') : action === 'closed' ? pull.time('closed_at') : undefined;
  const kind = action === 'opened' ? 'pr.created' : action === 'closed' ? 'pr.closed' : 'pr.updated';
  return { occurredAt: occurredAt ?? updatedAt, ...takeOver(pull, kind, action, reasonOf(action)) };
};

/** Takes over GitHub's snapshot of a pull request, which also events bring along that change nothing of it. */
function takeOver(
  pull: Payload,
  kind: 'pr.created' | 'pr.updated' | 'pr.closed',
  action: string | null | undefined,
  reason: ChangeReason,
): Pick<Report, 'lookup' | 'changes'> {
  const change = (home: Home): AnyChange => {
    const snapshot = snapshotOf(pull, home);
    return {
      subject: 'pullRequest',
      kind,
      reason,
      patch: { ...snapshot, ...forgetPipeline(snapshot, home) },
      ...asOf('state', pull.time('updated_at'), stateRank(action, isClosed(pull))),
    };
  };
  return { lookup: { pullRequests: [pull.needOrdinal('number')] }, changes: (home) => [change(home)] };
}

const decisions = {
  approved: 'APPROVED',
  changes_requested: 'CHANGES_REQUESTED',
  dismissed: 'DISMISSED',
} as const;

/**
 * Every reviewer has one say: the last review that decides, as one that only comments doesn't.
 *
 * The version of a decision is when its review was submitted, also when that is edited or dismissed later: so editing
 * or dismissing a review that is not the reviewer's last one changes nothing.
 */
export const pullRequestReview: Normaliser = (payload) => {
  const review = payload.need('review');
  const pull = payload.need('pull_request');
  const number = pull.needOrdinal('number');
  const submittedAt = review.time('submitted_at');
  const updatedAt = pull.time('updated_at');
  const occurredAt = payload.name('action') === 'submitted' ? (submittedAt ?? updatedAt) : updatedAt;

  const word = review.name('state')?.toLowerCase() ?? '';
  const state = Object.hasOwn(decisions, word) ? decisions[word as keyof typeof decisions] : undefined;
  if (state === undefined) return { occurredAt, ...takeOver(pull, 'pr.updated', null, 'REVIEW') };
  const decision = { state, at: ranked(submittedAt, state === 'DISMISSED' ? 'late' : 'early') };
  // GitHub's name for deleted accounts.
  const reviewer = review.login('user') ?? 'ghost';
  return {
    occurredAt,
    lookup: { pullRequests: [number] },
    changes: (home) => {
      const known = home.pullRequests.find((each) => each.number === number);
      const before = known?.reviews ?? {};
      const reviews = withReview(before, reviewer, decision);
      const { repoId, projectId } = home;
      return [
        {
          subject: 'pullRequest',
          kind: 'pr.updated',
          reason: 'REVIEW',
          patch: {
            // The snapshot has another version than the decision: it only serves to introduce a pull request.
            ...(known === undefined ? snapshotOf(pull, home) : { repoId, number, projectId }),
            ...(reviews === before ? {} : { reviews, reviewDecision: decisionOf(reviews) }),
          },
        },
      ];
    },
  };
};

/** Comments on lines of the diff, and the threads that they form. */
export const pullRequestReviewComment: Normaliser = (payload) => {
  const pull = payload.need('pull_request');
  const comment = payload.object('comment');
  const occurredAt = payload.name('action') === 'created' ? comment?.time('created_at') : undefined;
  return {
    occurredAt: occurredAt ?? pull.time('updated_at'),
    ...takeOver(pull, 'pr.updated', null, 'COMMENT'),
  };
};

/** An `issues` or `issue_comment` event about a pull request, which GitHub takes for an issue there. */
export function pullRequestAsIssue(
  issue: Payload,
  action: string | null | undefined,
  reason: ChangeReason = reasonOf(action),
): (home: Home) => AnyChange[] {
  const number = issue.needOrdinal('number');
  const link = issue.object('pull_request');
  // Without `merged_at` a closed one may as well be merged.
  const isUnclear = isClosed(issue) && link?.has('merged_at') !== true;
  const mergedAt = link?.name('merged_at');
  const closedAs = typeof mergedAt === 'string' ? 'MERGED' : 'CLOSED';
  return (home) => [
    {
      subject: 'pullRequest',
      kind: 'pr.updated',
      reason,
      patch: {
        repoId: home.repoId,
        number,
        projectId: home.projectId,
        title: issue.name('title'),
        body: issue.text('body'),
        author: issue.login('user'),
        url: link?.name('html_url') ?? issue.name('html_url'),
        state: isUnclear ? undefined : isClosed(issue) ? closedAs : stateOf(issue),
        isDraft: issue.flag('draft'),
        labels: issue.names('labels', 'name'),
        assignees: issue.names('assignees', 'login'),
      },
      ...asOf('state', issue.time('updated_at'), stateRank(action, isClosed(issue))),
    },
  ];
}
