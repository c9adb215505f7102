import { enumName, kindNames, subjectOf, subjects, type SubjectName } from '../events/catalogue.ts';
import { changeReasons, cursorOf, type Entry } from '../events/event.ts';
import { severities, type Severity as SeverityName } from '../events/states.ts';
import { builder, isGiven, type FieldBuilder, type Fields, type ObjectRef } from './builder.ts';

export const EventType = builder.enumType('EventType', { values: kindNames.map(enumName) });
export const ChangeReason = builder.enumType('ChangeReason', { values: changeReasons });
export const Severity = builder.enumType('Severity', { values: severities });

/** Whether something is as urgent as an optional argument asks for. */
export function isAtLeast(minimum: SeverityName | null | undefined, severity: SeverityName): boolean {
  return !isGiven(minimum) || severities.indexOf(severity) >= severities.indexOf(minimum);
}

export const Event = builder.interfaceRef<Entry>('Event').implement({
  resolveType: (entry) => subjectOf(entry.kind).payload,
  fields: (t) => ({
    cursor: t.field({ type: 'Cursor', resolve: cursorOf }),
    type: t.field({ type: EventType, resolve: (entry) => enumName(entry.kind) }),
    reason: t.expose('reason', { type: ChangeReason }),
    projectId: t.exposeID('projectId', { nullable: true }),
    actor: t.exposeString('actor', { nullable: true }),
    source: t.exposeString('source'),
    occurredAt: t.expose('occurredAt', { type: 'DateTime' }),
    recordedAt: t.expose('recordedAt', { type: 'DateTime' }),
    changedFields: t.stringList({
      resolve: ({ kind, changed }) => {
        const { renamed } = subjectOf(kind);
        return changed.map((field) => renamed?.[field] ?? field);
      },
    }),
  }),
});

/**
 * The type of a subject's events: what every event has, and these fields. They have to resolve synchronously from the entry
 * alone: the hub resolves them once for all subscribers.
 */
export function eventType<Name extends SubjectName>(
  about: Name,
  fields: (t: FieldBuilder<Entry<Name>>) => Fields,
): ObjectRef<Entry<Name>> {
  // The compiler can't see through the generic entry that it has all that Event needs.
  const shape = { interfaces: [Event], fields } as never;
  return builder.objectRef<Entry<Name>>(subjects[about].payload).implement(shape);
}
