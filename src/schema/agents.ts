import type { StateOf } from '../events/catalogue.ts';
import * as states from '../events/states.ts';
import { topic } from '../events/topics.ts';
import { builder, coversOneOf, isGiven } from './builder.ts';
import { findEntity, listField } from './connections.ts';
import { requestOf } from './context.ts';
import { eventType } from './event.ts';
import { causeFields, entityPayload, mutation, stateIn } from './mutations.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

const AgentStatus = builder.enumType('AgentStatus', { values: states.Agent.shape.status.options });

const Agent = builder.objectRef<StateOf<'agent'>>('Agent').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    projectId: t.exposeID('projectId', { nullable: true }),
    name: t.exposeString('name', { nullable: true }),
    status: t.expose('status', { type: AgentStatus }),
    availability: t.exposeFloat('availability', { nullable: true }),
    metadata: t.expose('metadata', { type: 'JSON', nullable: true }),
  }),
});

const AgentStatusChange = eventType('agent', (t) => ({
  agentId: t.id({ resolve: ({ data }) => data.id }),
  status: t.field({ type: AgentStatus, resolve: ({ data }) => data.status }),
  availability: t.float({ nullable: true, resolve: ({ data }) => data.availability }),
  agent: t.field({ type: Agent, resolve: ({ data }) => data }),
}));

// ---------------------------------------------------------------------------------------------------------------- reading

builder.queryField('agent', (t) =>
  t.field({
    type: Agent,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => findEntity(requestOf(context), 'agent', id),
  }),
);

listField('agents', {
  of: 'agent',
  node: Agent,
  args: builder.args((t) => ({ projectId: t.id(), statuses: t.field({ type: [AgentStatus] }) })),
  where: ({ projectId, statuses }) => ({
    place: { projectId },
    matches: ({ status }) => coversOneOf(statuses, status),
  }),
});

subscription('agentStatusChanged', {
  about: 'agent',
  type: AgentStatusChange,
  snapshot: true,
  args: builder.args((t) => ({
    agentId: t.id(),
    projectId: t.id(),
    statuses: t.field({ type: [AgentStatus] }),
  })),
  listen: async ({ agentId, projectId, statuses }, request) => ({
    ...(await listenAt(request, {
      projectId,
      ...(isGiven(agentId) ? { topic: topic('agent', agentId), entity: ['agent', agentId] } : {}),
    })),
    fields: { status: statuses },
  }),
});

// ------------------------------------------------------------------------------------------------------------- publishing

const ReportAgentStatusInput = builder.inputType('ReportAgentStatusInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    projectId: t.id(),
    name: t.string(),
    status: t.field({ type: AgentStatus, required: true }),
    availability: t.float(),
    metadata: t.field({ type: 'JSON' }),
    ...causeFields(t),
  }),
});

mutation('reportAgentStatus', {
  input: ReportAgentStatusInput,
  gives: entityPayload('AgentPayload', 'agent', Agent),
  id: ({ id }) => id,
  plan: (input) => [{ subject: 'agent', patch: stateIn(input) }],
});
