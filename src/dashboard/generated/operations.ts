/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** What an agent is doing. */
export type AgentStatus =
  /** At work. */
  | 'BUSY'
  /** In trouble. */
  | 'ERROR'
  /** There, and without work. */
  | 'IDLE'
  /** Gone. */
  | 'OFFLINE'
  /** There, and free. */
  | 'ONLINE';

/** Whether an alert still needs somebody. */
export type AlertStatus =
  /** Somebody said that it doesn't matter. */
  | 'DISMISSED'
  /** It does. */
  | 'OPEN'
  /** It is mended. */
  | 'RESOLVED';

/** How far an automatic commit is. */
export type AutoCommitPhase =
  /** It failed. */
  | 'ERROR'
  /** It ended; `success` tells how. */
  | 'RESULT'
  /** It started. */
  | 'START';

/** Why an event was sent. */
export type ChangeReason =
  /** Assignees changed. */
  | 'ASSIGNEES'
  /** A comment was written, edited or deleted. */
  | 'COMMENT'
  /** New commits. */
  | 'COMMITS'
  /** It was deleted. */
  | 'DELETED'
  /** Turned into a draft, or ready for review. */
  | 'DRAFT'
  /** Title, body or base were edited. */
  | 'EDITED'
  /** An AI analysis of it is finished. */
  | 'INSIGHTS'
  /** Labels changed. */
  | 'LABELS'
  /** The conversation was locked, unlocked, pinned or unpinned. */
  | 'LOCK'
  /** The milestone changed. */
  | 'MILESTONE'
  /** It now belongs to another project, with its repository. Told to the readers of that project; those of the project that it left are told by their project's update, with the reason REPOSITORY. */
  | 'MOVED'
  /** Opened. */
  | 'OPENED'
  /** The pipeline's state changed. */
  | 'PIPELINE'
  /** Progress of something that runs. */
  | 'PROGRESS'
  /** A service reported the state; `changedFields` tells what is new. */
  | 'REPORTED'
  /** A repository was registered, renamed, archived, moved or removed. */
  | 'REPOSITORY'
  /** A review was submitted or dismissed. */
  | 'REVIEW'
  /** Reviewers were asked or removed. */
  | 'REVIEWERS'
  /** Nothing happened: this is the current state, at the start of a subscription with `snapshot: true`. */
  | 'SNAPSHOT'
  /** Closed, merged or reopened. */
  | 'STATE';

/** What happened to a comment. */
export type CommentAction =
  /** It was written. */
  | 'CREATED'
  /** It was deleted. */
  | 'DELETED'
  /** It was edited. */
  | 'EDITED';

/** The kind of an event. */
export type EventType =
  /** An agent came online. */
  | 'AGENT_CONNECTED'
  /** An agent went offline. */
  | 'AGENT_DISCONNECTED'
  /** An agent's status, availability or metadata changed. */
  | 'AGENT_STATUS_CHANGED'
  /** An AI analysis is finished. */
  | 'AI_ANALYSIS_COMPLETE'
  /** An AI analyser suggests something. */
  | 'AI_SUGGESTION'
  /** A rule matched or a threshold was passed; also when such an alert is resolved or dismissed. */
  | 'ALERT_TRIGGERED'
  /** A message to everybody in the workspace. */
  | 'ANNOUNCEMENT'
  /** An automatic commit started, ended or failed. */
  | 'COMMIT_AUTO'
  /** Files were created, modified, deleted or moved. */
  | 'FILE_CHANGED'
  /** An issue's assignees changed. */
  | 'ISSUE_ASSIGNED'
  /** An issue was closed. */
  | 'ISSUE_CLOSED'
  /** A comment on an issue was written, edited or deleted. */
  | 'ISSUE_COMMENTED'
  /** An issue was opened, or seen for the first time. */
  | 'ISSUE_CREATED'
  /** An issue was deleted or moved away. */
  | 'ISSUE_DELETED'
  /** An issue changed or was reopened. */
  | 'ISSUE_UPDATED'
  /** A message to one user. Not part of `events`. */
  | 'NOTIFICATION'
  /** Somebody's presence in a room changed. Not part of `events`. */
  | 'PRESENCE_CHANGED'
  /** A project's progress in tasks. */
  | 'PROGRESS_UPDATED'
  /** A project was seen for the first time. */
  | 'PROJECT_CREATED'
  /** A project was deleted, and with it the state of everything in it. */
  | 'PROJECT_DELETED'
  /** A project's data or repositories changed. */
  | 'PROJECT_UPDATED'
  /** A pull request was closed or merged. */
  | 'PR_CLOSED'
  /** A pull request was opened, or seen for the first time. */
  | 'PR_CREATED'
  /** A pull request changed; `reason` tells what. */
  | 'PR_UPDATED'
  /** A project is at risk. */
  | 'RISK_ALERT'
  /** A workflow ended well. */
  | 'WORKFLOW_COMPLETED'
  /** A workflow failed or was cancelled. */
  | 'WORKFLOW_FAILED'
  /** A workflow got further, or printed something. */
  | 'WORKFLOW_PROGRESS'
  /** A workflow was queued or started. */
  | 'WORKFLOW_STARTED';

