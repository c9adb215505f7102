import type { StateOf } from '../events/catalogue.ts';
import * as states from '../events/states.ts';
import { projectOf } from '../publishing/report.ts';
import { builder, isGiven } from './builder.ts';
import { eventType } from './event.ts';
import { causeFields, mutation, stateIn } from './mutations.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

type ChangedFileState = StateOf<'fileChange'>['files'][number];

const FileChangeType = builder.enumType('FileChangeType', {
  values: states.FileChange.shape.files.element.shape.changeType.options,
});

const ChangedFile = builder.objectRef<ChangedFileState>('ChangedFile').implement({
  fields: (t) => ({
    path: t.exposeString('path'),
    changeType: t.expose('changeType', { type: FileChangeType }),
    previousPath: t.exposeString('previousPath', { nullable: true }),
  }),
});

const FileChange = eventType('fileChange', (t) => ({
  repoId: t.id({ nullable: true, resolve: ({ data }) => data.repoId }),
  ref: t.string({ nullable: true, resolve: ({ data }) => data.ref }),
  headSha: t.string({ nullable: true, resolve: ({ data }) => data.headSha }),
  files: t.field({ type: [ChangedFile], resolve: ({ data }) => data.files }),
}));

const AutoCommitPhase = builder.enumType('AutoCommitPhase', {
  values: states.AutoCommit.shape.phase.options,
});

const AutoCommit = eventType('autoCommit', (t) => ({
  commitId: t.id({ resolve: ({ data }) => data.id }),
  repoId: t.id({ nullable: true, resolve: ({ data }) => data.repoId }),
  phase: t.field({ type: AutoCommitPhase, resolve: ({ data }) => data.phase }),
  success: t.boolean({ nullable: true, resolve: ({ data }) => data.success }),
  changesCount: t.int({ nullable: true, resolve: ({ data }) => data.changesCount }),
  sha: t.string({ nullable: true, resolve: ({ data }) => data.sha }),
  message: t.string({ nullable: true, resolve: ({ data }) => data.message }),
  error: t.string({ nullable: true, resolve: ({ data }) => data.error }),
}));

// ---------------------------------------------------------------------------------------------------------------- reading

const placeArguments = builder.args((t) => ({ projectId: t.id(), repoId: t.id() }));

subscription('fileChanged', {
  about: 'fileChange',
  type: FileChange,
  snapshot: false,
  args: { ...placeArguments, ...builder.args((t) => ({ pathPrefix: t.string() })) },
  listen: async ({ projectId, repoId, pathPrefix }, request) => ({
    ...(await listenAt(request, { projectId, repoId })),
    matches: ({ data }) => !isGiven(pathPrefix) || data.files.some(({ path }) => path.startsWith(pathPrefix)),
  }),
});

subscription('autoCommit', {
  about: 'autoCommit',
  type: AutoCommit,
  snapshot: true,
  args: { ...placeArguments, ...builder.args((t) => ({ phases: t.field({ type: [AutoCommitPhase] }) })) },
  listen: async ({ projectId, repoId, phases }, request) => ({
    ...(await listenAt(request, { projectId, repoId })),
    fields: { phase: phases },
  }),
});

// ------------------------------------------------------------------------------------------------------------- publishing

const ChangedFileInput = builder.inputType('ChangedFileInput', {
  fields: (t) => ({
    path: t.string({ required: true }),
    changeType: t.field({ type: FileChangeType, required: true }),
    previousPath: t.string(),
  }),
});

const ReportFileChangeInput = builder.inputType('ReportFileChangeInput', {
  fields: (t) => ({
    projectId: t.id(),
    repoId: t.id(),
    ref: t.string(),
    headSha: t.string(),
    files: t.field({ type: [ChangedFileInput], required: true }),
    ...causeFields(t),
  }),
});

mutation('reportFileChange', {
  input: ReportFileChangeInput,
  plan: async (input, view) => {
    const { projectId, issues } = await projectOf(view, input);
    const none =
      input.files.length === 0 ? [{ path: ['files'], message: 'must name at least one file' }] : [];
    return [{ subject: 'fileChange', patch: { ...stateIn(input), projectId }, issues: [...issues, ...none] }];
  },
});

const ReportAutoCommitInput = builder.inputType('ReportAutoCommitInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    projectId: t.id(),
    repoId: t.id(),
    phase: t.field({ type: AutoCommitPhase, required: true }),
    success: t.boolean(),
    changesCount: t.int(),
    sha: t.string(),
    message: t.string(),
    error: t.string(),
    ...causeFields(t),
  }),
});

mutation('reportAutoCommit', {
  input: ReportAutoCommitInput,
  plan: async (input, view) => {
    const { projectId, issues } = await projectOf(view, input);
    return [{ subject: 'autoCommit', patch: { ...stateIn(input), projectId }, issues }];
  },
});
