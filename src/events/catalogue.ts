/**
 * The kinds of event. Adding one: an entry here, its Pothos type in schema/, its lines in schema.graphql.
 *
 * A kind is about a *subject*: an entity whose state it changes (pull request, workflow …) or a content that leaves no
 * state (file change, announcement …). The subject knows the shape, the id, and the topics that its events are filed under.
 */
import type { z } from 'zod';
import * as states from './states.ts';
import type { Lifetime, Subject } from './subject.ts';
import { topic, type Topic } from './topics.ts';

const subject = <State extends object>(definition: Subject<State>): Subject<State> => definition;
const kept = (): Lifetime => 'kept';
const repoTopics = (state: { readonly repoId: string | null }): Topic[] =>
  state.repoId === null ? [] : [topic('repo', state.repoId)];
/** `done` of `total` in percent, with one decimal; nothing where that can't be told. */
const share = (done: unknown, total: unknown): { percent?: number } => {
  if (typeof done !== 'number' || typeof total !== 'number' || total <= 0) return {};
  return { percent: Math.min(100, Math.round((done / total) * 1_000) / 10) };
};
const finished = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);

export const subjects = {
  project: subject<states.Project>({
    payload: 'ProjectUpdate',
    schema: states.Project,
    id: (state) => state.id,
    projectId: (state) => state.id,
    topics: (state) =>
      state.repositories.flatMap((repository) => [
        topic('repo', repository.id),
        topic('repo-name', repository.fullName.toLowerCase()),
        ...(repository.githubId === null ? [] : [topic('github', repository.githubId)]),
      ]),
    lifetime: kept,
    initial: { status: 'ACTIVE' },
    kind: (before) => (before === undefined ? 'project.created' : 'project.updated'),
  }),
  pullRequest: subject<states.PullRequest>({
    payload: 'PrStateChange',
    schema: states.PullRequest,
    id: (state) => pullRequestId(state.repoId, state.number),
    key: ['repoId', 'number'],
    projectId: (state) => state.projectId,
    topics: (state) => [
      topic('repo', state.repoId),
      topic('pr', pullRequestId(state.repoId, state.number)),
      ...(state.headSha === null ? [] : [topic('commit', state.headSha)]),
    ],
    lifetime: kept,
    initial: { state: 'OPEN' },
    internal: ['checks', 'reviews'],
    kind: (before, after) => {
      if (before === undefined) return 'pr.created';
      return before.state === 'OPEN' && after.state !== 'OPEN' ? 'pr.closed' : 'pr.updated';
    },
  }),
  issue: subject<states.Issue>({
    payload: 'IssueUpdate',
    schema: states.Issue,
    id: (state) => state.id,
    projectId: (state) => state.projectId,
    topics: (state) => [...repoTopics(state), topic('issue', state.id)],
    lifetime: kept,
    initial: { state: 'OPEN' },
    kind: (before, after) => {
      if (before === undefined) return 'issue.created';
      if (before.state === 'OPEN' && after.state === 'CLOSED') return 'issue.closed';
      const assigned = after.assignees.join('\n') !== before.assignees.join('\n');
      return assigned ? 'issue.assigned' : 'issue.updated';
    },
  }),
  workflow: subject<states.Workflow>({
    payload: 'WorkflowProgress',
    schema: states.Workflow,
    id: (state) => state.id,
    projectId: (state) => state.projectId,
    topics: (state) => [...repoTopics(state), topic('workflow', state.id)],
    lifetime: () => 'log',
    initial: { status: 'RUNNING', percent: 0 },
    derive: (state, patch) => {
      if (typeof patch['percent'] === 'number') return {};
      if (state.status === 'COMPLETED') return { percent: 100 };
      if (patch['step'] !== undefined || patch['totalSteps'] !== undefined)
        return share(state.step, state.totalSteps);
      // Started again.
      return patch['status'] !== undefined && !finished.has(state.status) && state.percent === 100
        ? { percent: 0 }
        : {};
    },
    kind: (before, after) => {
      // What is told after the end, such as the last lines of output, doesn't end it again.
      if (finished.has(after.status) && before?.status === after.status) return 'workflow.progress';
      if (after.status === 'COMPLETED') return 'workflow.completed';
      if (finished.has(after.status)) return 'workflow.failed';
      return before === undefined || finished.has(before.status) ? 'workflow.started' : 'workflow.progress';
    },
  }),
  agent: subject<states.Agent>({
    payload: 'AgentStatusChange',
    schema: states.Agent,
    id: (state) => state.id,
    projectId: (state) => state.projectId,
    topics: (state) => [topic('agent', state.id)],
    lifetime: kept,
    kind: (before, after) => {
      if (after.status === 'OFFLINE') return 'agent.disconnected';
      return before === undefined || before.status === 'OFFLINE' ? 'agent.connected' : 'agent.status_changed';
    },
  }),
  suggestion: subject<states.AiSuggestion>({
    payload: 'AiSuggestionMade',
    schema: states.AiSuggestion,
    id: (state) => state.id,
    projectId: (state) => state.projectId,
    topics: (state) => [topic('target', `${state.targetType}/${state.targetId}`)],
    lifetime: () => 'log',
    initial: { severity: 'INFO', confidence: 0.5 },
    kind: () => 'ai.suggestion',
  }),
  analysis: subject<states.AiAnalysis>({
    payload: 'AiAnalysisComplete',
    schema: states.AiAnalysis,
    renamed: { id: 'analysisId' },
    projectId: (state) => state.projectId,
    topics: (state) => [topic('target', `${state.targetType}/${state.targetId}`)],
    kind: () => 'ai.analysis_complete',
  }),
  alert: subject<states.Alert>({
    payload: 'AlertTriggered',
    schema: states.Alert,
    id: (state) => state.id,
    projectId: (state) => state.projectId,
    lifetime: () => 'log',
    initial: { severity: 'MEDIUM', status: 'OPEN' },
    kind: () => 'alert.triggered',
  }),
  risk: subject<states.Risk>({
    payload: 'RiskAlert',
    schema: states.Risk,
    id: (state) => state.id,
    projectId: (state) => state.projectId,
    lifetime: () => 'log',
    kind: () => 'risk.alert',
  }),
  fileChange: subject<states.FileChange>({
    payload: 'FileChange',
    schema: states.FileChange,
    projectId: (state) => state.projectId,
    topics: repoTopics,
    kind: () => 'file.changed',
  }),
  autoCommit: subject<states.AutoCommit>({
    payload: 'AutoCommit',
    schema: states.AutoCommit,
    renamed: { id: 'commitId' },
    id: (state) => state.id,
    projectId: (state) => state.projectId,
    topics: repoTopics,
    lifetime: () => 'log',
    derive: (state, patch) => {
      if (typeof patch['success'] === 'boolean' || patch['phase'] === undefined) return {};
      return { success: state.phase === 'START' ? null : state.phase === 'RESULT' };
    },
    kind: () => 'commit.auto',
  }),
  progress: subject<states.Progress>({
    payload: 'ProgressUpdate',
    schema: states.Progress,
    id: (state) => state.projectId,
    key: ['projectId'],
    projectId: (state) => state.projectId,
    lifetime: kept,
    derive: (state, patch) => {
      return typeof patch['percent'] === 'number' ? {} : share(state.completedTasks, state.totalTasks);
    },
    kind: () => 'progress.updated',
  }),
  announcement: subject<states.Announcement>({
    payload: 'Announcement',
    schema: states.Announcement,
    projectId: () => null,
    topics: () => ['announcements'],
    initial: { severity: 'INFO' },
    kind: () => 'announcement',
  }),
  notification: subject<states.Notification>({
    payload: 'Notification',
    schema: states.Notification,
    projectId: (state) => state.projectId,
    userId: (state) => state.userId,
    topics: (state) => [topic('user', state.userId)],
    initial: { severity: 'INFO' },
    kind: () => 'notification',
  }),
  member: subject<states.Member>({
    payload: 'PresenceChange',
    schema: states.Member,
    // A room can't hold a space.
    id: (state) => `${state.room} ${state.userId}`,
    key: ['room', 'userId'],
    projectId: (state) => roomProject(state.room),
    topics: (state) => [topic('room', state.room)],
    // Who is there stays, however long ago that was said.
    lifetime: (state) => (state.status === 'OFFLINE' ? 'log' : 'kept'),
    kind: () => 'presence.changed',
  }),
} as const;

