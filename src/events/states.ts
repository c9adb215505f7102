/**
 * What events carry: the state of each kind of entity after a change, and the content of the events that leave no state.
 *
 * The schemas are strict and name every mistake. GitHub's GraphQL names are the vocabulary wherever GitHub has one.
 * A nullable field is unknown or unset when null; a field that may not be null has to be there in the first report.
 */
import { z } from 'zod';

/** Longest texts, in characters: an id, a name or title, a body (GitHub's own bound). */
const ID_MAX = 256;
const NAME_MAX = 1_024;
const TEXT_MAX = 65_536;
/** Largest free-form JSON value, in characters of its JSON text. */
const METADATA_MAX = 16_384;

// eslint-style control characters would end up in topics, cursors and terminals.
const id = z
  .string()
  .min(1)
  .max(ID_MAX)
  .regex(/^[^\p{Cc}\p{Cs}\s]+$/u, 'must not contain white space, control characters or half characters');
/** As the identity provider calls somebody: some take whole names. */
const userId = z
  .string()
  .min(1)
  .max(ID_MAX)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must not contain control characters or half characters');
// Some become topics, and a store takes all halves of characters for the same.
const name = z
  .string()
  .min(1)
  .max(NAME_MAX)
  .regex(/^\P{Cs}*$/u, 'must not contain half characters');
const text = z.string().max(TEXT_MAX);
/** GraphQL's Int has 32 bits. */
const INT_MAX = 2_147_483_647;
const count = z.int().min(0).max(INT_MAX);
const percent = z.number().min(0).max(100);
const names = z.array(name).max(500);
/** A moment, as ISO 8601 text in UTC with milliseconds. */
export const moment = z
  .string()
  .max(40)
  .transform((value, context) => {
    const time = Date.parse(value);
    if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value) && Number.isFinite(time))
      return new Date(time).toISOString();
    context.addIssue({ code: 'custom', message: 'must be a date and time in ISO 8601' });
    return z.NEVER;
  });
const metadata = z
  .record(z.string().max(NAME_MAX), z.json())
  .refine(
    (value) => JSON.stringify(value).length <= METADATA_MAX,
    `must not exceed ${METADATA_MAX} characters of JSON`,
  );

