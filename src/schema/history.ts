import { mayRead } from '../auth/access.ts';
import { invalidInput } from '../errors.ts';
import { cursorOf, type Entry } from '../events/event.ts';
import { decodeCursor, encodeCursor, PositionLost, type Position } from '../events/position.ts';
import type { EventStore, LogName } from '../store/store.ts';
import { EventFilter, passes, type Filter } from './all-events.ts';
import { builder, isGiven } from './builder.ts';
import { checkCount, PageInfo } from './connections.ts';
import { requestOf, type RequestContext } from './context.ts';
import { Event } from './event.ts';
import { eventsLog, topicsOfPlace } from './place.ts';

const DEFAULT = 50;
const MOST = 500;
/** Entries read at once, and how often for one request: a store also bounds the bytes that it reads at once. */
const READ = 500;
const MAX_READS = 10;

interface HistoryPage {
  /** Oldest first. */
  readonly entries: readonly Entry[];
  readonly startCursor: string | null;
  /** Everything up to here was looked at. */
  readonly end: Position;
  readonly head: Position;
  readonly hasPreviousPage: boolean;
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
      resolve: ({ startCursor, end, head, hasPreviousPage }) => ({
        hasNextPage: end.offset < head.offset,
        hasPreviousPage,
        startCursor,
        endCursor: encodeCursor(end),
      }),
    }),
    headCursor: t.field({ type: 'Cursor', resolve: ({ head }) => encodeCursor(head) }),
  }),
});

/** What is asked for. */
interface Question {
  readonly request: RequestContext;
  readonly filter: Filter;
  readonly count: number;
  /** Entries read at once. */
  readonly atOnce: number;
}

builder.queryField('events', (t) =>
  t.field({
    type: EventConnection,
    args: {
      filter: t.arg({ type: EventFilter }),
      first: t.arg.int(),
      after: t.arg({ type: 'Cursor' }),
      last: t.arg.int(),
      before: t.arg({ type: 'Cursor' }),
    },
    resolve: async (_root, { first, after, last, before, ...args }, context): Promise<HistoryPage> => {
      const isBackwards = isGiven(last) || isGiven(before);
      if (isBackwards && (isGiven(first) || isGiven(after)))
        throw invalidInput([
          { path: [isGiven(last) ? 'last' : 'before'], message: 'goes with neither first nor after' },
        ]);
      const count = (isBackwards ? last : first) ?? DEFAULT;
      checkCount(isBackwards ? 'last' : 'first', count, MOST);
      const cursor = isBackwards ? before : after;
      const position = isGiven(cursor) ? decodeCursor(cursor).position : null;
      const request = requestOf(context);
      const question = { request, filter: args.filter ?? {}, count };
      topicsOfPlace(request.viewer, question.filter);
      try {
        return await request.answerSize.inTurn(async (atOnce) =>
          (isBackwards ? lookBack : lookOn)({ ...question, atOnce: atOnce(READ) }, position),
        );
      } catch (error) {
        throw error instanceof PositionLost ? error.toTidingsError() : error;
      }
    },
  }),
);

/** Behind a position; null: from the oldest event that is retained. */
async function lookOn(
  { request, filter, count, atOnce }: Question,
  after: Position | null,
): Promise<HistoryPage> {
  const { store, viewer, answerSize } = request;
  const entries: Entry[] = [];
  let end = after;
  for (let reads = 1; ; reads++) {
    const page = await store.read(eventsLog(viewer), end ?? 'oldest', atOnce);
    let isFull = false;
    for (const entry of page.entries) {
      end = entry.position;
      if (!passes(filter, entry) || !mayRead(viewer, entry)) continue;
      entries.push(entry);
      isFull = answerSize.isReachedBy(entry) || entries.length === count;
      if (isFull) break;
    }
    end ??= page.head;
    const isDone = isFull || reads === MAX_READS || page.entries.length === 0;
    if (!isDone && end.offset < page.head.offset) continue;
    return {
      entries,
      startCursor: entries[0] === undefined ? null : cursorOf(entries[0]),
      end,
      head: page.head,
      hasPreviousPage: after !== null && after.offset > 0,
    };
  }
}

/** Before the event at a position; null: the newest ones. */
async function lookBack(
  { request, filter, count, atOnce }: Question,
  before: Position | null,
): Promise<HistoryPage> {
  const { store, viewer, answerSize } = request;
  const log = eventsLog(viewer);
  const first = await store.readBefore(log, before ?? 'newest', atOnce);
  const entries: Entry[] = [];
  let start = before;
  let isFull = false;
  let page = first.entries;
  for (let reads = 1; ; reads++) {
    for (const entry of page.toReversed()) {
      start = entry.position;
      if (!passes(filter, entry) || !mayRead(viewer, entry)) continue;
      entries.push(entry);
      isFull = answerSize.isReachedBy(entry) || entries.length === count;
      if (isFull) break;
    }
    if (isFull || reads === MAX_READS || page.length === 0) break;
    page = await entriesBefore(store, log, start!, atOnce);
  }
  return {
    entries: entries.toReversed(),
    startCursor: start === null ? null : encodeCursor(start),
    end: first.entries.at(-1)?.position ?? before ?? first.head,
    // What comes while it is looked back is behind the page's end, and behind what it tells of the log.
    head: first.head,
    hasPreviousPage: page.length > 0 && (await entriesBefore(store, log, start!, 1)).length > 0,
  };
}

/** Before a position that was in the log a moment ago: nothing, where it was trimmed meanwhile. */
async function entriesBefore(
  store: EventStore,
  log: LogName,
  position: Position,
  limit: number,
): Promise<readonly Entry[]> {
  try {
    return (await store.readBefore(log, position, limit)).entries;
  } catch (error) {
    if (error instanceof PositionLost && error.reason === 'trimmed') return [];
    throw error;
  }
}
