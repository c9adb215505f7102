/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** A message to everybody in the workspace. */
export type AnnounceInput = {
  /** Who or what did it. Default: the user of the token. */
  actor?: string | null | undefined;
  /** A repeated key gets the first answer and writes nothing, for 7 days. Up to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** It in full. */
  message: string;
  /** When it happened, by your clock. Of the reports that tell it, an older one never overwrites a newer one. Default: now, and newest. */
  occurredAt?: string | null | undefined;
  /** How urgent it is. Default: INFO. */
  severity?: Severity | null | undefined;
  /** It in a few words. */
  title?: string | null | undefined;
  /** Where to read more. */
  url?: string | null | undefined;
};

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

/** What a subscription gets while its connection is slower than the events. */
export type Delivery =
  /** Every event, late if need be. */
  | 'EVERY'
  /** Only the newest event of each entity, for as long as the connection is behind. */
  | 'LATEST';

/** Which events of the log are wanted. Absent fields match everything. */
export type EventFilter = {
  /** Only by this actor. */
  actor?: string | null | undefined;
  /** Only of this project. */
  projectId?: string | null | undefined;
  /** Only for these reasons. */
  reasons?: Array<ChangeReason> | null | undefined;
  /** Only of this repository. */
  repoId?: string | null | undefined;
  /** Only these kinds. */
  types?: Array<EventType> | null | undefined;
};

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

/** State of a pull request, as GitHub names it. */
export type PullRequestState =
  /** Closed without a merge. */
  | 'CLOSED'
  /** Merged. */
  | 'MERGED'
  /** Open. */
  | 'OPEN';

/** How far a workflow is. The first report starts it, COMPLETED, FAILED and CANCELLED end it. Absent fields stay as they are, null clears. */
export type ReportWorkflowInput = {
  /** Who or what did it. Default: the user of the token. */
  actor?: string | null | undefined;
  /** Name of the step that it is at. */
  currentStep?: string | null | undefined;
  /** What went wrong. */
  error?: string | null | undefined;
  /** The commit that it runs for. */
  headSha?: string | null | undefined;
  /** Its id, at your choice. */
  id: string;
  /** A repeated key gets the first answer and writes nothing, for 7 days. Up to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** Lines of output since the last report, up to 200. They are sent with this event and not kept with the workflow. */
  logs?: Array<string> | null | undefined;
  /** Its name. */
  name?: string | null | undefined;
  /** When it happened, by your clock. Of the reports that tell it, an older one never overwrites a newer one. Default: now, and newest. */
  occurredAt?: string | null | undefined;
  /** How far it is, 0 to 100. Default: from `step` and `totalSteps`, and 100 when COMPLETED. */
  percent?: number | null | undefined;
  /** The project. Needed for a new workflow, unless `repoId` tells. */
  projectId?: string | null | undefined;
  /** The repository that it runs for. */
  repoId?: string | null | undefined;
  /** How far it is. Default of a new one: RUNNING. */
  status?: WorkflowStatus | null | undefined;
  /** Number of the step that it is at. */
  step?: number | null | undefined;
  /** How many steps it has. */
  totalSteps?: number | null | undefined;
  /** Its web page. */
  url?: string | null | undefined;
};

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

/** A project, new or known. */
export type UpsertProjectInput = {
  /** Who or what did it. Default: the user of the token. */
  actor?: string | null | undefined;
  /** What it is about. */
  description?: string | null | undefined;
  /** Its id, at your choice. */
  id: string;
  /** A repeated key gets the first answer and writes nothing, for 7 days. Up to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** Anything else. Replaces what was there. */
  metadata?: unknown;
  /** Its name. Needed for a new project. */
  name?: string | null | undefined;
  /** When it happened, by your clock. Of the reports that tell it, an older one never overwrites a newer one. Default: now, and newest. */
  occurredAt?: string | null | undefined;
  /** Web page of its main repository. */
  repositoryUrl?: string | null | undefined;
  /** What it is doing. Default of a new one: ACTIVE. */
  status?: ProjectStatus | null | undefined;
};

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

export type UpsertProjectMutationVariables = Exact<{
  input: UpsertProjectInput;
}>;


export type UpsertProjectMutation = { upsertProject: { cursor: string, duplicate: boolean, project: { id: string, name: string, status: ProjectStatus } } };

export type AnnounceMutationVariables = Exact<{
  input: AnnounceInput;
}>;


export type AnnounceMutation = { announce: { cursor: string, duplicate: boolean } };

export type ReportWorkflowMutationVariables = Exact<{
  input: ReportWorkflowInput;
}>;


export type ReportWorkflowMutation = { reportWorkflow: { cursor: string, duplicate: boolean, workflow: { id: string, status: WorkflowStatus, percent: number } } };

export type StatsQueryVariables = Exact<{ [key: string]: never; }>;


export type StatsQuery = { stats: { sharedOperations: number, executions: number, deliveries: number, live: number, parked: number, logReads: number, headCursor: string, connections: Array<{ name: string, count: number }>, subscriptions: Array<{ name: string, count: number }> } };

