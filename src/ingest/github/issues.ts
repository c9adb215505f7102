import type { Kind } from '../../events/catalogue.ts';
import type { ChangeReason, EventDetail } from '../../events/event.ts';
import type { Issue } from '../../events/states.ts';
import type { Change } from '../../publishing/change.ts';
import { asOf, type Home, type Normaliser } from './delivery.ts';
import type { Payload } from './payload.ts';
import { pullRequestAsIssue, stateRank } from './pull-requests.ts';

type IssuePatch = Change<'issue'>['patch'];
type Meaning = readonly [Kind, ChangeReason];

const meanings: Readonly<Record<string, Meaning>> = {
  opened: ['issue.created', 'OPENED'],
  closed: ['issue.closed', 'STATE'],
  reopened: ['issue.updated', 'STATE'],
  deleted: ['issue.deleted', 'DELETED'],
  // GitHub moves it by deleting it here and opening another one there.
  transferred: ['issue.deleted', 'MOVED'],
  assigned: ['issue.assigned', 'ASSIGNEES'],
  unassigned: ['issue.assigned', 'ASSIGNEES'],
  edited: ['issue.updated', 'EDITED'],
  typed: ['issue.updated', 'EDITED'],
  untyped: ['issue.updated', 'EDITED'],
  labeled: ['issue.updated', 'LABELS'],
  unlabeled: ['issue.updated', 'LABELS'],
  milestoned: ['issue.updated', 'MILESTONE'],
  demilestoned: ['issue.updated', 'MILESTONE'],
  locked: ['issue.updated', 'LOCK'],
  unlocked: ['issue.updated', 'LOCK'],
  pinned: ['issue.updated', 'LOCK'],
  unpinned: ['issue.updated', 'LOCK'],
};

const stateReasons: Readonly<Record<string, NonNullable<Issue['stateReason']>>> = {
  completed: 'COMPLETED',
  not_planned: 'NOT_PLANNED',
  duplicate: 'DUPLICATE',
  reopened: 'REOPENED',
};

/** `priority: high`, `Priority/High`, `prio-1`, `P0` … */
const PRIORITY = /^(?:prio(?:rity)?\s*[:/=_\s-]\s*(?<word>\S.*)|(?<grade>p[0-9]))$/i;

function priorityOf(label: string): string | undefined {
  const { word, grade } = PRIORITY.exec(label.trim())?.groups ?? {};
  return (word ?? grade)?.trim().toLowerCase();
}

/**
 * The priority that the labels tell. Where none does it is left alone, as somebody else may have set it, unless a label
 * for it was just taken off.
 */
function priority(payload: Payload, labels: readonly string[] | undefined): string | null | undefined {
  const told = labels?.map(priorityOf).find((found) => found !== undefined);
  if (told !== undefined) return told;
  const removed = payload.name('action') === 'unlabeled' ? payload.object('label')?.name('name') : undefined;
  return typeof removed === 'string' && priorityOf(removed) !== undefined ? null : undefined;
}

function stateReasonOf(issue: Payload): Issue['stateReason'] | undefined {
  const reason = issue.name('state_reason');
  if (reason === null) return null;
  return typeof reason === 'string' && Object.hasOwn(stateReasons, reason) ? stateReasons[reason] : undefined;
}

function snapshotOf(payload: Payload, home: Home): IssuePatch {
  const issue = payload.need('issue');
  const labels = issue.names('labels', 'name');
  const state = issue.name('state');
  return {
    id: `github:${issue.needId('id')}`,
    projectId: home.projectId,
    repoId: home.repoId,
    number: issue.ordinal('number'),
    title: issue.name('title'),
    body: issue.text('body'),
    author: issue.login('user'),
    url: issue.name('html_url'),
    state: state === 'open' ? 'OPEN' : state === 'closed' ? 'CLOSED' : undefined,
    stateReason: stateReasonOf(issue),
    priority: priority(payload, labels),
    labels,
    assignees: issue.names('assignees', 'login'),
  };
}

export const issues: Normaliser = (payload) => {
  const action = payload.name('action') ?? '';
  const issue = payload.need('issue');
  issue.needId('id');
  const updatedAt = issue.time('updated_at');
  if (issue.object('pull_request') !== undefined) {
    return { occurredAt: updatedAt, changes: pullRequestAsIssue(issue, action) };
  }

  const [kind, meant] = (Object.hasOwn(meanings, action) ? meanings[action] : undefined) ?? [
    'issue.updated' as const,
    'REPORTED' as const,
  ];
  // The other end of a transfer.
  const isArrival = action === 'opened' && payload.object('changes')?.object('old_issue') !== undefined;
  const isClosed = issue.name('state') === 'closed';
  // Nothing of the same second may bring back what was deleted.
  const rank = kind === 'issue.deleted' ? 'last' : stateRank(action, isClosed);
  const occurredAt =
    action === 'opened' && !isArrival
      ? issue.time('created_at')
      : action === 'closed'
        ? issue.time('closed_at')
        : undefined;
  return {
    occurredAt: occurredAt ?? updatedAt,
    changes: (home) => [
      {
        subject: 'issue',
        kind,
        reason: isArrival ? 'MOVED' : meant,
        patch: snapshotOf(payload, home),
        ...asOf('state', updatedAt, rank),
      },
    ],
  };
};

const commentActions = { created: 'CREATED', edited: 'EDITED', deleted: 'DELETED' } as const;

export const issueComment: Normaliser = (payload) => {
  const action = payload.name('action') ?? '';
  if (!Object.hasOwn(commentActions, action)) {
    return { ignored: `issue_comment.${action.slice(0, 40)}: the comment stays as it is` };
  }
  const issue = payload.need('issue');
  const comment = payload.need('comment');
  issue.needId('id');
  const updatedAt = issue.time('updated_at');
  const occurredAt =
    action === 'created'
      ? comment.time('created_at')
      : action === 'edited'
        ? comment.time('updated_at')
        : undefined;
  if (issue.object('pull_request') !== undefined) {
    return { occurredAt: occurredAt ?? updatedAt, changes: pullRequestAsIssue(issue, null, 'COMMENT') };
  }

  const detail: EventDetail = {
    comment: {
      id: comment.id('id') ?? null,
      author: comment.login('user') ?? null,
      body: comment.text('body') ?? '',
      url: comment.name('html_url') ?? null,
      action: commentActions[action as keyof typeof commentActions],
    },
  };
  return {
    occurredAt: occurredAt ?? updatedAt,
    changes: (home) => [
      {
        subject: 'issue',
        kind: 'issue.commented',
        reason: 'COMMENT',
        patch: snapshotOf(payload, home),
        detail,
        ...asOf('state', updatedAt, stateRank(null, issue.name('state') === 'closed')),
      },
    ],
  };
};
