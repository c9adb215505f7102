import { isKnownKind, kindNamed, type Kind } from '../events/catalogue.ts';
import { topicsOf, type Entry } from '../events/event.ts';
import { topic } from '../events/topics.ts';
import { builder, covers, coversOneOf, isGiven, type InputFieldBuilder } from './builder.ts';
import { ChangeReason, Event, EventType } from './event.ts';
import { listenAt } from './place.ts';
import { subscription } from './subscriptions.ts';

/** What is looked for: the filter of history, and the arguments of the subscription. */
const filterFields = (t: InputFieldBuilder) => ({
  types: t.field({ type: [EventType] }),
  projectId: t.id(),
  repoId: t.id(),
  actor: t.string(),
  reasons: t.field({ type: [ChangeReason] }),
});
export const EventFilter = builder.inputType('EventFilter', { fields: filterFields });
export type Filter = typeof EventFilter.$inferInput;

/** Kinds that never are part of `events`. */
const apart: ReadonlySet<Kind> = new Set<Kind>(['notification', 'presence.changed']);

subscription('events', {
  about: null,
  type: Event,
  snapshot: false,
  // Pothos types what makes arguments and what makes input fields apart, but they make the same.
  args: builder.args((t) => filterFields(t as unknown as InputFieldBuilder)),
  listen: async (filter, request) => {
    const wanted = filter.types?.map((type) => kindNamed(type)!).filter((kind) => !apart.has(kind)) ?? 'any';
    const { projectId, repoId } = filter;
    const withAnnouncements = wanted === 'any' || wanted.includes('announcement');
    return {
      ...(await listenAt(request, { projectId, repoId, withAnnouncements })),
      kinds: wanted,
      matches: (entry) => passes(filter, entry),
    };
  },
});

/** Whether a filter lets an event through. */
export function passes(filter: Filter, entry: Entry): boolean {
  const { types, projectId, repoId, actor, reasons } = filter;
  return (
    isKnownKind(entry.kind) &&
    !apart.has(entry.kind) &&
    (!isGiven(types) || types.some((type) => kindNamed(type) === entry.kind)) &&
    covers(projectId, entry.projectId) &&
    covers(actor, entry.actor) &&
    coversOneOf(reasons, entry.reason) &&
    (!isGiven(repoId) || topicsOf(entry).includes(topic('repo', repoId)))
  );
}
