import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import { PositionLost, type LossReason, type Position } from '../../src/events/position.ts';
import {
  RevisionConflict,
  type AppendResult,
  type EntityQuery,
  type EventStore,
  type LogName,
  type Retention,
} from '../../src/store/store.ts';

export const HOUR_MS = 60 * 60 * 1_000;
export const DAY_MS = 24 * HOUR_MS;

export const keepEverything: Retention = { events: 1e9, hours: 1e6, bytes: 1e15 };

/** A clock that stands still until it is moved. */
export class Clock {
  #time = Date.parse('2026-03-01T12:00:00.000Z');

  readonly now = (): number => this.#time;

  /** Milliseconds; negative ones set it back. */
  advance(milliseconds: number): void {
    this.#time += milliseconds;
  }
}

/** Asks until it holds, without counting time: a test that waits in vain ends by its own limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await setImmediate();
}

/** Everything behind a position, page by page. */
export async function readAll(
  store: EventStore,
  log: LogName,
  after: Position | 'oldest' = 'oldest',
  limit = 1_000,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    const page = await store.read(log, entries.at(-1)?.position ?? after, limit);
    entries.push(...page.entries);
    if ((entries.at(-1)?.position ?? page.head).offset >= page.head.offset) return entries;
    if (page.entries.length === 0) return entries;
  }
}

/** The ids that a query finds, page by page. */
export async function idsOf(store: EventStore, log: LogName, query: EntityQuery): Promise<(string | null)[]> {
  const ids: (string | null)[] = [];
  for (;;) {
    const afterId = ids.at(-1) ?? query.afterId;
    const page = await store.entities(log, { ...query, ...(afterId === undefined ? {} : { afterId }) });
    ids.push(...page.entries.map((entry) => entry.entityId));
    if (!page.hasMore) return ids;
  }
}

export function offsetsOf(result: AppendResult): number[] {
  return result.appended.map(({ position }) => position.offset);
}

export async function conflictOf(append: Promise<AppendResult>): Promise<RevisionConflict> {
  const error = await append.then(
    () => expect.fail('appended where a conflict was expected'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RevisionConflict);
  return error as RevisionConflict;
}

/** Reading behind a position fails, and before it too, for this reason, and tells where the log ends. */
export async function expectLost(
  store: EventStore,
  log: LogName,
  position: Position,
  reason: LossReason,
): Promise<void> {
  for (const read of ['read', 'readBefore'] as const) {
    const error = await store[read](log, position, 10).then(
      () => expect.fail(`${read} read where ${reason} was expected`),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PositionLost);
    expect(error).toMatchObject({ reason, head: await store.head(log) });
  }
}

/** What a watcher heard. */
export class Heard {
  readonly entries: Entry[] = [];

  readonly listener = (entries: readonly Entry[]): void => {
    this.entries.push(...entries);
  };

  get offsets(): number[] {
    return this.entries.map(({ position }) => position.offset);
  }

  /** Resolves when the event with this offset was heard. */
  async offset(offset: number): Promise<void> {
    await until(() => this.offsets.includes(offset));
  }
}
