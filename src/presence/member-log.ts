/** Members of rooms as entities of a workspace's presence log: reading them, and writing what changed. */
import { invalidInput, TidingsError } from '../errors.ts';
import { subjects } from '../events/catalogue.ts';
import { lifetimeOf, topicsOf, type Entry, type EventFacts } from '../events/event.ts';
import { topic } from '../events/topics.ts';
import { RevisionConflict, type EntityQuery, type EventStore } from '../store/store.ts';
import type { MemberRef } from './leases.ts';
import { presenceLog, type MemberPage, type PresenceMember } from './presence.ts';

/** What somebody says in a room. */
export type Said = Pick<PresenceMember, 'status' | 'activity'>;

/** A member's latest event; undefined when the log has none, or has trimmed it. */
export type Latest = Entry<'member'> | undefined;

export interface MemberChange {
  readonly state: PresenceMember;
  /** Who did it; null when nobody did, but a lease ran out. */
  readonly actor: string | null;
}

/** More than any healthy race needs. */
const MAX_ATTEMPTS = 12;

export class MemberLog {
  readonly #store: EventStore;
  readonly #now: () => number;

  constructor(store: EventStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async read(member: MemberRef): Promise<Latest> {
    const record = await this.#store.entity(presenceLog(member.workspace), 'member', idOf(member));
    return record?.entry;
  }

  /** Members of one room, or of all rooms for null. The log has no other subject. */
  async page(
    workspace: string,
    room: string | null,
    page: Pick<EntityQuery, 'afterId' | 'limit'>,
  ): Promise<MemberPage> {
    const filed = room === null ? 'all' : topic('room', room);
    return this.#store.entities(presenceLog(workspace), { type: 'member', topic: filed, ...page });
  }

  /**
   * Writes what `decide` makes of the member's latest event, if anything; decides again when another process came before it.
   * Tells whether it wrote.
   *
   * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL, CONFLICT
   */
  async change(
    member: MemberRef,
    decide: (before: Latest) => MemberChange | undefined | Promise<MemberChange | undefined>,
  ): Promise<boolean> {
    let before = await this.read(member);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const change = await decide(before);
      if (change === undefined) return false;
      const facts = factsOf(change, before, new Date(this.#now()).toISOString());
      const write = {
        type: 'member',
        id: idOf(member),
        expectedRevision: before?.revision ?? 0,
        topics: topicsOf(facts),
        lifetime: lifetimeOf(facts),
        deleted: false,
      } as const;
      try {
        // No idempotency key: should the answer be lost, whoever tries again finds the state as wanted.
        await this.#store.append(presenceLog(member.workspace), {
          events: [{ facts, write }],
          idempotencyKeys: [],
        });
        return true;
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
        before = error.current?.entry;
      }
    }
    throw new TidingsError('CONFLICT');
  }
}

/** @throws TidingsError INVALID_INPUT with all mistakes */
export function validMember(input: Said & Pick<MemberRef, 'room' | 'userId'>, now: number): PresenceMember {
  const parsed = subjects.member.schema.safeParse({ ...input, lastSeenAt: new Date(now).toISOString() });
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  throw invalidInput(issues.map(({ path, message }) => ({ path: path.map(String), message })));
}

function factsOf({ state, actor }: MemberChange, before: Latest, occurredAt: string): EventFacts<'member'> {
  const changed = Object.entries(state).filter(([field, value]) => {
    return value !== (before?.data[field as keyof PresenceMember] ?? null);
  });
  return {
    kind: 'presence.changed',
    reason: 'REPORTED',
    projectId: subjects.member.projectId(state),
    userId: null,
    entityId: idOf(state),
    actor,
    source: 'api',
    occurredAt,
    data: state,
    changed: changed.map(([field]) => field),
    detail: {},
    asOf: {},
  };
}

function idOf(member: Pick<PresenceMember, 'room' | 'userId'>): string {
  // As the catalogue makes it.
  return `${member.room} ${member.userId}`;
}

export function stateOf(
  { room, userId }: MemberRef,
  { status, activity }: Said,
  lastSeenAt: string,
): PresenceMember {
  return { room, userId, status, activity, lastSeenAt };
}

export function offline(member: MemberRef, lastSeenAt: string): PresenceMember {
  return stateOf(member, { status: 'OFFLINE', activity: null }, lastSeenAt);
}

export function refOf(workspace: string, { data }: Entry<'member'>): MemberRef {
  return { workspace, room: data.room, userId: data.userId };
}

export function isThere(latest: Latest): boolean {
  return latest !== undefined && latest.data.status !== 'OFFLINE';
}

/** When a member was last seen: leases know it newer than the log, unless they were lost with a process. */
export function lastSeen(seenAt: number | undefined, latest?: Latest): string {
  const told = latest === undefined ? 0 : Date.parse(latest.data.lastSeenAt);
  return new Date(Math.max(seenAt ?? 0, told)).toISOString();
}

/** The entry with the moment at which its member was last seen, where it is there. */
export function seenLately(entry: Entry<'member'>, seenAt: number | undefined): Entry<'member'> {
  const lastSeenAt = isThere(entry) ? lastSeen(seenAt, entry) : entry.data.lastSeenAt;
  return lastSeenAt === entry.data.lastSeenAt ? entry : { ...entry, data: { ...entry.data, lastSeenAt } };
}
