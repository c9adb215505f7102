import type { StateOf } from '../events/catalogue.ts';
import type { Entry } from '../events/event.ts';
import type { Position } from '../events/position.ts';
import type { LogName } from '../store/store.ts';

export type PresenceMember = StateOf<'member'>;

/**
 * Who holds a member in a room. Several tabs of one user are one member with several holders: it is gone when the last holder is.
 *
 * A connection's hold lasts until `release`, and then a few seconds longer, so that a reconnect isn't seen. The hold of a request
 * without a connection lasts for one lease, unless it is set again. Names of connections are never used twice.
 */
export type Holder = { readonly connection: string } | { readonly lease: string };

/** Members of one room, ordered by user id: who is there, and who has left for as long as the log remembers. */
export interface MemberPage {
  readonly entries: readonly Entry<'member'>[];
  readonly hasMore: boolean;
  readonly at: Position;
}

export interface Presence {
  /**
   * Enters the room, or changes status or activity there; OFFLINE leaves it, as `leave` does. An event is written only when something
   * changed. `expiresAt` is in milliseconds since 1970, null for a connection's hold and for who left.
   *
   * @throws TidingsError INVALID_INPUT, STORE_UNAVAILABLE, STORE_FULL, CONFLICT, SHUTTING_DOWN: no event was written
   */
  set(
    workspace: string,
    member: Pick<PresenceMember, 'room' | 'userId' | 'status' | 'activity'>,
    holder: Holder,
  ): Promise<{ readonly member: PresenceMember; readonly expiresAt: number | null }>;

  /**
   * Leaves the room with all holders at once. False when the user was not there.
   *
   * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL, CONFLICT: the user leaves with a later sweep; SHUTTING_DOWN
   */
  leave(workspace: string, room: string, userId: string): Promise<boolean>;

  /**
   * A connection has closed: its holds run out after the grace period, those too that are still being set. Does nothing for a
   * connection without holds. Never throws.
   */
  release(connection: string): void;

  /**
   * The members of a room as EventStore.entities has them, each with the `lastSeenAt` of its latest renewal. `afterId` is an entry's
   * `entityId`.
   *
   * @throws TidingsError STORE_UNAVAILABLE
   */
  members(
    workspace: string,
    room: string,
    page: { readonly afterId?: string; readonly limit: number },
  ): Promise<MemberPage>;

  /**
   * To be called before a workspace's presence is read in another way than `members`, as a subscription does: members that were left
   * behind by a process which was killed get one lease, and go OFFLINE unless somebody holds them by then. Only the first call works.
   *
   * @throws TidingsError STORE_UNAVAILABLE
   */
  touch(workspace: string): Promise<void>;

  /**
   * To be called when the process starts to drain. Ends the sweep of leases that ran out; members stay until their leases do, so a
   * restart within the lease isn't seen. From then on `set` and `leave` fail with SHUTTING_DOWN and `release` does nothing; `members`
   * still answers. Waits for what is under way, so the store is closed afterwards.
   */
  close(): Promise<void>;
}

export function presenceLog(workspace: string): LogName {
  return { workspace, stream: 'presence' };
}
