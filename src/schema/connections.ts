import { mayRead, requireScope } from '../auth/access.ts';
import { invalidInput, TidingsError } from '../errors.ts';
import type { StateOf, SubjectName } from '../events/catalogue.ts';
import type { Entry } from '../events/event.ts';
import type { Topic } from '../events/topics.ts';
import type { EntityPage, EntityQuery } from '../store/store.ts';
import { builder, isGiven, type ArgumentMap, type ArgumentsOf, type ObjectRef } from './builder.ts';
import { requestOf, type RequestContext } from './context.ts';
import { eventsLog, topicsOfPlace, type Place } from './place.ts';

interface PageFacts {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

export const PageInfo = builder.objectRef<PageFacts>('PageInfo').implement({
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage'),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage'),
    startCursor: t.exposeString('startCursor', { nullable: true }),
    endCursor: t.exposeString('endCursor', { nullable: true }),
  }),
});

interface Edge<Node> {
  readonly cursor: string;
  readonly node: Node;
}

interface Connection<Node> {
  readonly edges: readonly Edge<Node>[];
  readonly pageInfo: PageFacts;
}

function connectionOf<Node>(node: ObjectRef<Node>): ObjectRef<Connection<Node>> {
  const edge = builder.objectRef<Edge<Node>>(`${node.name}Edge`).implement({
    fields: (t) => ({
      cursor: t.exposeString('cursor'),
      node: t.field({ type: node as ObjectRef<object>, resolve: (each) => each.node as object }),
    }),
  });
  return builder.objectRef<Connection<Node>>(`${node.name}Connection`).implement({
    fields: (t) => ({
      edges: t.field({ type: [edge], resolve: ({ edges }) => edges }),
      nodes: t.field({
        type: [node as ObjectRef<object>],
        resolve: ({ edges }) => edges.map((each) => each.node as object),
      }),
      pageInfo: t.field({ type: PageInfo, resolve: ({ pageInfo }) => pageInfo }),
    }),
  });
}

/** @throws TidingsError INVALID_INPUT */
export function checkCount(argument: 'first' | 'last', count: number, most: number): void {
  if (count >= 1 && count <= most) return;
  throw invalidInput([{ path: [argument], message: `must be between 1 and ${most}` }]);
}

const FIRST = 20;
const MOST = 100;
/** Entities read at once where there is one list to read; where many are merged, few of each are needed. */
const READ = 200;

const pageArguments = builder.args((t) => ({ first: t.int({ defaultValue: FIRST }), after: t.string() }));

type Read = (query: EntityQuery) => Promise<Pick<EntityPage, 'entries' | 'hasMore'>>;

interface Listed<Name extends SubjectName> {
  readonly place: Place;
  /** What is left of the arguments. */
  readonly matches?: (state: StateOf<Name>) => boolean;
  /** Where the entities come from. Default: the store, from the workspace's events. */
  readonly read?: Read;
}

interface ListOptions<Name extends SubjectName, Args extends ArgumentMap> {
  readonly of: Name;
  readonly node: ObjectRef<StateOf<Name>>;
  readonly args: Args;
  readonly where: (args: ArgumentsOf<Args>, request: RequestContext) => Listed<Name>;
}

