import type { StateOf } from '../events/catalogue.ts';
import * as states from '../events/states.ts';
import { topic } from '../events/topics.ts';
import { notFound, parseComment, projectOf } from '../publishing/report.ts';
import { builder, coversOneOf, isGiven } from './builder.ts';
import { findEntity, listField } from './connections.ts';
import { requestOf } from './context.ts';
import { eventType } from './event.ts';
import { causeFields, entityPayload, mutation, stateIn } from './mutations.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

const { shape } = states.Issue;

const IssueState = builder.enumType('IssueState', { values: shape.state.options });
const IssueStateReason = builder.enumType('IssueStateReason', { values: shape.stateReason.unwrap().options });
const CommentAction = builder.enumType('CommentAction', { values: states.Comment.shape.action.options });

const Issue = builder.objectRef<StateOf<'issue'>>('Issue').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    projectId: t.exposeID('projectId'),
    repoId: t.exposeID('repoId', { nullable: true }),
    number: t.exposeInt('number', { nullable: true }),
    title: t.exposeString('title', { nullable: true }),
    body: t.exposeString('body', { nullable: true }),
    author: t.exposeString('author', { nullable: true }),
    url: t.exposeString('url', { nullable: true }),
    state: t.expose('state', { type: IssueState }),
    stateReason: t.expose('stateReason', { type: IssueStateReason, nullable: true }),
    priority: t.exposeString('priority', { nullable: true }),
    labels: t.exposeStringList('labels'),
    assignees: t.exposeStringList('assignees'),
  }),
});

const Comment = builder.objectRef<states.Comment>('Comment').implement({
  fields: (t) => ({
    id: t.exposeID('id', { nullable: true }),
    author: t.exposeString('author', { nullable: true }),
    body: t.exposeString('body'),
    url: t.exposeString('url', { nullable: true }),
    action: t.expose('action', { type: CommentAction }),
  }),
});

const IssueUpdate = eventType('issue', (t) => ({
  issueId: t.id({ resolve: ({ data }) => data.id }),
  state: t.field({ type: IssueState, resolve: ({ data }) => data.state }),
  issue: t.field({ type: Issue, resolve: ({ data }) => data }),
  comment: t.field({ type: Comment, nullable: true, resolve: ({ detail }) => detail.comment }),
}));

function isAssigned(assignee: string | null | undefined, issue: StateOf<'issue'>): boolean {
  return !isGiven(assignee) || issue.assignees.includes(assignee);
}

// ---------------------------------------------------------------------------------------------------------------- reading

builder.queryField('issue', (t) =>
  t.field({
    type: Issue,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => findEntity(requestOf(context), 'issue', id),
  }),
);

listField('issues', {
  of: 'issue',
  node: Issue,
  args: builder.args((t) => ({
    repoId: t.id(),
    projectId: t.id(),
    states: t.field({ type: [IssueState] }),
    assignee: t.string(),
  })),
  where: ({ repoId, projectId, states: wanted, assignee }) => ({
    place: { repoId, projectId },
    matches: (issue) => coversOneOf(wanted, issue.state) && isAssigned(assignee, issue),
  }),
});

subscription('issueUpdated', {
  about: 'issue',
  type: IssueUpdate,
  snapshot: true,
  args: builder.args((t) => ({
    projectId: t.id({ required: true }),
    issueId: t.id(),
    states: t.field({ type: [IssueState] }),
    assignee: t.string(),
  })),
  listen: async ({ projectId, issueId, states: wanted, assignee }, request) => ({
    ...(await listenAt(request, {
      projectId,
      topic: isGiven(issueId) ? topic('issue', issueId) : undefined,
    })),
    fields: { state: wanted },
    matches: ({ data }) => isAssigned(assignee, data),
  }),
});

// ------------------------------------------------------------------------------------------------------------- publishing

const IssuePayload = entityPayload('IssuePayload', 'issue', Issue);

const ReportIssueInput = builder.inputType('ReportIssueInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    projectId: t.id(),
    repoId: t.id(),
    number: t.int(),
    title: t.string(),
    body: t.string(),
    author: t.string(),
    url: t.string(),
    state: t.field({ type: IssueState }),
    stateReason: t.field({ type: IssueStateReason }),
    priority: t.string(),
    labels: t.stringList(),
    assignees: t.stringList(),
    ...causeFields(t),
  }),
});

mutation('reportIssue', {
  input: ReportIssueInput,
  gives: IssuePayload,
  id: ({ id }) => id,
  plan: async (input, view) => {
    const { projectId, issues } = await projectOf(view, input);
    return [{ subject: 'issue', patch: { ...stateIn(input), projectId }, issues }];
  },
});

const CommentOnIssueInput = builder.inputType('CommentOnIssueInput', {
  fields: (t) => ({
    issueId: t.id({ required: true }),
    commentId: t.id(),
    author: t.string(),
    body: t.string({ required: true }),
    url: t.string(),
    action: t.field({ type: CommentAction, defaultValue: 'CREATED' }),
    ...causeFields(t),
  }),
});

mutation('commentOnIssue', {
  input: CommentOnIssueInput,
  gives: IssuePayload,
  id: ({ issueId }) => issueId,
  plan: async ({ commentId, author, body, url, action, actor }, view, id, viewer) => {
    if ((await view.entity('issue', id)) === undefined) throw notFound('issue', id);
    const { detail, issues } = parseComment({
      id: commentId,
      author: author ?? actor ?? viewer.userId,
      body,
      url,
      action: action ?? 'CREATED',
    });
    const located = issues.map((issue) =>
      issue.path[0] === 'id' ? { ...issue, path: ['commentId'] } : issue,
    );
    // A late comment says nothing about the issue's state, and an early one doesn't make later reports look old.
    return [
      {
        subject: 'issue',
        kind: 'issue.commented',
        reason: 'COMMENT',
        patch: { id },
        detail,
        issues: located,
        aspect: null,
      },
    ];
  },
});

const DeleteIssueInput = builder.inputType('DeleteIssueInput', {
  fields: (t) => ({ id: t.id({ required: true }), ...causeFields(t) }),
});

mutation('deleteIssue', {
  input: DeleteIssueInput,
  gives: IssuePayload,
  id: ({ id }) => id,
  plan: async (_input, view, id) => {
    if ((await view.entity('issue', id)) === undefined) throw notFound('issue', id);
    return [{ subject: 'issue', kind: 'issue.deleted', reason: 'DELETED', patch: { id } }];
  },
});
