import { invalidInput } from '../errors.ts';
import { kindNamed } from '../events/catalogue.ts';
import { batchPlan, MOST_EVENTS } from '../publishing/batch.ts';
import type { Published } from '../publishing/publisher.ts';
import { builder } from './builder.ts';
import { requestOf } from './context.ts';
import { ChangeReason, EventType } from './event.ts';
import { newId, publish } from './publishing.ts';

const EventInput = builder.inputType('EventInput', {
  fields: (t) => ({
    type: t.field({ type: EventType, required: true }),
    data: t.field({ type: 'JSON', required: true }),
    reason: t.field({ type: ChangeReason }),
    comment: t.field({ type: 'JSON' }),
    logs: t.stringList(),
    actor: t.string(),
    occurredAt: t.field({ type: 'DateTime' }),
  }),
});

const PublishEventsInput = builder.inputType('PublishEventsInput', {
  fields: (t) => ({
    events: t.field({ type: [EventInput], required: true }),
    idempotencyKey: t.string(),
  }),
});

const PublishEventsPayload = builder.objectRef<Published>('PublishEventsPayload').implement({
  fields: (t) => ({
    cursors: t.field({ type: ['Cursor'], resolve: ({ cursors }) => cursors }),
    duplicate: t.exposeBoolean('duplicate'),
  }),
});

builder.mutationField('publishEvents', (t) =>
  t.field({
    type: PublishEventsPayload,
    args: { input: t.arg({ type: PublishEventsInput, required: true }) },
    resolve: async (_root, { input: { events, idempotencyKey } }, context) => {
      const request = requestOf(context);
      if (events.length < 1 || events.length > MOST_EVENTS) {
        throw invalidInput([{ path: ['input', 'events'], message: `must be 1 to ${MOST_EVENTS}` }]);
      }
      const field = 'publishEvents';
      const reports = events.map((event) => ({ ...event, kind: kindNamed(event.type)! }));
      const plan = batchPlan(reports, {
        userId: request.viewer.userId,
        idOf: (index) => newId(request, `${field} ${index}`, idempotencyKey),
        pathOf: (index) => ['input', 'events', index],
      });
      return publish(request, { field, idempotencyKey, plan, events: events.length });
    },
  }),
);
