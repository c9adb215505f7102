import type { Database } from 'libsql';
import { command, exactly, query } from './tables.ts';

/** Reads records, as of the store's clock. */
export function recordQueries(database: Database) {
  const one = query<[value: string]>(
    database,
    'SELECT value FROM record WHERE collection = ? AND key = ? AND expires_at > ?',
  );
  const all = query<[key: string, value: string]>(
    database,
    'SELECT key, value FROM record WHERE collection = ? AND expires_at > ?',
  );
  const text = (stored: string): string => JSON.parse(stored) as string;
  return {
    one(collection: string, key: string, now: number): string | undefined {
      const row = one.get(collection, exactly(key), now);
      return row && text(row[0]);
    },
    all: (collection: string, now: number): [key: string, value: string][] =>
      all.all(collection, now).map(([key, value]) => [text(key), text(value)]),
  };
}

/** The records beside the logs, for the writer. */
export class RecordTable {
  readonly #put;
  readonly #remove;
  readonly #sweep;

  constructor(database: Database) {
    this.#put = command(
      database,
      `INSERT INTO record (collection, key, value, expires_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
    );
    this.#remove = command(database, 'DELETE FROM record WHERE collection = ? AND key = ?');
    this.#sweep = command(
      database,
      'DELETE FROM record WHERE id IN (SELECT id FROM record WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)',
    );
  }

  put(collection: string, records: readonly (readonly [string, string])[], expiresAt: number): void {
    for (const [key, value] of records) this.#put(collection, exactly(key), exactly(value), expiresAt);
  }

  remove(collection: string, key: string): void {
    this.#remove(collection, exactly(key));
  }

  /** Forgets at most `limit` of those that are past their time. Returns how many. */
  sweep(now: number, limit: number): number {
    return this.#sweep(now, limit).changes;
  }
}
