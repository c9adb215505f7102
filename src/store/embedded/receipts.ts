import type { Database } from 'libsql';
import type { Receipt } from '../receipt.ts';
import type { LogId } from './protocol.ts';
import { command, exactly, query } from './tables.ts';

/** How long an idempotency key is remembered. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1_000;

/** Finds what the batch got that had one of the keys, for the writer and for the reader alike. */
export function receiptQuery(database: Database) {
  const byKey = query<[recordedAt: number, original: number | null, result: string | null]>(
    database,
    'SELECT recorded_at, original, result FROM receipt WHERE log = ? AND key = ?',
  );
  const byId = query<[result: string]>(database, 'SELECT result FROM receipt WHERE id = ?');
  return (log: LogId, keys: readonly string[], now: number): Receipt | undefined => {
    for (const key of keys) {
      const [recordedAt, original, result] = byKey.get(log, exactly(key)) ?? [-Infinity, null, null];
      if (recordedAt < now - KEPT_MS) continue;
      const text = original === null ? result : (byId.get(original)?.[0] ?? null);
      if (text !== null) return JSON.parse(text) as Receipt;
    }
    return undefined;
  };
}

/** The results of batches, by idempotency key. */
export class Receipts {
  readonly find;
  readonly #keep;
  readonly #oldest;
  readonly #sweep;

  constructor(database: Database) {
    this.find = receiptQuery(database);
    this.#keep = command(
      database,
      'INSERT OR REPLACE INTO receipt (log, key, recorded_at, original, result) VALUES (?, ?, ?, ?, ?)',
    );
    this.#oldest = query<[recordedAt: number]>(
      database,
      'SELECT recorded_at FROM receipt ORDER BY id LIMIT 1',
    );
    // Ids rise with time, so that looking at the lowest ones is enough and a step never scans the table.
    this.#sweep = command(
      database,
      `DELETE FROM receipt WHERE id IN
        (SELECT id FROM (SELECT id, recorded_at FROM receipt ORDER BY id LIMIT ?) WHERE recorded_at < ?)`,
    );
  }

  keep(log: LogId, keys: readonly string[], receipt: Receipt): void {
    let original: number | null = null;
    for (const key of new Set(keys)) {
      const result = original === null ? JSON.stringify(receipt) : null;
      const kept = this.#keep(log, exactly(key), receipt.recordedAt, original, result);
      original ??= Number(kept.lastInsertRowid);
    }
  }

  /** Looks at the `limit` oldest keys and forgets those that are past their time. Returns how many. */
  sweep(now: number, limit: number): number {
    const expired = now - KEPT_MS;
    // Mostly nothing is to be done, which the oldest key alone tells.
    const oldest = this.#oldest.get();
    if (oldest === undefined || oldest[0] >= expired) return 0;
    return this.#sweep(limit, expired).changes;
  }
}