/** What happened to a file. */
export type FileChangeType =
  /** It is new. */
  | 'CREATED'
  /** It is gone. */
  | 'DELETED'
  /** Its content changed. */
  | 'MODIFIED'
  /** It has another path. */
  | 'MOVED';

/** Whether somebody is there. */
export type PresenceStatus =
  /** There, but not looking. */
  | 'AWAY'
  /** There, but not to be disturbed. */
  | 'BUSY'
  /** Gone. */
  | 'OFFLINE'
  /** There. */
  | 'ONLINE';

/** What a project is doing. */
export type ProjectStatus =
  /** Work goes on. */
  | 'ACTIVE'
  /** Kept to be read only. */
  | 'ARCHIVED'
  /** Work is done. */
  | 'COMPLETED'
  /** Work rests. */
  | 'PAUSED';

/** What the reviews of a pull request say together. */
export type PullRequestReviewDecision =
  /** Approved. */
  | 'APPROVED'
  /** A reviewer asks for changes. */
  | 'CHANGES_REQUESTED'
  /** A review is still needed. */
  | 'REVIEW_REQUIRED';

/** State of a pull request, as GitHub names it. */
export type PullRequestState =
  /** Closed without a merge. */
  | 'CLOSED'
  /** Merged. */
  | 'MERGED'
  /** Open. */
  | 'OPEN';

/** How urgent something is, in rising order. */
export type Severity =
  /** Needs somebody now. */
  | 'CRITICAL'
  /** Should be looked at soon. */
  | 'HIGH'
  /** Good to know. */
  | 'INFO'
  /** Can wait. */
  | 'LOW'
  /** Should be looked at. */
  | 'MEDIUM';

/** State of a commit's checks, as GitHub names it. */
export type StatusState =
  /** A check could not run. */
  | 'ERROR'
  /** A check is expected, and not there yet. */
  | 'EXPECTED'
  /** A check failed. */
  | 'FAILURE'
  /** Checks are running. */
  | 'PENDING'
  /** All is well. */
  | 'SUCCESS';

/** What a suggestion or an analysis is about. */
export type TargetType =
  /** An agent, by its id. */
  | 'AGENT'
  /** A commit, by its hash. */
  | 'COMMIT'
  /** A file, by its path. */
  | 'FILE'
  /** An issue, by its id. */
  | 'ISSUE'
  /** A project, by its id. */
  | 'PROJECT'
  /** A pull request, by repository id, `#` and number. */
  | 'PULL_REQUEST'
  /** A repository, by its id. */
  | 'REPOSITORY'
  /** A workflow, by its id. */
  | 'WORKFLOW';

/** How far a workflow is. */
export type WorkflowStatus =
  /** Stopped before its end. */
  | 'CANCELLED'
  /** Ended well. */
  | 'COMPLETED'
  /** Ended badly. */
  | 'FAILED'
  /** Waiting to run. */
  | 'QUEUED'
  /** Running. */
  | 'RUNNING';

