import { TidingsError } from '../errors.ts';
import { kinds } from '../events/catalogue.ts';
import { asSnapshot, isDeletion, type Entry } from '../events/event.ts';
import { encodeCursor, PositionLost, samePosition, type Position } from '../events/position.ts';
import { storeUnavailable, type EntityPage, type EventStore } from '../store/store.ts';
import type { BacklogMemory, Held, ReadPage } from './backlog-memory.ts';
import type { Route } from './route.ts';
import { roughSizeOf } from './size.ts';
import { isFiledUnder } from './topic-index.ts';

/** The state that a subscription begins with, and the position from which what follows neither misses nor repeats anything. */
export interface Snapshot extends Held {
  readonly items: readonly Entry[];
  /** Null where there is nowhere to look. */
  readonly position: Position | null;
}

/** A snapshot is read in pages of so many entities, or of what the store gives at once (about 4 MiB). It has to fit into memory. */
const PAGE = 1_000;
const MAX_FULL_PAGES = 16;

export interface SnapshotRequest {
  readonly store: EventStore;
  readonly route: Route;
  readonly accepts: (entry: Entry) => boolean;
  /** Whoever asked may leave while there is no room for it. */
  readonly isWanted: () => boolean;
}

/**
 * @throws PositionLost the log was rolled back while it was read
 * @throws TidingsError SNAPSHOT_TOO_LARGE, STORE_UNAVAILABLE; BAD_CURSOR where the subscription has no state
 */
export async function takeSnapshot(request: SnapshotRequest, memory: BacklogMemory): Promise<Snapshot> {
  return memory.whileReading(async (readPage) => readSnapshot(request, readPage));
}

async function readSnapshot(request: SnapshotRequest, readPage: ReadPage): Promise<Snapshot> {
  const { store, route, accepts } = request;
  const shown = new Map<string, Entry>();
  const positions: Position[] = [];
  for await (const { entries, at } of pagesOf(request, readPage)) {
    for (const entry of entries) shown.set(keyOf(entry), entry);
    positions.push(at);
  }
  const position = positions.at(-1) ?? null;
  await bringForward(store, route, shown, positions);

  // Only the last item's cursor continues behind the snapshot: what is left of it at any other is nowhere in the log.
  const inside = position === null ? '' : encodeCursor(position, true);
  const items = [...shown.values()].map((entry) => asSnapshot(entry, inside)).filter(accepts);
  const last = items.pop();
  if (last !== undefined && position !== null) items.push(asSnapshot(last, encodeCursor(position)));
  return { items, position, bytes: roughSizeOf(items) };
}

async function* pagesOf(
  { store, route, isWanted }: SnapshotRequest,
  readPage: ReadPage,
): AsyncGenerator<EntityPage> {
  const { log, snapshotOf: type } = route;
  if (type === null) throw new TidingsError('BAD_CURSOR');
  let fullPages = 0;
  for (const topic of route.topics) {
    const query = { type, topic, limit: PAGE };
    for (let after = {}, hasMore = true; hasMore;) {
      const page = await readPage(async () => {
        if (!isWanted()) throw storeUnavailable(new Error('nobody waits for the snapshot any more'));
        return store.entities(log, { ...query, ...after });
      });
      yield page;
      hasMore = page.hasMore;
      if (hasMore && ++fullPages > MAX_FULL_PAGES) throw new TidingsError('SNAPSHOT_TOO_LARGE');
      after = { afterId: page.entries.at(-1)?.entityId };
    }
  }
}

/** Pages read one after the other are true at different positions: what happened between them makes all of them true at the last. */
async function bringForward(
  store: EventStore,
  route: Route,
  shown: Map<string, Entry>,
  positions: readonly Position[],
): Promise<void> {
  const [first, last] = [positions[0], positions.at(-1)];
  if (first === undefined || last === undefined) return;
  // Pages of a history that is gone must not be mixed with what took its place.
  for (const [index, { offset }] of positions.entries()) {
    const before = positions[index - 1] ?? first;
    if (offset < before.offset || (offset === before.offset && !samePosition(before, positions[index]!)))
      throw new PositionLost('chain', last);
  }
  const chains = new Map(positions.map(({ offset, chain }) => [offset, chain]));
  for (let at = first; at.offset < last.offset;) {
    const { entries, head } = await store.read(route.log, at, PAGE);
    if (entries.length === 0) throw new PositionLost('ahead', head);
    for (const entry of entries) {
      at = entry.position;
      if (at.offset > last.offset) break;
      if ((chains.get(at.offset) ?? at.chain) !== at.chain) throw new PositionLost('chain', head);
      apply(entry, route, shown);
    }
  }
}

function apply(entry: Entry, route: Route, shown: Map<string, Entry>): void {
  // What was in a deleted project goes with it, without events of its own.
  if (entry.kind === 'project.deleted') {
    for (const [key, { projectId }] of shown) if (projectId === entry.entityId) shown.delete(key);
  }
  if (kinds[entry.kind] !== route.snapshotOf) return;
  if (!isDeletion(entry) && isFiledUnder(route, entry)) shown.set(keyOf(entry), entry);
  else shown.delete(keyOf(entry));
}

/** The entity of an entry, or the entry itself where it has none. */
export function keyOf(entry: Entry): string {
  return entry.entityId === null ? `at ${entry.position.offset}` : `${kinds[entry.kind]} ${entry.entityId}`;
}
