import { memberKey, type Hold, type MemberRef } from './leases.ts';
import type { Said } from './member-log.ts';

/** What a connection holds, and said there. */
export interface ConnectionHold extends Hold {
  readonly connection: string;
  readonly said: Said;
}

/** What the connections of this process hold, and which of them were closed lately. */
export class ConnectionHolds {
  readonly #byConnection = new Map<string, Map<string, ConnectionHold>>();
  /** When: a connection's operation may still be under way when it closes, or even begin. */
  readonly #released = new Map<string, number>();

  /** How many operations of a connection are under way. */
  readonly #busy = new Map<string, number>();

  /** Until the task is done, it is not forgotten that the connection was closed. */
  async whileBusy<Result>(connection: string, task: () => Promise<Result>): Promise<Result> {
    this.#busy.set(connection, (this.#busy.get(connection) ?? 0) + 1);
    try {
      return await task();
    } finally {
      const left = this.#busy.get(connection)! - 1;
      if (left > 0) this.#busy.set(connection, left);
      else this.#busy.delete(connection);
    }
  }

  add(hold: ConnectionHold): void {
    const holds = this.#byConnection.get(hold.connection) ?? new Map<string, ConnectionHold>();
    holds.set(memberKey(hold.member), hold);
    this.#byConnection.set(hold.connection, holds);
  }

  /** False when it was dropped, or another took its place. */
  has(hold: ConnectionHold): boolean {
    return this.#byConnection.get(hold.connection)?.get(memberKey(hold.member)) === hold;
  }

  drop(connection: string, member: MemberRef): void {
    const holds = this.#byConnection.get(connection);
    if (holds?.delete(memberKey(member)) === true && holds.size === 0) this.#byConnection.delete(connection);
  }

  dropAll(member: MemberRef): void {
    for (const connection of this.#byConnection.keys()) this.drop(connection, member);
  }

  /** Marks the connection as closed, and gives up what it held. */
  release(connection: string, now: number): ConnectionHold[] {
    this.#released.set(connection, now);
    const holds = this.#byConnection.get(connection);
    this.#byConnection.delete(connection);
    return [...(holds?.values() ?? [])];
  }

  isReleased(connection: string): boolean {
    return this.#released.has(connection);
  }

  forgetReleased(before: number): void {
    for (const [connection, at] of this.#released) {
      if (at < before && !this.#busy.has(connection)) this.#released.delete(connection);
    }
  }

  all(): ConnectionHold[] {
    return [...this.#byConnection.values()].flatMap((holds) => [...holds.values()]);
  }
}
