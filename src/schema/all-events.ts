import { mayRead } from '../auth/access.ts';
import { kindNamed, type Kind } from '../events/catalogue.ts';
import { cursorOf, topicsOf, type Entry } from '../events/event.ts';
import { decodeCursor, encodeCursor, PositionLost, type Position } from '../events/position.ts';
import { topic } from '../events/topics.ts';
import type { Page } from '../store/store.ts';
import { builder, covers, coversOneOf, isGiven, type InputFieldBuilder } from './builder.ts';
import { AnswerSize, checkFirst, PageInfo } from './connections.ts';
import { requestOf, type RequestContext } from './context.ts';
import { ChangeReason, Event, EventType } from './event.ts';
import { eventsLog, listenAt, topicsOfPlace } from './place.ts';
import { subscription } from './subscriptions.ts';

const FIRST = 50;
const MOST = 500;
/** Entries read at once, and how often for one request: a store also bounds the bytes that it reads at once. */
const READ = 500;
const MAX_READS = 10;

/** What is looked for: the filter of history, and the arguments of the subscription. */
const filterFields = (t: InputFieldBuilder) => ({
  types: t.field({ type: [EventType] }),
  projectId: t.id(),
  repoId: t.id(),
  actor: t.string(),
  reasons: t.field({ type: [ChangeReason] }),
});
const EventFilter = builder.inputType('EventFilter', { fields: filterFields });
type Filter = typeof EventFilter.$inferInput;

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
function passes(filter: Filter, entry: Entry): boolean {
  const { types, projectId, repoId, actor, reasons } = filter;
  return (
    !apart.has(entry.kind) &&
    (!isGiven(types) || types.some((type) => kindNamed(type) === entry.kind)) &&
    covers(projectId, entry.projectId) &&
    covers(actor, entry.actor) &&
    coversOneOf(reasons, entry.reason) &&
    (!isGiven(repoId) || topicsOf(entry).includes(topic('repo', repoId)))
  );
}

interface HistoryPage {
  readonly entries: readonly Entry[];
  readonly startedBehind: Position | null;
  /** Everything up to here was looked at. */
  readonly end: Position;
  readonly head: Position;
}

const EventEdge = builder.objectRef<Entry>('EventEdge').implement({
  fields: (t) => ({
    cursor: t.field({ type: 'Cursor', resolve: cursorOf }),
    node: t.field({ type: Event, resolve: (entry) => entry }),
  }),
});

const EventConnection = builder.objectRef<HistoryPage>('EventConnection').implement({
  fields: (t) => ({
    edges: t.field({ type: [EventEdge], resolve: ({ entries }) => entries }),
    nodes: t.field({ type: [Event], resolve: ({ entries }) => entries }),
    pageInfo: t.field({
      type: PageInfo,
      resolve: ({ entries, startedBehind, end, head }) => ({
        hasNextPage: end.offset < head.offset,
        hasPreviousPage: startedBehind !== null && startedBehind.offset > 0,
        startCursor: entries[0] === undefined ? null : cursorOf(entries[0]),
        endCursor: encodeCursor(end),
      }),
    }),
    headCursor: t.field({ type: 'Cursor', resolve: ({ head }) => encodeCursor(head) }),
  }),
});

async function readLog({ store, viewer }: RequestContext, after: Position | 'oldest'): Promise<Page> {
  try {
    return await store.read(eventsLog(viewer), after, READ);
  } catch (error) {
    throw error instanceof PositionLost ? error.toTidingsError() : error;
  }
}

builder.queryField('events', (t) =>
  t.field({
    type: EventConnection,
    args: {
      filter: t.arg({ type: EventFilter }),
      first: t.arg.int({ defaultValue: FIRST }),
      after: t.arg({ type: 'Cursor' }),
    },
    resolve: async (_root, args, context): Promise<HistoryPage> => {
      const request = requestOf(context);
      const filter = args.filter ?? {};
      const first = args.first ?? FIRST;
      checkFirst(first, MOST);
      topicsOfPlace(request.viewer, filter);
      const startedBehind = isGiven(args.after) ? decodeCursor(args.after).position : null;

      const entries: Entry[] = [];
      let end = startedBehind;
      const size = new AnswerSize();
      for (let reads = 1; ; reads++) {
        const page = await readLog(request, end ?? 'oldest');
        let isFull = false;
        for (const entry of page.entries) {
          end = entry.position;
          if (!passes(filter, entry) || !mayRead(request.viewer, entry)) continue;
          entries.push(entry);
          isFull = size.isReachedBy(entry) || entries.length === first;
          if (isFull) break;
        }
        end ??= page.head;
        const isDone = isFull || reads === MAX_READS || page.entries.length === 0;
        if (isDone || end.offset >= page.head.offset) return { entries, startedBehind, end, head: page.head };
      }
    },
  }),
);
