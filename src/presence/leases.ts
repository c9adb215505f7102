/**
 * Who holds which member of a room until when, by the backend's clock.
 *
 * The table and the presence log are written one after the other, by several processes at a time, any of which may stall or die
 * in between. These rules keep them in step:
 *
 * - Whoever enters holds first and writes then. Whoever takes a member out claims it first, writes OFFLINE then, if the claim still
 *   stands after the state was read, and keeps it claimed for a while: a write of a former holder may arrive late, so the member is
 *   looked at once more before the table forgets it. A claim whose owner died runs out, and is claimed again.
 * - A hold calls off a claim and tells so. OFFLINE may be on its way then, so the holder writes in any case: the log's revisions
 *   let only one of the two be based on the state before.
 */

/** A user in a room of a workspace. */
export interface MemberRef {
  readonly workspace: string;
  readonly room: string;
  readonly userId: string;
}

export interface Hold {
  readonly member: MemberRef;
  /** A connection or a lease by name. It holds a member once. */
  readonly holder: string;
}

/** All times are in milliseconds since 1970. */
export interface Held {
  readonly expiresAt: number;
  readonly seenAt: number;
  /** A claim was called off: its OFFLINE event may be written or on its way, so an event has to follow it. */
  readonly contested: boolean;
}

export interface Renewed<H extends Hold> {
  /** Renewed, but as in `Held.contested`. */
  readonly contested: readonly H[];
  /** Not renewed: there is no such hold any more. */
  readonly gone: readonly H[];
}

/** The right to take a member out, of one process at a time. */
export interface Claim {
  /** When the member was last known to be there. */
  readonly seenAt: number;
  /** Nobody has held the member since. To be asked between reading the member's state and writing OFFLINE onto it. */
  stands(): Promise<boolean>;
  /**
   * Nothing of it is on its way any more. If the claim stands, holds that ran out are gone for good, and the table forgets the
   * member, or counts it among the expired once more after `againMs`.
   */
  settle(againMs?: number): Promise<void>;
  /** It failed, and may be on its way: the member can be claimed again at once. */
  giveBack(): Promise<void>;
}

/** Calls of one process take effect in the order in which they are made. Each is atomic but for `renew` and `adopt` of many. */
export interface LeaseTable {
  /** Holds a member for `ms` from now on, whoever else holds it; the member was seen now. */
  hold(hold: Hold, ms: number): Promise<Held>;

  /**
   * Lets holds that are there last for `ms` from now on, which may be shorter than before; also such that ran out and were not
   * swept yet. Their members were seen now.
   */
  renew<H extends Hold>(holds: readonly H[], ms: number): Promise<Renewed<H>>;

  /** Holds members that the table doesn't know for `ms`, in nobody's name; they were last seen then. Others stay as they are. */
  adopt(
    members: readonly { readonly member: MemberRef; readonly seenAt: number }[],
    ms: number,
  ): Promise<void>;

  /** When each was last seen; undefined for members that the table doesn't know. */
  seen(members: readonly MemberRef[]): Promise<readonly (number | undefined)[]>;

  /** Members whose last hold ran out and that nobody has a claim on, or no longer. */
  expired(limit: number): Promise<readonly MemberRef[]>;

  /** Claims one of them for `ms`; undefined when it is held or claimed by now. The claim stands also when its time is over. */
  claim(member: MemberRef, ms: number): Promise<Claim | undefined>;

  /** Drops all holds of a member, which was seen now, and claims it: also where it was claimed already or not known. */
  evict(member: MemberRef, ms: number): Promise<Claim>;
}

export function memberKey(member: MemberRef): string {
  return JSON.stringify([member.workspace, member.room, member.userId]);
}

const ADOPTED = 'adopted';

interface Row {
  readonly member: MemberRef;
  /** By holder: until when. Those that ran out stay while no other lives, for a late renewal. */
  readonly holds: Map<string, number>;
  seenAt: number;
  /** Told apart by identity. */
  claim: { until: number; isSettled: boolean } | undefined;
}

/** The leases of a server that is one process; they end with it. */
export class MemoryLeases implements LeaseTable {
  readonly #now: () => number;
  readonly #rows = new Map<string, Row>();

  constructor(options: { readonly now: () => number }) {
    this.#now = options.now;
  }

  async hold({ member, holder }: Hold, ms: number): Promise<Held> {
    return this.#extend(this.#row(member), holder, ms);
  }

  async renew<H extends Hold>(holds: readonly H[], ms: number): Promise<Renewed<H>> {
    const contested: H[] = [];
    const gone: H[] = [];
    for (const hold of holds) {
      const row = this.#rows.get(memberKey(hold.member));
      if (row === undefined || !row.holds.has(hold.holder)) gone.push(hold);
      else if (this.#extend(row, hold.holder, ms).contested) contested.push(hold);
    }
    return { contested, gone };
  }

  async adopt(
    members: readonly { readonly member: MemberRef; readonly seenAt: number }[],
    ms: number,
  ): Promise<void> {
    for (const { member, seenAt } of members) {
      if (this.#rows.has(memberKey(member))) continue;
      const row = this.#row(member);
      row.holds.set(ADOPTED, this.#now() + ms);
      row.seenAt = seenAt;
    }
  }

  async seen(members: readonly MemberRef[]): Promise<(number | undefined)[]> {
    return members.map((member) => this.#rows.get(memberKey(member))?.seenAt);
  }

  async expired(limit: number): Promise<MemberRef[]> {
    const found: MemberRef[] = [];
    for (const row of this.#rows.values()) {
      if (found.length === limit) break;
      if (this.#isFree(row)) found.push(row.member);
      else this.#prune(row);
    }
    return found;
  }

  async claim(member: MemberRef, ms: number): Promise<Claim | undefined> {
    const row = this.#rows.get(memberKey(member));
    return row !== undefined && this.#isFree(row) ? this.#claim(row, ms) : undefined;
  }

  async evict(member: MemberRef, ms: number): Promise<Claim> {
    const row = this.#row(member);
    row.holds.clear();
    row.seenAt = this.#now();
    return this.#claim(row, ms);
  }

  #row(member: MemberRef): Row {
    const key = memberKey(member);
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { member, holds: new Map(), seenAt: this.#now(), claim: undefined };
      this.#rows.set(key, row);
    }
    return row;
  }

  #extend(row: Row, holder: string, ms: number): Held {
    const now = this.#now();
    const contested = row.claim?.isSettled === false;
    row.claim = undefined;
    row.holds.set(holder, now + ms);
    row.seenAt = now;
    return { expiresAt: now + ms, seenAt: now, contested };
  }

  #isFree(row: Row): boolean {
    const now = this.#now();
    if (row.claim !== undefined) return row.claim.until <= now;
    for (const until of row.holds.values()) if (until > now) return false;
    return true;
  }

  #prune(row: Row): void {
    if (row.claim !== undefined) return;
    const now = this.#now();
    for (const [holder, until] of row.holds) if (until <= now) row.holds.delete(holder);
  }

  #claim(row: Row, ms: number): Claim {
    const mine = { until: this.#now() + ms, isSettled: false };
    row.claim = mine;
    const key = memberKey(row.member);
    const stands = (): boolean => this.#rows.get(key)?.claim === mine;
    return {
      seenAt: row.seenAt,
      stands: async () => stands(),
      settle: async (againMs) => {
        if (!stands()) return;
        row.holds.clear();
        mine.isSettled = true;
        if (againMs === undefined) this.#rows.delete(key);
        else mine.until = this.#now() + againMs;
      },
      giveBack: async () => {
        mine.until = this.#now();
      },
    };
  }
}
