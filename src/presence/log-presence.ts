import { TidingsError } from '../errors.ts';
import type { EventStore } from '../store/store.ts';
import { Turns } from '../turns.ts';
import { Adoption } from './adoption.ts';
import { ConnectionHolds, type ConnectionHold } from './connection-holds.ts';
import { memberKey, type Claim, type Hold, type LeaseTable, type MemberRef } from './leases.ts';
import {
  isThere,
  lastSeen,
  MemberLog,
  offline,
  refOf,
  seenLately,
  stateOf,
  validMember,
  type Latest,
  type Said,
} from './member-log.ts';
import type { Holder, MemberPage, Presence, PresenceMember } from './presence.ts';

export interface LogPresenceOptions {
  readonly store: EventStore;
  readonly leases: LeaseTable;
  /** Milliseconds since 1970, for `occurredAt` and intervals; leases and `lastSeenAt` go by the table's clock. */
  readonly now: () => number;
  /** Hears of failures that no caller waits for. What failed is tried again at a later sweep. */
  readonly onError: (error: unknown) => void;
  /** How long a hold lasts without being set again; connections' holds are renewed three times as often. Default 30 s. */
  readonly leaseMs?: number;
  /** How long a hold outlives its connection. Default 5 s. */
  readonly graceMs?: number;
  /** How often it is looked for leases that ran out. Default 1 s. */
  readonly sweepMs?: number;
}

type Entered = Awaited<ReturnType<Presence['set']>>;

/** So many leases that ran out are looked at at a time. */
const STEP = 500;
/** How long a write may be on its way: after that OFFLINE is written by another process, or the member forgotten. */
const CLAIM_MS = 5_000;
/** How long it is known that a connection is closed: long enough for operations that it had begun to get here. */
const RELEASED_MS = 120_000;

/**
 * Presence as events in a workspace's presence log, and leases beside it.
 *
 * The log has what is said (status, activity, who left), the lease table who says so and until when. Renewals move leases only.
 * OFFLINE is a state like the others, so that the log keeps who was here; it goes when the log trims it, the others stay.
 */
