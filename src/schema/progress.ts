import type { StateOf } from '../events/catalogue.ts';
import { builder } from './builder.ts';
import { findEntity, listField } from './connections.ts';
import { requestOf } from './context.ts';
import { eventType } from './event.ts';
import { causeFields, entityPayload, mutation, stateIn } from './mutations.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

const Progress = builder.objectRef<StateOf<'progress'>>('Progress').implement({
  fields: (t) => ({
    projectId: t.exposeID('projectId'),
    percent: t.exposeFloat('percent'),
    completedTasks: t.exposeInt('completedTasks', { nullable: true }),
    totalTasks: t.exposeInt('totalTasks', { nullable: true }),
  }),
});

const ProgressUpdate = eventType('progress', (t) => ({
  percent: t.float({ resolve: ({ data }) => data.percent }),
  completedTasks: t.int({ nullable: true, resolve: ({ data }) => data.completedTasks }),
  totalTasks: t.int({ nullable: true, resolve: ({ data }) => data.totalTasks }),
}));

builder.queryField('progress', (t) =>
  t.field({
    type: Progress,
    nullable: true,
    args: { projectId: t.arg.id({ required: true }) },
    resolve: async (_root, { projectId }, context) => findEntity(requestOf(context), 'progress', projectId),
  }),
);

listField('progressOfProjects', { of: 'progress', node: Progress, args: {}, where: () => ({ place: {} }) });

subscription('progressUpdated', {
  about: 'progress',
  type: ProgressUpdate,
  snapshot: true,
  args: builder.args((t) => ({ projectId: t.id() })),
  listen: async ({ projectId }, request) => listenAt(request, { projectId }),
});

const ReportProgressInput = builder.inputType('ReportProgressInput', {
  fields: (t) => ({
    projectId: t.id({ required: true }),
    percent: t.float(),
    completedTasks: t.int(),
    totalTasks: t.int(),
    ...causeFields(t),
  }),
});

mutation('reportProgress', {
  input: ReportProgressInput,
  gives: entityPayload('ProgressPayload', 'progress', Progress),
  id: ({ projectId }) => projectId,
  plan: (input) => [{ subject: 'progress', patch: stateIn(input) }],
});