export type HistoryQueryVariables = Exact<{
  after?: string | null | undefined;
  first?: number | null | undefined;
  filter?: EventFilter | null | undefined;
}>;


export type HistoryQuery = { events: { headCursor: string, nodes: Array<
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
      | { cursor: string, type: EventType, projectId: string | null }
    >, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type PrStateChangedSubscriptionVariables = Exact<{
  repoId: string;
  after?: string | null | undefined;
}>;


export type PrStateChangedSubscription = { prStateChanged: { repoId: string, prNumber: number, state: PullRequestState } };

export type AnnouncementsSubscriptionVariables = Exact<{
  after?: string | null | undefined;
  delivery?: Delivery | null | undefined;
}>;


export type AnnouncementsSubscription = { announcement: { cursor: string, message: string } };

export type WorkflowSubscriptionVariables = Exact<{
  workflowId?: string | null | undefined;
  projectId?: string | null | undefined;
  after?: string | null | undefined;
  snapshot?: boolean | null | undefined;
  delivery?: Delivery | null | undefined;
}>;


export type WorkflowSubscription = { workflowProgress: { cursor: string, reason: ChangeReason, workflowId: string, percent: number, status: WorkflowStatus } };

export type EverythingSubscriptionVariables = Exact<{
  after?: string | null | undefined;
  projectId?: string | null | undefined;
  types?: Array<EventType> | EventType | null | undefined;
}>;


export type EverythingSubscription = { events:
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
    | { cursor: string, type: EventType, projectId: string | null }
   };


export const UpsertProjectDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpsertProject"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpsertProjectInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"upsertProject"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"duplicate"}},{"kind":"Field","name":{"kind":"Name","value":"project"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<UpsertProjectMutation, UpsertProjectMutationVariables>;
export const AnnounceDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Announce"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"AnnounceInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"announce"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"duplicate"}}]}}]}}]} as unknown as DocumentNode<AnnounceMutation, AnnounceMutationVariables>;
export const ReportWorkflowDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"ReportWorkflow"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ReportWorkflowInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"reportWorkflow"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"duplicate"}},{"kind":"Field","name":{"kind":"Name","value":"workflow"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"percent"}}]}}]}}]}}]} as unknown as DocumentNode<ReportWorkflowMutation, ReportWorkflowMutationVariables>;
export const StatsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Stats"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"stats"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"connections"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"subscriptions"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"sharedOperations"}},{"kind":"Field","name":{"kind":"Name","value":"executions"}},{"kind":"Field","name":{"kind":"Name","value":"deliveries"}},{"kind":"Field","name":{"kind":"Name","value":"live"}},{"kind":"Field","name":{"kind":"Name","value":"parked"}},{"kind":"Field","name":{"kind":"Name","value":"logReads"}},{"kind":"Field","name":{"kind":"Name","value":"headCursor"}}]}}]}}]} as unknown as DocumentNode<StatsQuery, StatsQueryVariables>;
export const HistoryDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"History"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Cursor"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"EventFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"projectId"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}},{"kind":"Field","name":{"kind":"Name","value":"headCursor"}}]}}]}}]} as unknown as DocumentNode<HistoryQuery, HistoryQueryVariables>;
export const PrStateChangedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"PrStateChanged"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"repoId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Cursor"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"prStateChanged"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"repoId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"repoId"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"repoId"}},{"kind":"Field","name":{"kind":"Name","value":"prNumber"}},{"kind":"Field","name":{"kind":"Name","value":"state"}}]}}]}}]} as unknown as DocumentNode<PrStateChangedSubscription, PrStateChangedSubscriptionVariables>;
export const AnnouncementsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"Announcements"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Cursor"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"delivery"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"announcement"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"delivery"},"value":{"kind":"Variable","name":{"kind":"Name","value":"delivery"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]} as unknown as DocumentNode<AnnouncementsSubscription, AnnouncementsSubscriptionVariables>;
export const WorkflowDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"Workflow"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"workflowId"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"projectId"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Cursor"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"snapshot"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"delivery"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"workflowProgress"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"workflowId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"workflowId"}}},{"kind":"Argument","name":{"kind":"Name","value":"projectId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"projectId"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"snapshot"},"value":{"kind":"Variable","name":{"kind":"Name","value":"snapshot"}}},{"kind":"Argument","name":{"kind":"Name","value":"delivery"},"value":{"kind":"Variable","name":{"kind":"Name","value":"delivery"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}},{"kind":"Field","name":{"kind":"Name","value":"workflowId"}},{"kind":"Field","name":{"kind":"Name","value":"percent"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<WorkflowSubscription, WorkflowSubscriptionVariables>;
export const EverythingDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"Everything"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Cursor"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"projectId"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"types"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"EventType"}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"projectId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"projectId"}}},{"kind":"Argument","name":{"kind":"Name","value":"types"},"value":{"kind":"Variable","name":{"kind":"Name","value":"types"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"projectId"}}]}}]}}]} as unknown as DocumentNode<EverythingSubscription, EverythingSubscriptionVariables>;