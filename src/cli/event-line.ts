/** What `tail` asks of an event, and how it shows it on a line. */
import { enumName, kindNames, type Kind } from '../events/catalogue.ts';
import { plain, shortened, type Colour, type Paint } from './terminal.ts';

export const eventFields = `
  __typename cursor type reason projectId actor source occurredAt recordedAt changedFields
  ... on ProjectUpdate { project { name status } }
  ... on PrStateChange { pullRequest { repoId number title state isDraft reviewDecision pipelineState } }
  ... on IssueUpdate { issue { id number title state } comment { author body } }
  ... on WorkflowProgress { workflow { id name status percent step totalSteps currentStep error } logs }
  ... on AgentStatusChange { agent { id status availability } }
  ... on AiSuggestionMade { suggestion { title targetType targetId severity } }
  ... on AiAnalysisComplete { analysisId targetType targetId summary }
  ... on AlertTriggered { alert { id rule message severity status } }
  ... on RiskAlert { risk { id message severity } }
  ... on FileChange { repoId ref files { path changeType } }
  ... on AutoCommit { commitId repoId phase error commitMessage: message }
  ... on ProgressUpdate { percent completedTasks totalTasks }
  ... on Announcement { title message severity }`;

type Fields = Readonly<Record<string, unknown>>;

/** An event as the server gives it. */
export interface ShownEvent extends Fields {
  readonly __typename: string;
  readonly cursor: string;
  readonly type: string;
  readonly reason: string;
  readonly projectId: string | null;
  readonly actor: string | null;
  readonly occurredAt: string;
}

const kindsByType = new Map<string, Kind>(kindNames.map((kind) => [enumName(kind), kind]));

const colours: Readonly<Record<string, Colour>> = {
  project: 'blue',
  pr: 'green',
  issue: 'yellow',
  workflow: 'cyan',
  agent: 'magenta',
  ai: 'magenta',
  alert: 'red',
  risk: 'red',
  progress: 'cyan',
  announcement: 'bold',
};

/** Time, kind, project, actor and what happened. `width`: characters that a line may have. */
export function eventLine(
  event: ShownEvent,
  {
    paint,
    time,
    width = Infinity,
  }: { readonly paint: Paint; readonly time: string; readonly width?: number },
): string {
  // A server may know kinds that this program doesn't.
  const kind = kindsByType.get(event.type) ?? event.type.toLowerCase();
  const [family = ''] = kind.split('.');
  const columns = [
    kind.padEnd(20),
    plain(event.projectId ?? '-').padEnd(14),
    plain(event.actor ?? '-').padEnd(14),
  ];
  const taken = [time, ...columns].reduce((sum, text) => sum + Array.from(text).length + 2, 0);
  const said = shortened(plain(describe(event)), Math.max(20, width - taken));
  const isBad = event.type === 'WORKFLOW_FAILED' || isGrave(event);
  const colour = isBad ? 'red' : (colours[family] ?? 'grey');
  return [
    paint('grey', time),
    paint(colour, columns[0]!),
    columns[1],
    paint('grey', columns[2]!),
    isBad ? paint('red', said) : said,
  ].join('  ');
}

function isGrave(event: ShownEvent): boolean {
  const about = (event['alert'] ?? event['risk'] ?? event['suggestion'] ?? event) as Fields;
  return about['severity'] === 'HIGH' || about['severity'] === 'CRITICAL';
}

const isThere = (value: unknown): boolean => value !== null && value !== undefined && value !== '';
/** What is there of some parts, with spaces between. */
const words = (...parts: readonly unknown[]): string => parts.filter(isThere).map(String).join(' ');
const within = (value: unknown): string => (isThere(value) ? `(${String(value)})` : '');

function describe(event: ShownEvent): string {
  const part = (name: string): Fields => (event[name] ?? {}) as Fields;
  switch (event.__typename) {
    case 'ProjectUpdate':
      return words(part('project')['name'], within(part('project')['status']));
    case 'PrStateChange': {
      const { repoId, number, title, state, isDraft, reviewDecision, pipelineState } = part('pullRequest');
      const pipeline = isThere(pipelineState) ? `pipeline ${String(pipelineState)}` : '';
      const states = words(isDraft === true ? 'DRAFT' : state, reviewDecision, pipeline);
      return words(`${String(repoId)}#${String(number)}`, title, within(states), event.reason);
    }
    case 'IssueUpdate': {
      const { id, number, title, state } = part('issue');
      const { author, body } = part('comment');
      const comment = isThere(body) ? `${words(author ?? 'somebody')}: ${words(body)}` : '';
      return words(isThere(number) ? `#${String(number)}` : id, title, within(state), comment);
    }
    case 'WorkflowProgress': {
      const { name, step, total, status, percent, error } = workflowOf(event);
      return words(name, `${percent} %`, within(total), step, status === 'RUNNING' ? '' : status, error);
    }
    case 'AgentStatusChange':
      return words(part('agent')['id'], part('agent')['status']);
    case 'AiSuggestionMade': {
      const { title, targetType, targetId, severity } = part('suggestion');
      return words(severity, title, within(words(targetType, targetId)));
    }
    case 'AiAnalysisComplete':
      return words(event['summary'], within(words(event['targetType'], event['targetId'])));
    case 'AlertTriggered':
      return words(part('alert')['severity'], part('alert')['message'], within(part('alert')['status']));
    case 'RiskAlert':
      return words(part('risk')['severity'], part('risk')['message']);
    case 'FileChange': {
      const files = (event['files'] ?? []) as readonly {
        readonly path: string;
        readonly changeType: string;
      }[];
      const [first] = files;
      const others = files.length > 1 ? `and ${files.length - 1} more` : '';
      return words(event['repoId'], event['ref'], first?.changeType, first?.path, others);
    }
    case 'AutoCommit':
      return words(event['commitId'], event['phase'], event['commitMessage'], event['error']);
    case 'ProgressUpdate':
      return words(`${String(event['percent'])} %`, within(taskCount(event)));
    case 'Announcement':
      return words(isThere(event['title']) ? `${String(event['title'])}:` : '', event['message']);
    default:
      return event.reason;
  }
}

function taskCount({ completedTasks, totalTasks }: Fields): string {
  return isThere(completedTasks) && isThere(totalTasks)
    ? `${String(completedTasks)} of ${String(totalTasks)} tasks`
    : '';
}

/** A workflow's progress as texts. */
export interface WorkflowLine {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly percent: number;
  /** `2/4`, where that is known. */
  readonly total: string;
  readonly step: string;
  readonly error: string;
}

export function workflowOf(event: ShownEvent): WorkflowLine {
  const { id, name, status, percent, step, totalSteps, currentStep, error } = event['workflow'] as Fields;
  return {
    id: String(id),
    name: plain(words(name ?? id)),
    status: String(status),
    percent: Number(percent),
    total: isThere(step) && isThere(totalSteps) ? `${String(step)}/${String(totalSteps)}` : '',
    step: plain(words(currentStep)),
    error: plain(words(error)),
  };
}
