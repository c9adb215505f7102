import type { StateOf } from '../events/catalogue.ts';
import * as states from '../events/states.ts';
import { builder, covers, coversOneOf } from './builder.ts';
import { findEntity, listField } from './connections.ts';
import { requestOf } from './context.ts';
import { eventType, isAtLeast, Severity } from './event.ts';
import { causeFields, entityPayload, mutation, stateIn } from './mutations.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

const AlertStatus = builder.enumType('AlertStatus', { values: states.Alert.shape.status.options });

const Alert = builder.objectRef<StateOf<'alert'>>('Alert').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    projectId: t.exposeID('projectId', { nullable: true }),
    rule: t.exposeString('rule'),
    message: t.exposeString('message'),
    severity: t.expose('severity', { type: Severity }),
    threshold: t.exposeFloat('threshold', { nullable: true }),
    value: t.exposeFloat('value', { nullable: true }),
    status: t.expose('status', { type: AlertStatus }),
    url: t.exposeString('url', { nullable: true }),
    metadata: t.expose('metadata', { type: 'JSON', nullable: true }),
  }),
});

const AlertTriggered = eventType('alert', (t) => ({
  alert: t.field({ type: Alert, resolve: ({ data }) => data }),
}));

const Risk = builder.objectRef<StateOf<'risk'>>('Risk').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    projectId: t.exposeID('projectId'),
    severity: t.expose('severity', { type: Severity }),
    message: t.exposeString('message'),
    metadata: t.expose('metadata', { type: 'JSON', nullable: true }),
  }),
});

const RiskAlert = eventType('risk', (t) => ({
  risk: t.field({ type: Risk, resolve: ({ data }) => data }),
}));

// ---------------------------------------------------------------------------------------------------------------- reading

builder.queryField('alert', (t) =>
  t.field({
    type: Alert,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => findEntity(requestOf(context), 'alert', id),
  }),
);

listField('alerts', {
  of: 'alert',
  node: Alert,
  args: builder.args((t) => ({
    projectId: t.id(),
    rule: t.string(),
    statuses: t.field({ type: [AlertStatus] }),
    minSeverity: t.field({ type: Severity }),
  })),
  where: ({ projectId, rule, statuses, minSeverity }) => ({
    place: { projectId },
    matches: (alert) =>
      covers(rule, alert.rule) &&
      coversOneOf(statuses, alert.status) &&
      isAtLeast(minSeverity, alert.severity),
  }),
});

listField('risks', {
  of: 'risk',
  node: Risk,
  args: builder.args((t) => ({ projectId: t.id(), minSeverity: t.field({ type: Severity }) })),
  where: ({ projectId, minSeverity }) => ({
    place: { projectId },
    matches: ({ severity }) => isAtLeast(minSeverity, severity),
  }),
});

subscription('alertTriggered', {
  about: 'alert',
  type: AlertTriggered,
  snapshot: true,
  args: builder.args((t) => ({
    projectId: t.id(),
    rule: t.string(),
    minSeverity: t.field({ type: Severity }),
  })),
  listen: async ({ projectId, rule, minSeverity }, request) => ({
    ...(await listenAt(request, { projectId })),
    fields: { rule },
    matches: ({ data }) => isAtLeast(minSeverity, data.severity),
  }),
});

subscription('riskAlert', {
  about: 'risk',
  type: RiskAlert,
  snapshot: true,
  args: builder.args((t) => ({ projectId: t.id(), minSeverity: t.field({ type: Severity }) })),
  listen: async ({ projectId, minSeverity }, request) => ({
    ...(await listenAt(request, { projectId })),
    matches: ({ data }) => isAtLeast(minSeverity, data.severity),
  }),
});

// ------------------------------------------------------------------------------------------------------------- publishing

const TriggerAlertInput = builder.inputType('TriggerAlertInput', {
  fields: (t) => ({
    id: t.id(),
    projectId: t.id(),
    rule: t.string({ required: true }),
    message: t.string({ required: true }),
    severity: t.field({ type: Severity }),
    threshold: t.float(),
    value: t.float(),
    status: t.field({ type: AlertStatus }),
    url: t.string(),
    metadata: t.field({ type: 'JSON' }),
    ...causeFields(t),
  }),
});

mutation('triggerAlert', {
  input: TriggerAlertInput,
  gives: entityPayload('AlertPayload', 'alert', Alert),
  id: ({ id }, newId) => id ?? newId(),
  plan: (input, _view, id) => [{ subject: 'alert', patch: { ...stateIn(input), id } }],
});

const RaiseRiskInput = builder.inputType('RaiseRiskInput', {
  fields: (t) => ({
    id: t.id(),
    projectId: t.id({ required: true }),
    severity: t.field({ type: Severity, required: true }),
    message: t.string({ required: true }),
    metadata: t.field({ type: 'JSON' }),
    ...causeFields(t),
  }),
});

mutation('raiseRisk', {
  input: RaiseRiskInput,
  gives: entityPayload('RiskPayload', 'risk', Risk),
  id: ({ id }, newId) => id ?? newId(),
  plan: (input, _view, id) => [{ subject: 'risk', patch: { ...stateIn(input), id } }],
});