export const severities = ['INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;
const severity = z.enum(severities);
export type Severity = z.infer<typeof severity>;

const Repository = z.strictObject({
  id,
  fullName: name,
  githubId: id.nullable(),
  url: name.nullable(),
  defaultBranch: name.nullable(),
  isArchived: z.boolean(),
});
export type Repository = z.infer<typeof Repository>;

export const Project = z.strictObject({
  id,
  name,
  description: text.nullable(),
  repositoryUrl: name.nullable(),
  status: z.enum(['ACTIVE', 'PAUSED', 'COMPLETED', 'ARCHIVED']),
  metadata: metadata.nullable(),
  repositories: z.array(Repository).max(500),
});
export type Project = z.infer<typeof Project>;

const statusState = z.enum(['ERROR', 'EXPECTED', 'FAILURE', 'PENDING', 'SUCCESS']);

export const PullRequest = z.strictObject({
  repoId: id,
  number: z.int().min(1).max(INT_MAX),
  projectId: id,
  title: name.nullable(),
  body: text.nullable(),
  author: name.nullable(),
  url: name.nullable(),
  state: z.enum(['OPEN', 'CLOSED', 'MERGED']),
  isDraft: z.boolean().nullable(),
  reviewDecision: z.enum(['APPROVED', 'CHANGES_REQUESTED', 'REVIEW_REQUIRED']).nullable(),
  pipelineState: statusState.nullable(),
  headRef: name.nullable(),
  headSha: name.nullable(),
  baseRef: name.nullable(),
  labels: names,
  assignees: names,
  reviewers: names,
  insights: z
    .strictObject({
      summary: text.nullable().default(null),
      suggestionCount: count.nullable().default(null),
      metadata: metadata.nullable().default(null),
    })
    .nullable(),
  /** Internal: what each of GitHub's checks last said of commit `sha`, by the check's key, see ingest/github/rollup.ts. */
  checks: z
    .strictObject({
      sha: name,
      reports: z.record(name, z.strictObject({ state: statusState, at: moment, line: name.optional() })),
    })
    .optional(),
  /** Internal: what each reviewer last decided, by login. */
  reviews: z
    .record(
      name,
      z.strictObject({ state: z.enum(['APPROVED', 'CHANGES_REQUESTED', 'DISMISSED']), at: moment }),
    )
    .optional(),
});
export type PullRequest = z.infer<typeof PullRequest>;

export const Issue = z.strictObject({
  id,
  projectId: id,
  repoId: id.nullable(),
  number: z.int().min(1).max(INT_MAX).nullable(),
  title: name.nullable(),
  body: text.nullable(),
  author: name.nullable(),
  url: name.nullable(),
  state: z.enum(['OPEN', 'CLOSED']),
  stateReason: z.enum(['COMPLETED', 'NOT_PLANNED', 'DUPLICATE', 'REOPENED']).nullable(),
  priority: name.nullable(),
  labels: names,
  assignees: names,
});
export type Issue = z.infer<typeof Issue>;

export const Comment = z.strictObject({
  id: id.nullable(),
  author: name.nullable(),
  body: text,
  url: name.nullable(),
  action: z.enum(['CREATED', 'EDITED', 'DELETED']),
});
export type Comment = z.infer<typeof Comment>;

export const Workflow = z.strictObject({
  id,
  projectId: id,
  repoId: id.nullable(),
  name: name.nullable(),
  status: z.enum(['QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED']),
  percent,
  step: count.nullable(),
  currentStep: name.nullable(),
  totalSteps: count.nullable(),
  headSha: name.nullable(),
  url: name.nullable(),
  error: text.nullable(),
});
export type Workflow = z.infer<typeof Workflow>;

/** Lines of output that came with one report; they belong to the event, not to the workflow's state. */
export const logLines = z.array(z.string().max(8_192)).max(200);

export const Agent = z.strictObject({
  id,
  projectId: id.nullable(),
  name: name.nullable(),
  status: z.enum(['ONLINE', 'IDLE', 'BUSY', 'ERROR', 'OFFLINE']),
  availability: percent.nullable(),
  metadata: metadata.nullable(),
});
export type Agent = z.infer<typeof Agent>;

const targetType = z.enum([
  'PROJECT',
  'REPOSITORY',
  'PULL_REQUEST',
  'ISSUE',
  'WORKFLOW',
  'AGENT',
  'FILE',
  'COMMIT',
]);

export const AiSuggestion = z.strictObject({
  id,
  projectId: id,
  targetType,
  targetId: id,
  category: name,
  title: name,
  description: text.nullable(),
  severity,
  confidence: z.number().min(0).max(1),
  suggestedAction: text.nullable(),
  metadata: metadata.nullable(),
});
export type AiSuggestion = z.infer<typeof AiSuggestion>;

export const AiAnalysis = z.strictObject({
  id,
  projectId: id,
  targetType,
  targetId: id,
  summary: text.nullable(),
  suggestionCount: count.nullable(),
  durationMs: count.nullable(),
  metadata: metadata.nullable(),
});
export type AiAnalysis = z.infer<typeof AiAnalysis>;

export const Alert = z.strictObject({
  id,
  projectId: id.nullable(),
  rule: name,
  message: text,
  severity,
  threshold: z.number().nullable(),
  value: z.number().nullable(),
  status: z.enum(['OPEN', 'RESOLVED', 'DISMISSED']),
  url: name.nullable(),
  metadata: metadata.nullable(),
});
export type Alert = z.infer<typeof Alert>;

export const Risk = z.strictObject({
  id,
  projectId: id,
  severity,
  message: text,
  metadata: metadata.nullable(),
});
export type Risk = z.infer<typeof Risk>;

export const FileChange = z.strictObject({
  projectId: id,
  repoId: id.nullable(),
  ref: name.nullable(),
  headSha: name.nullable(),
  files: z
    .array(
      z.strictObject({
        path: z.string().min(1).max(4_096),
        changeType: z.enum(['CREATED', 'MODIFIED', 'DELETED', 'MOVED']),
        previousPath: z.string().max(4_096).nullable().default(null),
      }),
    )
    .max(3_000),
});
export type FileChange = z.infer<typeof FileChange>;

export const AutoCommit = z.strictObject({
  id,
  projectId: id,
  repoId: id.nullable(),
  phase: z.enum(['START', 'RESULT', 'ERROR']),
  success: z.boolean().nullable(),
  changesCount: count.nullable(),
  sha: name.nullable(),
  message: text.nullable(),
  error: text.nullable(),
});
export type AutoCommit = z.infer<typeof AutoCommit>;

export const Progress = z.strictObject({
  projectId: id,
  percent,
  completedTasks: count.nullable(),
  totalTasks: count.nullable(),
});
export type Progress = z.infer<typeof Progress>;

export const Announcement = z.strictObject({
  title: name.nullable(),
  message: text.min(1),
  severity,
  url: name.nullable(),
});
export type Announcement = z.infer<typeof Announcement>;

export const Notification = z.strictObject({
  userId,
  projectId: id.nullable(),
  title: name,
  message: text.nullable(),
  severity,
  url: name.nullable(),
});
export type Notification = z.infer<typeof Notification>;

export const Member = z.strictObject({
  room: id,
  userId,
  status: z.enum(['ONLINE', 'AWAY', 'BUSY', 'OFFLINE']),
  activity: name.nullable(),
  lastSeenAt: moment,
});
export type Member = z.infer<typeof Member>;
