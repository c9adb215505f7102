import { pullRequestId, type StateOf } from '../events/catalogue.ts';
import * as states from '../events/states.ts';
import { topic } from '../events/topics.ts';
import { projectOf } from '../publishing/report.ts';
import { builder, covers, coversOneOf, isGiven } from './builder.ts';
import { findEntity, listField } from './connections.ts';
import { requestOf } from './context.ts';
import { ChangeReason, eventType } from './event.ts';
import { causeFields, entityPayload, mutation, stateIn } from './mutations.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

const { shape } = states.PullRequest;

const PullRequestState = builder.enumType('PullRequestState', { values: shape.state.options });
const PullRequestReviewDecision = builder.enumType('PullRequestReviewDecision', {
  values: shape.reviewDecision.unwrap().options,
});
const StatusState = builder.enumType('StatusState', { values: shape.pipelineState.unwrap().options });

const PullRequestInsights = builder
  .objectRef<NonNullable<StateOf<'pullRequest'>['insights']>>('PullRequestInsights')
  .implement({
    fields: (t) => ({
      summary: t.exposeString('summary', { nullable: true }),
      suggestionCount: t.exposeInt('suggestionCount', { nullable: true }),
      metadata: t.expose('metadata', { type: 'JSON', nullable: true }),
    }),
  });

const PullRequest = builder.objectRef<StateOf<'pullRequest'>>('PullRequest').implement({
  fields: (t) => ({
    repoId: t.exposeID('repoId'),
    number: t.exposeInt('number'),
    projectId: t.exposeID('projectId'),
    title: t.exposeString('title', { nullable: true }),
    body: t.exposeString('body', { nullable: true }),
    author: t.exposeString('author', { nullable: true }),
    url: t.exposeString('url', { nullable: true }),
    state: t.expose('state', { type: PullRequestState }),
    isDraft: t.exposeBoolean('isDraft', { nullable: true }),
    reviewDecision: t.expose('reviewDecision', { type: PullRequestReviewDecision, nullable: true }),
    pipelineState: t.expose('pipelineState', { type: StatusState, nullable: true }),
    headRef: t.exposeString('headRef', { nullable: true }),
    headSha: t.exposeString('headSha', { nullable: true }),
    baseRef: t.exposeString('baseRef', { nullable: true }),
    labels: t.exposeStringList('labels'),
    assignees: t.exposeStringList('assignees'),
    reviewers: t.exposeStringList('reviewers'),
    insights: t.expose('insights', { type: PullRequestInsights, nullable: true }),
  }),
});

const PrStateChange = eventType('pullRequest', (t) => ({
  repoId: t.id({ resolve: ({ data }) => data.repoId }),
  prNumber: t.int({ resolve: ({ data }) => data.number }),
  state: t.field({ type: PullRequestState, resolve: ({ data }) => data.state }),
  pullRequest: t.field({ type: PullRequest, resolve: ({ data }) => data }),
}));

// ---------------------------------------------------------------------------------------------------------------- reading

builder.queryField('pullRequest', (t) =>
  t.field({
    type: PullRequest,
    nullable: true,
    args: { repoId: t.arg.id({ required: true }), number: t.arg.int({ required: true }) },
    resolve: async (_root, { repoId, number }, context) =>
      findEntity(requestOf(context), 'pullRequest', pullRequestId(repoId, number)),
  }),
);

listField('pullRequests', {
  of: 'pullRequest',
  node: PullRequest,
  args: builder.args((t) => ({
    repoId: t.id(),
    projectId: t.id(),
    states: t.field({ type: [PullRequestState] }),
    author: t.string(),
  })),
  where: ({ repoId, projectId, states: wanted, author }) => ({
    place: { repoId, projectId },
    matches: (state) => coversOneOf(wanted, state.state) && covers(author, state.author),
  }),
});

subscription('prStateChanged', {
  about: 'pullRequest',
  type: PrStateChange,
  snapshot: true,
  args: builder.args((t) => ({
    repoId: t.id({ required: true }),
    prNumber: t.int(),
    states: t.field({ type: [PullRequestState] }),
    author: t.string(),
    reasons: t.field({ type: [ChangeReason] }),
  })),
  listen: async ({ repoId, prNumber, states: wanted, author, reasons }, request) => ({
    ...(await listenAt(request, {
      repoId,
      topic: isGiven(prNumber) ? topic('pr', pullRequestId(repoId, prNumber)) : undefined,
    })),
    fields: { state: wanted, author },
    matches: ({ reason }) => reason === 'SNAPSHOT' || coversOneOf(reasons, reason),
  }),
});

// ------------------------------------------------------------------------------------------------------------- publishing

const ReportPullRequestInput = builder.inputType('ReportPullRequestInput', {
  fields: (t) => ({
    repoId: t.id({ required: true }),
    number: t.int({ required: true }),
    title: t.string(),
    body: t.string(),
    author: t.string(),
    url: t.string(),
    state: t.field({ type: PullRequestState }),
    isDraft: t.boolean(),
    reviewDecision: t.field({ type: PullRequestReviewDecision }),
    pipelineState: t.field({ type: StatusState }),
    headRef: t.string(),
    headSha: t.string(),
    baseRef: t.string(),
    labels: t.stringList(),
    assignees: t.stringList(),
    reviewers: t.stringList(),
    ...causeFields(t),
  }),
});

mutation('reportPullRequest', {
  input: ReportPullRequestInput,
  gives: entityPayload('PullRequestPayload', 'pullRequest', PullRequest),
  id: ({ repoId, number }) => pullRequestId(repoId, number),
  plan: async (input, view) => {
    const { projectId } = await projectOf(view, { repoId: input.repoId });
    return [{ subject: 'pullRequest', patch: { ...stateIn(input), projectId } }];
  },
});