export type SubjectName = keyof typeof subjects;
export type StateOf<Name extends SubjectName> = z.infer<(typeof subjects)[Name]['schema']>;

/** Every kind of event, by its dotted name, with the subject that it is about. */
export const kinds = {
  'project.created': 'project',
  'project.updated': 'project',
  'project.deleted': 'project',
  'agent.connected': 'agent',
  'agent.disconnected': 'agent',
  'agent.status_changed': 'agent',
  'workflow.started': 'workflow',
  'workflow.progress': 'workflow',
  'workflow.completed': 'workflow',
  'workflow.failed': 'workflow',
  'pr.created': 'pullRequest',
  'pr.updated': 'pullRequest',
  'pr.closed': 'pullRequest',
  'issue.created': 'issue',
  'issue.updated': 'issue',
  'issue.closed': 'issue',
  'issue.deleted': 'issue',
  'issue.commented': 'issue',
  'issue.assigned': 'issue',
  'ai.suggestion': 'suggestion',
  'ai.analysis_complete': 'analysis',
  'alert.triggered': 'alert',
  'risk.alert': 'risk',
  'file.changed': 'fileChange',
  'commit.auto': 'autoCommit',
  'progress.updated': 'progress',
  announcement: 'announcement',
  notification: 'notification',
  'presence.changed': 'member',
} as const satisfies Record<string, SubjectName>;

export type Kind = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as Kind[];

/** Kinds after which the entity exists no more. */
export const deletions: ReadonlySet<Kind> = new Set<Kind>(['project.deleted', 'issue.deleted']);

export function subjectOf(kind: Kind): Subject {
  return subjects[kinds[kind]] as unknown as Subject;
}

/** Whether this server knows it: while servers are replaced one by one, newer ones may write others. */
export function isKnownKind(kind: Kind): boolean {
  return Object.hasOwn(kinds, kind);
}

/** The kinds that one GraphQL payload type stands for. */
export function kindsOf(name: SubjectName): Kind[] {
  return kindNames.filter((kind) => kinds[kind] === name);
}

/** The value of the GraphQL enum EventType for a kind: `pr.created` is PR_CREATED. */
export function enumName(kind: Kind): string {
  return kind.replaceAll('.', '_').toUpperCase();
}

const kindsByEnumName = new Map<string, Kind>(kindNames.map((kind) => [enumName(kind), kind]));

/** The kind that a value of EventType stands for. */
export function kindNamed(name: string): Kind | undefined {
  return kindsByEnumName.get(name);
}

export function pullRequestId(repoId: string, number: number): string {
  return `${repoId}#${number}`;
}

/** The project whose readers may enter a room: rooms named `project:ID` belong to it, others to the whole workspace. */
export function roomProject(room: string): string | null {
  return room.startsWith('project:') ? room.slice('project:'.length) : null;
}