export class LogPresence implements Presence {
  readonly #log: MemberLog;
  readonly #leases: LeaseTable;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #leaseMs: number;
  readonly #graceMs: number;
  readonly #timer: NodeJS.Timeout;
  /** Of each member. */
  readonly #turns = new Turns();
  readonly #adoption: Adoption;
  /** They are announced, and renewed from here. */
  readonly #connections = new ConnectionHolds();
  /** Holds of connections that another process took for dead: how far it came. Until the log says again that they are there. */
  readonly #doubts = new Map<ConnectionHold, 'contested' | 'gone'>();
  #renewedAt: number;
  #sweeping: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: LogPresenceOptions) {
    this.#log = new MemberLog(options.store, options.now);
    this.#leases = options.leases;
    this.#now = options.now;
    this.#onError = options.onError;
    this.#leaseMs = options.leaseMs ?? 30_000;
    this.#graceMs = options.graceMs ?? 5_000;
    this.#adoption = new Adoption(this.#log, this.#leases, this.#leaseMs);
    this.#renewedAt = this.#now();
    this.#timer = setInterval(() => {
      if (this.#sweeping === undefined) void this.sweep();
    }, options.sweepMs ?? 1_000);
    this.#timer.unref();
  }

  async set(
    workspace: string,
    input: Said & Pick<MemberRef, 'room' | 'userId'>,
    holder: Holder,
  ): Promise<Entered> {
    const { room, userId, status, activity } = validMember(input, this.#now());
    const member = { workspace, room, userId };
    const enterOrLeave = async (): Promise<Entered> => {
      await this.#ready(workspace);
      return this.#inTurn(member, async () => {
        if (status !== 'OFFLINE') return this.#enter(member, { status, activity }, holder);
        return { member: (await this.#leave(member)).state, expiresAt: null };
      });
    };
    if ('lease' in holder) return enterOrLeave();
    return this.#connections.whileBusy(holder.connection, enterOrLeave);
  }

  async leave(workspace: string, room: string, userId: string): Promise<boolean> {
    const member = { workspace, room, userId };
    await this.#ready(workspace);
    return this.#inTurn(member, async () => (await this.#leave(member)).wasThere);
  }

  release(connection: string): void {
    if (this.#closed !== undefined) return;
    for (const hold of this.#connections.release(connection, this.#now())) {
      this.#inTurn(hold.member, () => this.#renewOne(hold, hold.said, this.#graceMs)).catch(this.#onError);
    }
  }

  async members(
    workspace: string,
    room: string,
    page: { readonly afterId?: string; readonly limit: number },
  ): Promise<MemberPage> {
    if (this.#closed === undefined) await this.touch(workspace);
    const found = await this.#log.page(workspace, room, page);
    const seen = await this.#leases.seen(found.entries.map((entry) => refOf(workspace, entry)));
    return { ...found, entries: found.entries.map((entry, index) => seenLately(entry, seen[index])) };
  }

  touch(workspace: string): Promise<void> {
    return this.#adoption.of(workspace);
  }

  /** Renews what connections hold and takes out whoever nobody holds any more. Never rejects. */
  sweep(): Promise<void> {
    const sweeping = (this.#sweeping ?? Promise.resolve())
      .then(() => this.#sweepOnce())
      .catch(this.#onError)
      .finally(() => {
        if (this.#sweeping === sweeping) this.#sweeping = undefined;
      });
    this.#sweeping = sweeping;
    return sweeping;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
    await this.#turns.allTaken();
    // Where the table outlives the process, its connections have a whole lease to find another one.
    await this.#leases.renew(this.#connections.all(), this.#leaseMs).catch(this.#onError);
  }

  async #sweepOnce(): Promise<void> {
    if (this.#closed !== undefined) return;
    const now = this.#now();
    this.#connections.forgetReleased(now - RELEASED_MS);
    // A clock that was put back must not put off renewals.
    if (Math.abs(now - this.#renewedAt) >= this.#leaseMs / 3) {
      const { contested, gone } = await this.#leases.renew(this.#connections.all(), this.#leaseMs);
      this.#renewedAt = now;
      for (const hold of contested) this.#doubts.set(hold, 'contested');
      for (const hold of gone) this.#doubts.set(hold, 'gone');
    }
    await all([...this.#doubts.keys()].map((hold) => this.#inTurn(hold.member, () => this.#dispel(hold))));
    let due;
    do {
      due = await this.#leases.expired(STEP);
      await all(due.map((member) => this.#inTurn(member, () => this.#expire(member))));
    } while (due.length === STEP);
  }

  // What follows runs in the member's turn.

  async #enter(member: MemberRef, said: Said, holder: Holder): Promise<Entered> {
    const connection = 'connection' in holder ? holder.connection : null;
    const isReleased = (): boolean => connection !== null && this.#connections.isReleased(connection);
    const hold = { member, holder: 'connection' in holder ? `c:${holder.connection}` : `l:${holder.lease}` };
    const held = await this.#leases.hold(hold, isReleased() ? this.#graceMs : this.#leaseMs);
    const state = stateOf(member, said, lastSeen(held.seenAt));
    // Should this fail, the hold runs out: nobody renews it.
    const isWritten = await this.#log.change(member, (before) => {
      const isSame = before?.data.status === said.status && before.data.activity === said.activity;
      return isSame && !held.contested ? undefined : { state, actor: member.userId };
    });
    // Meanwhile the user may have left by another process, which then saw nobody there, or the connection may have closed.
    if (isWritten || isReleased()) {
      const isStill = await this.#renewOne(hold, said, isReleased() ? this.#graceMs : this.#leaseMs);
      if (!isStill) return this.#enter(member, said, holder);
    }
    if (connection !== null && !isReleased()) this.#connections.add({ ...hold, connection, said });
    return { member: state, expiresAt: connection === null ? held.expiresAt : null };
  }

  async #leave(member: MemberRef): Promise<{ state: PresenceMember; wasThere: boolean }> {
    this.#connections.dropAll(member);
    const claim = await this.#leases.evict(member, CLAIM_MS);
    const before = await this.#takeOut(member, claim, member.userId);
    const wasThere = isThere(before);
    // Who was gone already stays last seen then.
    const seenAt = wasThere || before === undefined ? claim.seenAt : undefined;
    return { state: offline(member, lastSeen(seenAt, before)), wasThere };
  }

  async #expire(member: MemberRef): Promise<void> {
    const claim = await this.#leases.claim(member, CLAIM_MS);
    if (claim === undefined) return;
    const before = await this.#takeOut(member, claim, null);
    if (!isThere(before)) await claim.settle();
  }

  /** Writes OFFLINE while the claim stands. Resolves with what was there before. */
  async #takeOut(member: MemberRef, claim: Claim, actor: string | null): Promise<Latest> {
    let found: Latest;
    try {
      await this.#log.change(member, async (before) => {
        found = before;
        if (!isThere(before) || !(await claim.stands())) return undefined;
        return { state: offline(member, lastSeen(claim.seenAt, before)), actor };
      });
    } catch (error) {
      // A claim that can't be given back runs out.
      await claim.giveBack().catch(() => undefined);
      throw error;
    }
    // What another process began to write before may still arrive.
    await claim.settle(CLAIM_MS);
    return found;
  }

  /** False when the hold is gone. */
  async #renewOne(hold: Hold, said: Said, ms: number): Promise<boolean> {
    const { contested, gone } = await this.#leases.renew([hold], ms);
    if (contested.length > 0) await this.#announce(hold.member, said);
    return gone.length === 0;
  }

  /** Another process was about to take the member out, and may have done so: says that it is there, in any case. */
  async #announce(member: MemberRef, said: Said): Promise<void> {
    const [seenAt] = await this.#leases.seen([member]);
    await this.#log.change(member, (before) => {
      const now = before !== undefined && isThere(before) ? before.data : said;
      return { state: stateOf(member, now, lastSeen(seenAt, before)), actor: member.userId };
    });
  }

  /**
   * A connection's hold is in doubt. Where it is gone because its lease ran out while this process stood still, or the table was
   * lost, the member comes back. If it left by another process, or was brought back by another holder since, the hold is forgotten.
   */
  async #dispel(hold: ConnectionHold): Promise<void> {
    if (this.#connections.has(hold)) {
      if (this.#doubts.get(hold) === 'gone') {
        const before = await this.#log.read(hold.member);
        const ranOut = before === undefined || (!isThere(before) && before.actor === null);
        if (!ranOut) this.#connections.drop(hold.connection, hold.member);
        else await this.#leases.hold(hold, this.#leaseMs);
        this.#doubts.set(hold, 'contested');
      }
      if (this.#connections.has(hold)) await this.#announce(hold.member, hold.said);
    }
    this.#doubts.delete(hold);
  }

  /** One after the other for each member, so that its events have the order of the calls. */
  #inTurn<Result>(member: MemberRef, task: () => Promise<Result>): Promise<Result> {
    return this.#turns.inTurn(memberKey(member), task);
  }

  async #ready(workspace: string): Promise<void> {
    if (this.#closed === undefined) await this.touch(workspace);
    if (this.#closed !== undefined) throw new TidingsError('SHUTTING_DOWN');
  }
}

/** Waits for all, then fails with the first failure. */
async function all(tasks: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(tasks)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
