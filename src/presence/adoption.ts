import type { LeaseTable } from './leases.ts';
import { isThere, refOf, type MemberLog } from './member-log.ts';

const PAGE = 500;

/** Gives a lease to members that the log has and no process holds, because theirs was killed: each workspace once, when it is first used. */
export class Adoption {
  readonly #log: MemberLog;
  readonly #leases: LeaseTable;
  readonly #leaseMs: number;
  /** By workspace. */
  readonly #adopted = new Map<string, Promise<void>>();

  constructor(log: MemberLog, leases: LeaseTable, leaseMs: number) {
    this.#log = log;
    this.#leases = leases;
    this.#leaseMs = leaseMs;
  }

  /** Resolves when it is done; a failure is tried again by the next who asks. */
  of(workspace: string): Promise<void> {
    let adopted = this.#adopted.get(workspace);
    if (adopted === undefined) {
      adopted = this.#adopt(workspace);
      this.#adopted.set(workspace, adopted);
      adopted.catch(() => this.#adopted.delete(workspace));
    }
    return adopted;
  }

  async #adopt(workspace: string): Promise<void> {
    let afterId: string | undefined;
    for (;;) {
      const page = { limit: PAGE, ...(afterId !== undefined && { afterId }) };
      const { entries, hasMore } = await this.#log.page(workspace, null, page);
      const there = entries.filter(isThere).map((entry) => ({
        member: refOf(workspace, entry),
        seenAt: Date.parse(entry.data.lastSeenAt),
      }));
      if (there.length > 0) await this.#leases.adopt(there, this.#leaseMs);
      const last = entries.at(-1);
      if (!hasMore || last === undefined) return;
      afterId = last.entityId ?? undefined;
    }
  }
}
