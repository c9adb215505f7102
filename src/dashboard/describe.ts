import type { EventType } from './generated/operations.ts';
import type { Event } from './model.ts';

interface Kind {
  readonly type: EventType;
  readonly label: string;
}

/** The kinds of events as the filter offers them. Presence and notifications are no part of the feed. */
export const families = [
  family('Pull requests', 'pr', {
    PR_CREATED: 'PR opened',
    PR_UPDATED: 'PR changed',
    PR_CLOSED: 'PR closed',
  }),
  family('Issues', 'issue', {
    ISSUE_CREATED: 'Issue opened',
    ISSUE_UPDATED: 'Issue changed',
    ISSUE_CLOSED: 'Issue closed',
    ISSUE_DELETED: 'Issue deleted',
    ISSUE_COMMENTED: 'Comment',
    ISSUE_ASSIGNED: 'Issue assigned',
  }),
  family('Workflows', 'workflow', {
    WORKFLOW_STARTED: 'Run started',
    WORKFLOW_PROGRESS: 'Run goes on',
    WORKFLOW_COMPLETED: 'Run completed',
    WORKFLOW_FAILED: 'Run failed',
  }),
  family('Agents', 'agent', {
    AGENT_CONNECTED: 'Agent online',
    AGENT_DISCONNECTED: 'Agent offline',
    AGENT_STATUS_CHANGED: 'Agent status',
  }),
  family('AI', 'ai', { AI_SUGGESTION: 'Suggestion', AI_ANALYSIS_COMPLETE: 'Analysis' }),
  family('Alerts and risks', 'alert', { ALERT_TRIGGERED: 'Alert', RISK_ALERT: 'Risk' }),
  family('Code', 'code', { FILE_CHANGED: 'Files', COMMIT_AUTO: 'Auto commit' }),
  family('Projects', 'project', {
    PROJECT_CREATED: 'New project',
    PROJECT_UPDATED: 'Project',
    PROJECT_DELETED: 'Project deleted',
    PROGRESS_UPDATED: 'Tasks',
    ANNOUNCEMENT: 'Announcement',
  }),
] as const;

function family(name: string, id: string, labels: Partial<Record<EventType, string>>) {
  const kinds = Object.entries(labels).map(([type, label]): Kind => ({ type: type as EventType, label }));
  return { name, id, kinds };
}

/** What a kind of event is called, and to which family it belongs. */
export function kindOf(type: EventType): { readonly label: string; readonly family: string } {
  for (const { id, kinds } of families) {
    const kind = kinds.find((each) => each.type === type);
    if (kind !== undefined) return { label: kind.label, family: id };
  }
  // A kind that is newer than this page.
  return { label: words(type), family: 'project' };
}

/** What happened, in a line. */
export function describe(event: Event): string {
  switch (event.__typename) {
    case 'ProjectUpdate':
      return event.type === 'PROJECT_DELETED'
        ? event.project.name
        : `${event.project.name} · ${words(event.project.status)}`;
    case 'PrStateChange': {
      const { number, title } = event.pullRequest;
      return `#${number} ${title ?? ''} · ${pullRequestNews(event)}`;
    }
    case 'IssueUpdate': {
      const { number, title, assignees } = event.issue;
      const name = `${number === null ? '' : `#${number} `}${title ?? 'without a title'}`;
      if (event.comment !== null) return `${name} · “${event.comment.body}”`;
      if (event.type === 'ISSUE_ASSIGNED') return `${name} · ${assignees.join(', ') || 'nobody'}`;
      return name;
    }
    case 'WorkflowProgress':
      return `${event.workflow.name ?? event.workflow.id} · ${workflowNews(event.workflow)}`;
    case 'AgentStatusChange':
      return `${event.agent.name ?? event.agent.id} · ${words(event.agent.status)}`;
    case 'AiSuggestionMade':
      return `${event.suggestion.title} · ${event.suggestion.targetId}`;
    case 'AiAnalysisComplete':
      return `${event.targetId} · ${event.summary ?? count(event.suggestionCount ?? 0, 'suggestion')}`;
    case 'AlertTriggered':
      return `${event.alert.message} · ${words(event.alert.status)}`;
    case 'RiskAlert':
      return event.risk.message;
    case 'FileChange': {
      const [first, ...others] = event.files;
      return `${first?.path ?? 'no file'}${others.length > 0 ? ` and ${count(others.length, 'other')}` : ''}`;
    }
    case 'AutoCommit':
      if (event.phase === 'START') return 'started';
      if (event.commitError !== null) return `failed: ${event.commitError}`;
      return `${event.commitMessage ?? 'done'} · ${count(event.changesCount ?? 0, 'file')}`;
    case 'ProgressUpdate':
      return `${event.completedTasks ?? '?'} of ${event.totalTasks ?? '?'} done · ${Math.round(event.percent)} %`;
    case 'Announcement':
      return [event.title, event.message].filter((part) => part !== null).join(': ');
    default:
      return '';
  }
}

function pullRequestNews({ reason, pullRequest }: Event & { readonly __typename: 'PrStateChange' }): string {
  const { state, isDraft, reviewDecision, pipelineState } = pullRequest;
  if (reason === 'REVIEW' && reviewDecision !== null) return words(reviewDecision);
  if (reason === 'PIPELINE' && pipelineState !== null) return `checks: ${words(pipelineState)}`;
  if (reason === 'STATE' || reason === 'OPENED') return words(state);
  if (reason === 'DRAFT') return isDraft === true ? 'draft' : 'ready for review';
  return words(reason);
}

function workflowNews({
  status,
  percent,
  currentStep,
  error,
}: (Event & { readonly __typename: 'WorkflowProgress' })['workflow']): string {
  if (status === 'FAILED' && error !== null) return error;
  if (status !== 'RUNNING') return words(status);
  return `${Math.round(percent)} %${currentStep === null ? '' : `, ${currentStep}`}`;
}

/** CHANGES_REQUESTED → changes requested */
export function words(value: string): string {
  return value.toLowerCase().replaceAll('_', ' ');
}

export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

const units = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** How long ago something was: `now`, `5 s`, `3 min`, `2 h`, `4 d`. */
export function age(since: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(since)) / 1_000);
  const [size, unit] = units.find(([each]) => seconds >= each) ?? [1, ''];
  return unit === '' ? 'now' : `${Math.floor(seconds / size)} ${unit}`;
}