export type PullRequestRowFragment = { repoId: string, number: number, projectId: string, title: string | null, author: string | null, url: string | null, state: PullRequestState, isDraft: boolean | null, reviewDecision: PullRequestReviewDecision | null, pipelineState: StatusState | null };

export type WorkflowRowFragment = { id: string, projectId: string, name: string | null, status: WorkflowStatus, percent: number, step: number | null, currentStep: string | null, totalSteps: number | null, url: string | null, error: string | null };

export type AgentRowFragment = { id: string, projectId: string | null, name: string | null, status: AgentStatus, availability: number | null };

export type AlertRowFragment = { id: string, projectId: string | null, rule: string, message: string, severity: Severity, threshold: number | null, value: number | null, status: AlertStatus, url: string | null };

export type RiskRowFragment = { id: string, projectId: string, severity: Severity, message: string };

export type SuggestionRowFragment = { id: string, projectId: string, targetType: TargetType, targetId: string, category: string, title: string, severity: Severity, confidence: number, suggestedAction: string | null };

type EventRow_AgentStatusChange_Fragment = { __typename: 'AgentStatusChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, agent: { id: string, projectId: string | null, name: string | null, status: AgentStatus, availability: number | null } };

type EventRow_AiAnalysisComplete_Fragment = { __typename: 'AiAnalysisComplete', targetId: string, summary: string | null, suggestionCount: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> };

type EventRow_AiSuggestionMade_Fragment = { __typename: 'AiSuggestionMade', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, suggestion: { id: string, projectId: string, targetType: TargetType, targetId: string, category: string, title: string, severity: Severity, confidence: number, suggestedAction: string | null } };

type EventRow_AlertTriggered_Fragment = { __typename: 'AlertTriggered', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, alert: { id: string, projectId: string | null, rule: string, message: string, severity: Severity, threshold: number | null, value: number | null, status: AlertStatus, url: string | null } };

type EventRow_Announcement_Fragment = { __typename: 'Announcement', title: string | null, message: string, severity: Severity, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> };

type EventRow_AutoCommit_Fragment = { __typename: 'AutoCommit', phase: AutoCommitPhase, success: boolean | null, changesCount: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, commitMessage: string | null, commitError: string | null };

type EventRow_FileChange_Fragment = { __typename: 'FileChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, files: Array<{ path: string, changeType: FileChangeType }> };

type EventRow_IssueUpdate_Fragment = { __typename: 'IssueUpdate', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, issue: { id: string, number: number | null, title: string | null, assignees: Array<string>, labels: Array<string> }, comment: { author: string | null, body: string, action: CommentAction } | null };

type EventRow_Notification_Fragment = { __typename: 'Notification', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> };

type EventRow_PrStateChange_Fragment = { __typename: 'PrStateChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, pullRequest: { repoId: string, number: number, projectId: string, title: string | null, author: string | null, url: string | null, state: PullRequestState, isDraft: boolean | null, reviewDecision: PullRequestReviewDecision | null, pipelineState: StatusState | null } };

type EventRow_PresenceChange_Fragment = { __typename: 'PresenceChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> };

type EventRow_ProgressUpdate_Fragment = { __typename: 'ProgressUpdate', percent: number, completedTasks: number | null, totalTasks: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> };

type EventRow_ProjectUpdate_Fragment = { __typename: 'ProjectUpdate', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, project: { id: string, name: string, status: ProjectStatus } };

type EventRow_RiskAlert_Fragment = { __typename: 'RiskAlert', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, risk: { id: string, projectId: string, severity: Severity, message: string } };

type EventRow_WorkflowProgress_Fragment = { __typename: 'WorkflowProgress', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, workflow: { id: string, projectId: string, name: string | null, status: WorkflowStatus, percent: number, step: number | null, currentStep: string | null, totalSteps: number | null, url: string | null, error: string | null } };

export type EventRowFragment =
  | EventRow_AgentStatusChange_Fragment
  | EventRow_AiAnalysisComplete_Fragment
  | EventRow_AiSuggestionMade_Fragment
  | EventRow_AlertTriggered_Fragment
  | EventRow_Announcement_Fragment
  | EventRow_AutoCommit_Fragment
  | EventRow_FileChange_Fragment
  | EventRow_IssueUpdate_Fragment
  | EventRow_Notification_Fragment
  | EventRow_PrStateChange_Fragment
  | EventRow_PresenceChange_Fragment
  | EventRow_ProgressUpdate_Fragment
  | EventRow_ProjectUpdate_Fragment
  | EventRow_RiskAlert_Fragment
  | EventRow_WorkflowProgress_Fragment
;

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { userId: string | null, workspace: string, scopes: Array<string> }, serverInfo: { version: string, time: string }, events: { headCursor: string, nodes: Array<
      | { __typename: 'AgentStatusChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, agent: { id: string, projectId: string | null, name: string | null, status: AgentStatus, availability: number | null } }
      | { __typename: 'AiAnalysisComplete', targetId: string, summary: string | null, suggestionCount: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
      | { __typename: 'AiSuggestionMade', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, suggestion: { id: string, projectId: string, targetType: TargetType, targetId: string, category: string, title: string, severity: Severity, confidence: number, suggestedAction: string | null } }
      | { __typename: 'AlertTriggered', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, alert: { id: string, projectId: string | null, rule: string, message: string, severity: Severity, threshold: number | null, value: number | null, status: AlertStatus, url: string | null } }
      | { __typename: 'Announcement', title: string | null, message: string, severity: Severity, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
      | { __typename: 'AutoCommit', phase: AutoCommitPhase, success: boolean | null, changesCount: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, commitMessage: string | null, commitError: string | null }
      | { __typename: 'FileChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, files: Array<{ path: string, changeType: FileChangeType }> }
      | { __typename: 'IssueUpdate', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, issue: { id: string, number: number | null, title: string | null, assignees: Array<string>, labels: Array<string> }, comment: { author: string | null, body: string, action: CommentAction } | null }
      | { __typename: 'Notification', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
      | { __typename: 'PrStateChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, pullRequest: { repoId: string, number: number, projectId: string, title: string | null, author: string | null, url: string | null, state: PullRequestState, isDraft: boolean | null, reviewDecision: PullRequestReviewDecision | null, pipelineState: StatusState | null } }
      | { __typename: 'PresenceChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
      | { __typename: 'ProgressUpdate', percent: number, completedTasks: number | null, totalTasks: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
      | { __typename: 'ProjectUpdate', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, project: { id: string, name: string, status: ProjectStatus } }
      | { __typename: 'RiskAlert', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, risk: { id: string, projectId: string, severity: Severity, message: string } }
      | { __typename: 'WorkflowProgress', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, workflow: { id: string, projectId: string, name: string | null, status: WorkflowStatus, percent: number, step: number | null, currentStep: string | null, totalSteps: number | null, url: string | null, error: string | null } }
    > } };

export type StateQueryVariables = Exact<{ [key: string]: never; }>;


export type StateQuery = { projects: { nodes: Array<{ id: string, name: string }>, pageInfo: { hasNextPage: boolean } }, pullRequests: { nodes: Array<{ repoId: string, number: number, projectId: string, title: string | null, author: string | null, url: string | null, state: PullRequestState, isDraft: boolean | null, reviewDecision: PullRequestReviewDecision | null, pipelineState: StatusState | null }>, pageInfo: { hasNextPage: boolean } }, workflows: { nodes: Array<{ id: string, projectId: string, name: string | null, status: WorkflowStatus, percent: number, step: number | null, currentStep: string | null, totalSteps: number | null, url: string | null, error: string | null }>, pageInfo: { hasNextPage: boolean } }, agents: { nodes: Array<{ id: string, projectId: string | null, name: string | null, status: AgentStatus, availability: number | null }>, pageInfo: { hasNextPage: boolean } }, alerts: { nodes: Array<{ id: string, projectId: string | null, rule: string, message: string, severity: Severity, threshold: number | null, value: number | null, status: AlertStatus, url: string | null }>, pageInfo: { hasNextPage: boolean } }, risks: { nodes: Array<{ id: string, projectId: string, severity: Severity, message: string }>, pageInfo: { hasNextPage: boolean } }, aiSuggestions: { nodes: Array<{ id: string, projectId: string, targetType: TargetType, targetId: string, category: string, title: string, severity: Severity, confidence: number, suggestedAction: string | null }>, pageInfo: { hasNextPage: boolean } } };

export type EverythingSubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type EverythingSubscription = { events:
    | { __typename: 'AgentStatusChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, agent: { id: string, projectId: string | null, name: string | null, status: AgentStatus, availability: number | null } }
    | { __typename: 'AiAnalysisComplete', targetId: string, summary: string | null, suggestionCount: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
    | { __typename: 'AiSuggestionMade', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, suggestion: { id: string, projectId: string, targetType: TargetType, targetId: string, category: string, title: string, severity: Severity, confidence: number, suggestedAction: string | null } }
    | { __typename: 'AlertTriggered', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, alert: { id: string, projectId: string | null, rule: string, message: string, severity: Severity, threshold: number | null, value: number | null, status: AlertStatus, url: string | null } }
    | { __typename: 'Announcement', title: string | null, message: string, severity: Severity, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
    | { __typename: 'AutoCommit', phase: AutoCommitPhase, success: boolean | null, changesCount: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, commitMessage: string | null, commitError: string | null }
    | { __typename: 'FileChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, files: Array<{ path: string, changeType: FileChangeType }> }
    | { __typename: 'IssueUpdate', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, issue: { id: string, number: number | null, title: string | null, assignees: Array<string>, labels: Array<string> }, comment: { author: string | null, body: string, action: CommentAction } | null }
    | { __typename: 'Notification', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
    | { __typename: 'PrStateChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, pullRequest: { repoId: string, number: number, projectId: string, title: string | null, author: string | null, url: string | null, state: PullRequestState, isDraft: boolean | null, reviewDecision: PullRequestReviewDecision | null, pipelineState: StatusState | null } }
    | { __typename: 'PresenceChange', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
    | { __typename: 'ProgressUpdate', percent: number, completedTasks: number | null, totalTasks: number | null, cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string> }
    | { __typename: 'ProjectUpdate', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, project: { id: string, name: string, status: ProjectStatus } }
    | { __typename: 'RiskAlert', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, risk: { id: string, projectId: string, severity: Severity, message: string } }
    | { __typename: 'WorkflowProgress', cursor: string, type: EventType, reason: ChangeReason, projectId: string | null, actor: string | null, source: string, occurredAt: string, recordedAt: string, changedFields: Array<string>, workflow: { id: string, projectId: string, name: string | null, status: WorkflowStatus, percent: number, step: number | null, currentStep: string | null, totalSteps: number | null, url: string | null, error: string | null } }
   };

export type RoomSubscriptionVariables = Exact<{
  room: string;
}>;


export type RoomSubscription = { presence: { userId: string, status: PresenceStatus, activity: string | null, lastSeenAt: string } };

export type EnterRoomMutationVariables = Exact<{
  room: string;
}>;


export type EnterRoomMutation = { setPresence: { expiresAt: string | null } };

export type LeaveRoomMutationVariables = Exact<{
  room: string;
}>;


export type LeaveRoomMutation = { leaveRoom: { left: boolean } };

export type StatsQueryVariables = Exact<{ [key: string]: never; }>;


export type StatsQuery = { stats: { uptimeSeconds: number, sharedOperations: number, eventsSeen: number, executions: number, deliveries: number, live: number, parked: number, spooled: number, delayP50: number | null, delayP99: number | null, logReads: number, logEvents: number, logBytes: number, headCursor: string, connections: Array<{ name: string, count: number }>, subscriptions: Array<{ name: string, count: number }>, transports: Array<{ name: string, count: number }>, topics: Array<{ name: string, count: number }> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const PullRequestRowFragmentDoc = new TypedDocumentString(`
    fragment PullRequestRow on PullRequest {
  repoId
  number
  projectId
  title
  author
  url
  state
  isDraft
  reviewDecision
  pipelineState
}
    `, {"fragmentName":"PullRequestRow"}) as unknown as TypedDocumentString<PullRequestRowFragment, unknown>;
export const WorkflowRowFragmentDoc = new TypedDocumentString(`
    fragment WorkflowRow on Workflow {
  id
  projectId
  name
  status
  percent
  step
  currentStep
  totalSteps
  url
  error
}
    `, {"fragmentName":"WorkflowRow"}) as unknown as TypedDocumentString<WorkflowRowFragment, unknown>;
export const AgentRowFragmentDoc = new TypedDocumentString(`
    fragment AgentRow on Agent {
  id
  projectId
  name
  status
  availability
}
    `, {"fragmentName":"AgentRow"}) as unknown as TypedDocumentString<AgentRowFragment, unknown>;
export const SuggestionRowFragmentDoc = new TypedDocumentString(`
    fragment SuggestionRow on AiSuggestion {
  id
  projectId
  targetType
  targetId
  category
  title
  severity
  confidence
  suggestedAction
}
    `, {"fragmentName":"SuggestionRow"}) as unknown as TypedDocumentString<SuggestionRowFragment, unknown>;
export const AlertRowFragmentDoc = new TypedDocumentString(`
    fragment AlertRow on Alert {
  id
  projectId
  rule
  message
  severity
  threshold
  value
  status
  url
}
    `, {"fragmentName":"AlertRow"}) as unknown as TypedDocumentString<AlertRowFragment, unknown>;
export const RiskRowFragmentDoc = new TypedDocumentString(`
    fragment RiskRow on Risk {
  id
  projectId
  severity
  message
}
    `, {"fragmentName":"RiskRow"}) as unknown as TypedDocumentString<RiskRowFragment, unknown>;
export const EventRowFragmentDoc = new TypedDocumentString(`
    fragment EventRow on Event {
  __typename
  cursor
  type
  reason
  projectId
  actor
  source
  occurredAt
  recordedAt
  changedFields
  ... on ProjectUpdate {
    project {
      id
      name
      status
    }
  }
  ... on PrStateChange {
    pullRequest {
      ...PullRequestRow
    }
  }
  ... on IssueUpdate {
    issue {
      id
      number
      title
      assignees
      labels
    }
    comment {
      author
      body
      action
    }
  }
  ... on WorkflowProgress {
    workflow {
      ...WorkflowRow
    }
  }
  ... on AgentStatusChange {
    agent {
      ...AgentRow
    }
  }
  ... on AiSuggestionMade {
    suggestion {
      ...SuggestionRow
    }
  }
  ... on AiAnalysisComplete {
    targetId
    summary
    suggestionCount
  }
  ... on AlertTriggered {
    alert {
      ...AlertRow
    }
  }
  ... on RiskAlert {
    risk {
      ...RiskRow
    }
  }
  ... on FileChange {
    files {
      path
      changeType
    }
  }
  ... on AutoCommit {
    phase
    success
    changesCount
    commitMessage: message
    commitError: error
  }
  ... on ProgressUpdate {
    percent
    completedTasks
    totalTasks
  }
  ... on Announcement {
    title
    message
    severity
  }
}
    fragment PullRequestRow on PullRequest {
  repoId
  number
  projectId
  title
  author
  url
  state
  isDraft
  reviewDecision
  pipelineState
}
fragment WorkflowRow on Workflow {
  id
  projectId
  name
  status
  percent
  step
  currentStep
  totalSteps
  url
  error
}
fragment AgentRow on Agent {
  id
  projectId
  name
  status
  availability
}
fragment AlertRow on Alert {
  id
  projectId
  rule
  message
  severity
  threshold
  value
  status
  url
}
fragment RiskRow on Risk {
  id
  projectId
  severity
  message
}
fragment SuggestionRow on AiSuggestion {
  id
  projectId
  targetType
  targetId
  category
  title
  severity
  confidence
  suggestedAction
}`, {"fragmentName":"EventRow"}) as unknown as TypedDocumentString<EventRowFragment, unknown>;
export const ViewerDocument = new TypedDocumentString(`
    query Viewer {
  viewer {
    userId
    workspace
    scopes
  }
  serverInfo {
    version
    time
  }
  events(last: 100) {
    nodes {
      ...EventRow
    }
    headCursor
  }
}
    fragment PullRequestRow on PullRequest {
  repoId
  number
  projectId
  title
  author
  url
  state
  isDraft
  reviewDecision
  pipelineState
}
fragment WorkflowRow on Workflow {
  id
  projectId
  name
  status
  percent
  step
  currentStep
  totalSteps
  url
  error
}
fragment AgentRow on Agent {
  id
  projectId
  name
  status
  availability
}
fragment AlertRow on Alert {
  id
  projectId
  rule
  message
  severity
  threshold
  value
  status
  url
}
fragment RiskRow on Risk {
  id
  projectId
  severity
  message
}
fragment SuggestionRow on AiSuggestion {
  id
  projectId
  targetType
  targetId
  category
  title
  severity
  confidence
  suggestedAction
}
fragment EventRow on Event {
  __typename
  cursor
  type
  reason
  projectId
  actor
  source
  occurredAt
  recordedAt
  changedFields
  ... on ProjectUpdate {
    project {
      id
      name
      status
    }
  }
  ... on PrStateChange {
    pullRequest {
      ...PullRequestRow
    }
  }
  ... on IssueUpdate {
    issue {
      id
      number
      title
      assignees
      labels
    }
    comment {
      author
      body
      action
    }
  }
  ... on WorkflowProgress {
    workflow {
      ...WorkflowRow
    }
  }
  ... on AgentStatusChange {
    agent {
      ...AgentRow
    }
  }
  ... on AiSuggestionMade {
    suggestion {
      ...SuggestionRow
    }
  }
  ... on AiAnalysisComplete {
    targetId
    summary
    suggestionCount
  }
  ... on AlertTriggered {
    alert {
      ...AlertRow
    }
  }
  ... on RiskAlert {
    risk {
      ...RiskRow
    }
  }
  ... on FileChange {
    files {
      path
      changeType
    }
  }
  ... on AutoCommit {
    phase
    success
    changesCount
    commitMessage: message
    commitError: error
  }
  ... on ProgressUpdate {
    percent
    completedTasks
    totalTasks
  }
  ... on Announcement {
    title
    message
    severity
  }
}`) as unknown as TypedDocumentString<ViewerQuery, ViewerQueryVariables>;
export const StateDocument = new TypedDocumentString(`
    query State {
  projects(first: 100) {
    nodes {
      id
      name
    }
    pageInfo {
      hasNextPage
    }
  }
  pullRequests(states: [OPEN], first: 100) {
    nodes {
      ...PullRequestRow
    }
    pageInfo {
      hasNextPage
    }
  }
  workflows(statuses: [QUEUED, RUNNING], first: 100) {
    nodes {
      ...WorkflowRow
    }
    pageInfo {
      hasNextPage
    }
  }
  agents(first: 100) {
    nodes {
      ...AgentRow
    }
    pageInfo {
      hasNextPage
    }
  }
  alerts(statuses: [OPEN], first: 100) {
    nodes {
      ...AlertRow
    }
    pageInfo {
      hasNextPage
    }
  }
  risks(first: 100) {
    nodes {
      ...RiskRow
    }
    pageInfo {
      hasNextPage
    }
  }
  aiSuggestions(first: 100) {
    nodes {
      ...SuggestionRow
    }
    pageInfo {
      hasNextPage
    }
  }
}
    fragment PullRequestRow on PullRequest {
  repoId
  number
  projectId
  title
  author
  url
  state
  isDraft
  reviewDecision
  pipelineState
}
fragment WorkflowRow on Workflow {
  id
  projectId
  name
  status
  percent
  step
  currentStep
  totalSteps
  url
  error
}
fragment AgentRow on Agent {
  id
  projectId
  name
  status
  availability
}
fragment AlertRow on Alert {
  id
  projectId
  rule
  message
  severity
  threshold
  value
  status
  url
}
fragment RiskRow on Risk {
  id
  projectId
  severity
  message
}
fragment SuggestionRow on AiSuggestion {
  id
  projectId
  targetType
  targetId
  category
  title
  severity
  confidence
  suggestedAction
}`) as unknown as TypedDocumentString<StateQuery, StateQueryVariables>;
export const EverythingDocument = new TypedDocumentString(`
    subscription Everything($after: Cursor) {
  events(after: $after) {
    ...EventRow
  }
}
    fragment PullRequestRow on PullRequest {
  repoId
  number
  projectId
  title
  author
  url
  state
  isDraft
  reviewDecision
  pipelineState
}
fragment WorkflowRow on Workflow {
  id
  projectId
  name
  status
  percent
  step
  currentStep
  totalSteps
  url
  error
}
fragment AgentRow on Agent {
  id
  projectId
  name
  status
  availability
}
fragment AlertRow on Alert {
  id
  projectId
  rule
  message
  severity
  threshold
  value
  status
  url
}
fragment RiskRow on Risk {
  id
  projectId
  severity
  message
}
fragment SuggestionRow on AiSuggestion {
  id
  projectId
  targetType
  targetId
  category
  title
  severity
  confidence
  suggestedAction
}
fragment EventRow on Event {
  __typename
  cursor
  type
  reason
  projectId
  actor
  source
  occurredAt
  recordedAt
  changedFields
  ... on ProjectUpdate {
    project {
      id
      name
      status
    }
  }
  ... on PrStateChange {
    pullRequest {
      ...PullRequestRow
    }
  }
  ... on IssueUpdate {
    issue {
      id
      number
      title
      assignees
      labels
    }
    comment {
      author
      body
      action
    }
  }
  ... on WorkflowProgress {
    workflow {
      ...WorkflowRow
    }
  }
  ... on AgentStatusChange {
    agent {
      ...AgentRow
    }
  }
  ... on AiSuggestionMade {
    suggestion {
      ...SuggestionRow
    }
  }
  ... on AiAnalysisComplete {
    targetId
    summary
    suggestionCount
  }
  ... on AlertTriggered {
    alert {
      ...AlertRow
    }
  }
  ... on RiskAlert {
    risk {
      ...RiskRow
    }
  }
  ... on FileChange {
    files {
      path
      changeType
    }
  }
  ... on AutoCommit {
    phase
    success
    changesCount
    commitMessage: message
    commitError: error
  }
  ... on ProgressUpdate {
    percent
    completedTasks
    totalTasks
  }
  ... on Announcement {
    title
    message
    severity
  }
}`) as unknown as TypedDocumentString<EverythingSubscription, EverythingSubscriptionVariables>;
export const RoomDocument = new TypedDocumentString(`
    subscription Room($room: ID!) {
  presence(room: $room, snapshot: true) {
    userId
    status
    activity
    lastSeenAt
  }
}
    `) as unknown as TypedDocumentString<RoomSubscription, RoomSubscriptionVariables>;
export const EnterRoomDocument = new TypedDocumentString(`
    mutation EnterRoom($room: ID!) {
  setPresence(input: {room: $room, activity: "watching the dashboard"}) {
    expiresAt
  }
}
    `) as unknown as TypedDocumentString<EnterRoomMutation, EnterRoomMutationVariables>;
export const LeaveRoomDocument = new TypedDocumentString(`
    mutation LeaveRoom($room: ID!) {
  leaveRoom(input: {room: $room}) {
    left
  }
}
    `) as unknown as TypedDocumentString<LeaveRoomMutation, LeaveRoomMutationVariables>;
export const StatsDocument = new TypedDocumentString(`
    query Stats {
  stats {
    uptimeSeconds
    connections {
      name
      count
    }
    subscriptions {
      name
      count
    }
    transports {
      name
      count
    }
    topics {
      name
      count
    }
    sharedOperations
    eventsSeen
    executions
    deliveries
    live
    parked
    spooled
    delayP50
    delayP99
    logReads
    logEvents
    logBytes
    headCursor
  }
}
    `) as unknown as TypedDocumentString<StatsQuery, StatsQueryVariables>;