/** A field of Query that lists the entities which match its arguments and which the viewer may read, page by page, ordered by id. */
export function listField<Name extends SubjectName, Args extends ArgumentMap>(
  field: string,
  { of, node, args, where }: ListOptions<Name, Args>,
): void {
  const connection: ObjectRef<Connection<unknown>> = connectionOf(node);
  const withPage: typeof pageArguments = { ...args, ...pageArguments };
  builder.queryField(field, (t) =>
    t.field({
      type: connection,
      args: withPage,
      resolve: async (_root, given, context) => {
        const request = requestOf(context);
        const { viewer, store } = request;
        const first = given.first ?? FIRST;
        checkCount('first', first, MOST);
        const { place, matches, read } = where(given as ArgumentsOf<Args>, request);
        const topics = topicsOfPlace(viewer, place);
        const afterId = isGiven(given.after) ? decodeListCursor(given.after) : undefined;

        const list: List = {
          read: read ?? (async (query) => store.entities(eventsLog(viewer), query)),
          type: of,
          afterId,
        };
        return request.answerSize.inTurn(async (atOnce) => {
          const edges: Edge<StateOf<Name>>[] = [];
          let hasNextPage = false;
          let isFull = false;
          const most = topics.length > 1 ? first + 1 : READ;
          // One that matches may be far.
          const each = matches === undefined ? atOnce(most) : most;
          for await (const entry of entitiesOf(list, topics, each)) {
            if (!mayRead(viewer, entry)) continue;
            if (isGiven(place.projectId) && entry.projectId !== place.projectId) continue;
            const state = entry.data as StateOf<Name>;
            if (matches !== undefined && !matches(state)) continue;
            hasNextPage = isFull;
            if (hasNextPage) break;
            edges.push({ cursor: encodeListCursor(entry.entityId!), node: state });
            isFull = request.answerSize.isReachedBy(state) || edges.length === first;
          }
          return {
            edges,
            pageInfo: {
              hasNextPage,
              hasPreviousPage: afterId !== undefined,
              startCursor: edges[0]?.cursor ?? null,
              endCursor: edges.at(-1)?.cursor ?? null,
            },
          };
        });
      },
    }),
  );
}

/** The entity with an id, or null when it isn't there or the viewer may not read it, which look the same. */
export async function findEntity<Name extends SubjectName>(
  { viewer, store }: RequestContext,
  type: Name,
  id: string,
): Promise<StateOf<Name> | null> {
  requireScope(viewer, 'read');
  const record = await store.entity(eventsLog(viewer), type, id);
  if (record === undefined || record.deleted || !mayRead(viewer, record.entry)) return null;
  return record.entry.data as StateOf<Name>;
}

/** A list's entry, with its id as the store compares ids. */
interface Head {
  readonly entry: Entry;
  readonly bytes: Buffer;
}

interface List {
  readonly read: Read;
  readonly type: SubjectName;
  readonly afterId: string | undefined;
}

/** All entities under several topics in the order of their ids, each once, read `limit` at a time as they are asked for. */
async function* entitiesOf(list: List, topics: readonly Topic[], limit: number): AsyncGenerator<Entry> {
  const lists = topics.map((topic) => entitiesUnder(list, topic, limit));
  const heads = await Promise.all(lists.map(nextOf));
  for (;;) {
    let smallest: Head | undefined;
    for (const head of heads) {
      if (head !== undefined && (smallest === undefined || Buffer.compare(head.bytes, smallest.bytes) < 0))
        smallest = head;
    }
    if (smallest === undefined) return;
    yield smallest.entry;
    // An entity that moved to another topic between two reads is at the head of both.
    const { bytes } = smallest;
    for (const [index, head] of heads.entries()) {
      if (head?.bytes.equals(bytes) === true) heads[index] = await nextOf(lists[index]!);
    }
  }
}

async function nextOf(list: AsyncGenerator<Entry>): Promise<Head | undefined> {
  const { value, done } = await list.next();
  return done === true ? undefined : { entry: value, bytes: Buffer.from(value.entityId!) };
}

async function* entitiesUnder(
  { read, type, afterId }: List,
  topic: Topic,
  limit: number,
): AsyncGenerator<Entry> {
  let after = afterId;
  for (;;) {
    const query = { type, topic, limit };
    const page = await read(after === undefined ? query : { ...query, afterId: after });
    yield* page.entries;
    after = page.entries.at(-1)?.entityId ?? undefined;
    if (!page.hasMore || after === undefined) return;
  }
}

/** Names a list's entry by its id, so that it holds whatever comes and goes beside it, and whatever the token allows meanwhile. */
function encodeListCursor(id: string): string {
  return Buffer.from(`1.${id}`).toString('base64url');
}

/** @throws TidingsError BAD_CURSOR */
function decodeListCursor(cursor: string): string {
  const text = cursor.length <= 4_096 ? Buffer.from(cursor, 'base64url').toString() : '';
  const id = text.slice(2);
  if (id === '' || encodeListCursor(id) !== cursor) throw new TidingsError('BAD_CURSOR');
  return id;
}
