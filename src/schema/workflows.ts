import type { StateOf } from '../events/catalogue.ts';
import * as states from '../events/states.ts';
import { topic } from '../events/topics.ts';
import { parseLogs, projectOf } from '../publishing/report.ts';
import { builder, coversOneOf, isGiven } from './builder.ts';
import { findEntity, listField } from './connections.ts';
import { requestOf } from './context.ts';
import { eventType } from './event.ts';
import { causeFields, entityPayload, mutation, stateIn } from './mutations.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

const WorkflowStatus = builder.enumType('WorkflowStatus', { values: states.Workflow.shape.status.options });

const Workflow = builder.objectRef<StateOf<'workflow'>>('Workflow').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    projectId: t.exposeID('projectId'),
    repoId: t.exposeID('repoId', { nullable: true }),
    name: t.exposeString('name', { nullable: true }),
    status: t.expose('status', { type: WorkflowStatus }),
    percent: t.exposeFloat('percent'),
    step: t.exposeInt('step', { nullable: true }),
    currentStep: t.exposeString('currentStep', { nullable: true }),
    totalSteps: t.exposeInt('totalSteps', { nullable: true }),
    headSha: t.exposeString('headSha', { nullable: true }),
    url: t.exposeString('url', { nullable: true }),
    error: t.exposeString('error', { nullable: true }),
  }),
});

const WorkflowProgress = eventType('workflow', (t) => ({
  workflowId: t.id({ resolve: ({ data }) => data.id }),
  status: t.field({ type: WorkflowStatus, resolve: ({ data }) => data.status }),
  percent: t.float({ resolve: ({ data }) => data.percent }),
  currentStep: t.string({ nullable: true, resolve: ({ data }) => data.currentStep }),
  step: t.int({ nullable: true, resolve: ({ data }) => data.step }),
  totalSteps: t.int({ nullable: true, resolve: ({ data }) => data.totalSteps }),
  logs: t.stringList({ resolve: ({ detail }) => detail.logs ?? [] }),
  workflow: t.field({ type: Workflow, resolve: ({ data }) => data }),
}));

// ---------------------------------------------------------------------------------------------------------------- reading

builder.queryField('workflow', (t) =>
  t.field({
    type: Workflow,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => findEntity(requestOf(context), 'workflow', id),
  }),
);

listField('workflows', {
  of: 'workflow',
  node: Workflow,
  args: builder.args((t) => ({
    repoId: t.id(),
    projectId: t.id(),
    statuses: t.field({ type: [WorkflowStatus] }),
  })),
  where: ({ repoId, projectId, statuses }) => ({
    place: { repoId, projectId },
    matches: ({ status }) => coversOneOf(statuses, status),
  }),
});

subscription('workflowProgress', {
  about: 'workflow',
  type: WorkflowProgress,
  snapshot: true,
  args: builder.args((t) => ({
    workflowId: t.id(),
    projectId: t.id(),
    statuses: t.field({ type: [WorkflowStatus] }),
  })),
  listen: async ({ workflowId, projectId, statuses }, request) => ({
    ...(await listenAt(request, {
      projectId,
      ...(isGiven(workflowId)
        ? { topic: topic('workflow', workflowId), entity: ['workflow', workflowId] }
        : {}),
    })),
    fields: { status: statuses },
  }),
});

// ------------------------------------------------------------------------------------------------------------- publishing

const ReportWorkflowInput = builder.inputType('ReportWorkflowInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    projectId: t.id(),
    repoId: t.id(),
    name: t.string(),
    status: t.field({ type: WorkflowStatus }),
    percent: t.float(),
    step: t.int(),
    currentStep: t.string(),
    totalSteps: t.int(),
    logs: t.stringList(),
    headSha: t.string(),
    url: t.string(),
    error: t.string(),
    ...causeFields(t),
  }),
});

mutation('reportWorkflow', {
  input: ReportWorkflowInput,
  gives: entityPayload('WorkflowPayload', 'workflow', Workflow),
  id: ({ id }) => id,
  plan: async ({ logs, ...input }, view) => {
    const { projectId, issues } = await projectOf(view, input);
    const output = parseLogs(logs);
    return [
      {
        subject: 'workflow',
        reason: 'PROGRESS',
        patch: { ...stateIn(input), projectId },
        detail: output.detail,
        issues: [...issues, ...output.issues],
      },
    ];
  },
});
