import type { StateOf } from '../events/catalogue.ts';
import * as states from '../events/states.ts';
import { topic, type Topic } from '../events/topics.ts';
import { builder, covers, isGiven } from './builder.ts';
import { findEntity, listField } from './connections.ts';
import { requestOf } from './context.ts';
import { eventType, isAtLeast, Severity } from './event.ts';
import { causeFields, entityPayload, mutation, stateIn } from './mutations.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

const TargetType = builder.enumType('TargetType', { values: states.AiSuggestion.shape.targetType.options });

const AiSuggestion = builder.objectRef<StateOf<'suggestion'>>('AiSuggestion').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    projectId: t.exposeID('projectId'),
    targetType: t.expose('targetType', { type: TargetType }),
    targetId: t.exposeID('targetId'),
    category: t.exposeString('category'),
    title: t.exposeString('title'),
    description: t.exposeString('description', { nullable: true }),
    severity: t.expose('severity', { type: Severity }),
    confidence: t.exposeFloat('confidence'),
    suggestedAction: t.exposeString('suggestedAction', { nullable: true }),
    metadata: t.expose('metadata', { type: 'JSON', nullable: true }),
  }),
});

const AiSuggestionMade = eventType('suggestion', (t) => ({
  suggestion: t.field({ type: AiSuggestion, resolve: ({ data }) => data }),
}));

const AiAnalysisComplete = eventType('analysis', (t) => ({
  analysisId: t.id({ resolve: ({ data }) => data.id }),
  targetType: t.field({ type: TargetType, resolve: ({ data }) => data.targetType }),
  targetId: t.id({ resolve: ({ data }) => data.targetId }),
  summary: t.string({ nullable: true, resolve: ({ data }) => data.summary }),
  suggestionCount: t.int({ nullable: true, resolve: ({ data }) => data.suggestionCount }),
  durationMs: t.int({ nullable: true, resolve: ({ data }) => data.durationMs }),
  metadata: t.field({ type: 'JSON', nullable: true, resolve: ({ data }) => data.metadata }),
}));

// ---------------------------------------------------------------------------------------------------------------- reading

type Target = Pick<StateOf<'suggestion'>, 'targetType' | 'targetId'>;
type WantedTarget = { readonly [Field in keyof Target]?: Target[Field] | null | undefined };

const targetArguments = builder.args((t) => ({
  projectId: t.id(),
  targetType: t.field({ type: TargetType }),
  targetId: t.id(),
}));

const suggestionArguments = builder.args((t) => ({
  ...targetArguments,
  category: t.string(),
  minSeverity: t.field({ type: Severity }),
  minConfidence: t.float(),
}));

/** The narrowest topic of a target that is fully told. */
function topicOfTarget({ targetType, targetId }: WantedTarget): Topic | undefined {
  return isGiven(targetType) && isGiven(targetId) ? topic('target', `${targetType}/${targetId}`) : undefined;
}

function isTarget(wanted: WantedTarget, target: Target): boolean {
  return covers(wanted.targetType, target.targetType) && covers(wanted.targetId, target.targetId);
}

interface Weight {
  readonly minSeverity?: states.Severity | null | undefined;
  readonly minConfidence?: number | null | undefined;
}

function weighs({ minSeverity, minConfidence }: Weight, suggestion: StateOf<'suggestion'>): boolean {
  return isAtLeast(minSeverity, suggestion.severity) && suggestion.confidence >= (minConfidence ?? 0);
}

builder.queryField('aiSuggestion', (t) =>
  t.field({
    type: AiSuggestion,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => findEntity(requestOf(context), 'suggestion', id),
  }),
);

listField('aiSuggestions', {
  of: 'suggestion',
  node: AiSuggestion,
  args: suggestionArguments,
  where: (args) => ({
    place: { projectId: args.projectId, topic: topicOfTarget(args) },
    matches: (suggestion) =>
      isTarget(args, suggestion) && covers(args.category, suggestion.category) && weighs(args, suggestion),
  }),
});

subscription('aiSuggestion', {
  about: 'suggestion',
  type: AiSuggestionMade,
  snapshot: true,
  args: suggestionArguments,
  listen: async (args, request) => ({
    ...(await listenAt(request, { projectId: args.projectId, topic: topicOfTarget(args) })),
    fields: { targetType: args.targetType, targetId: args.targetId, category: args.category },
    matches: ({ data }) => weighs(args, data),
  }),
});

subscription('aiAnalysisComplete', {
  about: 'analysis',
  type: AiAnalysisComplete,
  snapshot: false,
  args: targetArguments,
  listen: async (args, request) => ({
    ...(await listenAt(request, { projectId: args.projectId, topic: topicOfTarget(args) })),
    fields: { targetType: args.targetType, targetId: args.targetId },
  }),
});

// ------------------------------------------------------------------------------------------------------------- publishing

const PublishAiSuggestionInput = builder.inputType('PublishAiSuggestionInput', {
  fields: (t) => ({
    id: t.id(),
    projectId: t.id({ required: true }),
    targetType: t.field({ type: TargetType, required: true }),
    targetId: t.id({ required: true }),
    category: t.string({ required: true }),
    title: t.string({ required: true }),
    description: t.string(),
    severity: t.field({ type: Severity }),
    confidence: t.float(),
    suggestedAction: t.string(),
    metadata: t.field({ type: 'JSON' }),
    ...causeFields(t),
  }),
});

mutation('publishAiSuggestion', {
  input: PublishAiSuggestionInput,
  gives: entityPayload('AiSuggestionPayload', 'suggestion', AiSuggestion),
  id: ({ id }, newId) => id ?? newId(),
  plan: (input, _view, id) => [{ subject: 'suggestion', patch: { ...stateIn(input), id } }],
});

const CompleteAnalysisInput = builder.inputType('CompleteAnalysisInput', {
  fields: (t) => ({
    id: t.id(),
    projectId: t.id({ required: true }),
    targetType: t.field({ type: TargetType, required: true }),
    targetId: t.id({ required: true }),
    summary: t.string(),
    suggestionCount: t.int(),
    durationMs: t.int(),
    metadata: t.field({ type: 'JSON' }),
    ...causeFields(t),
  }),
});

mutation('completeAnalysis', {
  input: CompleteAnalysisInput,
  id: ({ id }, newId) => id ?? newId(),
  plan: async (input, view, id) => {
    const analysis = { subject: 'analysis', patch: { ...stateIn(input), id } } as const;
    const { projectId, targetType, targetId, summary, suggestionCount, metadata } = input;
    if (targetType !== 'PULL_REQUEST') return [analysis];
    const target = await view.entity('pullRequest', targetId);
    const insights = states.PullRequest.shape.insights.safeParse({
      summary: summary ?? null,
      suggestionCount: suggestionCount ?? null,
      metadata: metadata ?? null,
    });
    // What is wrong with the insights is wrong with the analysis, which tells it.
    if (target?.projectId !== projectId || !insights.success) return [analysis];
    const { repoId, number } = target;
    const patch = { repoId, number, insights: insights.data };
    return [analysis, { subject: 'pullRequest', reason: 'INSIGHTS', patch, aspect: 'insights' }];
  },
});
