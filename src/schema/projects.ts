import { mayRead, requireScope } from '../auth/access.ts';
import type { StateOf } from '../events/catalogue.ts';
import * as states from '../events/states.ts';
import { topic } from '../events/topics.ts';
import { notFound } from '../publishing/report.ts';
import { builder, coversOneOf, type InputFieldBuilder } from './builder.ts';
import { findEntity, listField } from './connections.ts';
import { requestOf } from './context.ts';
import { eventType } from './event.ts';
import { causeFields, entityPayload, mutation, stateIn } from './mutations.ts';
import { eventsLog, listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

type ProjectState = StateOf<'project'>;

const ProjectStatus = builder.enumType('ProjectStatus', { values: states.Project.shape.status.options });

export const Repository = builder.objectRef<states.Repository>('Repository').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    fullName: t.exposeString('fullName'),
    githubId: t.exposeID('githubId', { nullable: true }),
    url: t.exposeString('url', { nullable: true }),
    defaultBranch: t.exposeString('defaultBranch', { nullable: true }),
    isArchived: t.exposeBoolean('isArchived'),
  }),
});

export const Project = builder.objectRef<ProjectState>('Project').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    description: t.exposeString('description', { nullable: true }),
    repositoryUrl: t.exposeString('repositoryUrl', { nullable: true }),
    status: t.expose('status', { type: ProjectStatus }),
    metadata: t.expose('metadata', { type: 'JSON', nullable: true }),
    repositories: t.expose('repositories', { type: [Repository] }),
  }),
});

const ProjectUpdate = eventType('project', (t) => ({
  project: t.field({ type: Project, resolve: ({ data }) => data }),
  changes: t.field({
    type: 'JSON',
    resolve: ({ changed, data }) =>
      Object.fromEntries(changed.map((field) => [field, data[field as keyof ProjectState]])),
  }),
}));

// ---------------------------------------------------------------------------------------------------------------- reading

builder.queryFields((t) => ({
  project: t.field({
    type: Project,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => findEntity(requestOf(context), 'project', id),
  }),
  projectOfRepository: t.field({
    type: Project,
    nullable: true,
    args: { fullName: t.arg.string({ required: true }) },
    resolve: async (_root, { fullName }, context) => {
      const { store, viewer } = requestOf(context);
      requireScope(viewer, 'read');
      const { entries } = await store.entities(eventsLog(viewer), {
        type: 'project',
        topic: topic('repo-name', fullName.toLowerCase()),
        limit: 100,
      });
      const holder = entries.find((entry) => mayRead(viewer, entry));
      return (holder?.data as ProjectState | undefined) ?? null;
    },
  }),
}));

listField('projects', {
  of: 'project',
  node: Project,
  args: builder.args((t) => ({ statuses: t.field({ type: [ProjectStatus] }) })),
  where: ({ statuses }) => ({ place: {}, matches: ({ status }) => coversOneOf(statuses, status) }),
});

subscription('projectUpdated', {
  about: 'project',
  type: ProjectUpdate,
  snapshot: true,
  args: builder.args((t) => ({ projectId: t.id({ required: true }) })),
  listen: async ({ projectId }, request) => listenAt(request, { projectId }),
});

// ------------------------------------------------------------------------------------------------------------- publishing

const ProjectPayload = entityPayload('ProjectPayload', 'project', Project);

const projectFields = (t: InputFieldBuilder) => ({
  id: t.id({ required: true }),
  name: t.string(),
  description: t.string(),
  repositoryUrl: t.string(),
  status: t.field({ type: ProjectStatus }),
  metadata: t.field({ type: 'JSON' }),
  ...causeFields(t),
});
const UpsertProjectInput = builder.inputType('UpsertProjectInput', { fields: projectFields });
const UpdateProjectInput = builder.inputType('UpdateProjectInput', { fields: projectFields });

mutation('upsertProject', {
  input: UpsertProjectInput,
  gives: ProjectPayload,
  id: ({ id }) => id,
  plan: (input) => [{ subject: 'project', patch: stateIn(input) }],
});

mutation('updateProject', {
  input: UpdateProjectInput,
  gives: ProjectPayload,
  id: ({ id }) => id,
  plan: async (input, view, id) => {
    if ((await view.entity('project', id)) === undefined) throw notFound('project', id);
    return [{ subject: 'project', patch: stateIn(input) }];
  },
});

const DeleteProjectInput = builder.inputType('DeleteProjectInput', {
  fields: (t) => ({ id: t.id({ required: true }), ...causeFields(t) }),
});

mutation('deleteProject', {
  input: DeleteProjectInput,
  gives: ProjectPayload,
  id: ({ id }) => id,
  plan: async (_input, view, id) => {
    if ((await view.entity('project', id)) === undefined) throw notFound('project', id);
    return [{ subject: 'project', kind: 'project.deleted', reason: 'DELETED', patch: { id } }];
  },
});
