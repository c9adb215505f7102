import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import type { Database as Connection } from 'libsql';
import { TidingsError } from '../../errors.ts';

/**
 * Keeps every other process, and every other store of this one, out of a directory.
 *
 * It is SQLite's own lock on a file of its own, so that the operating system releases it however the process ends.
 */
export class DirectoryLock {
  readonly #database: Connection;

  /** @throws Error when somebody has it */
  constructor(directory: string) {
    this.#database = new Database(join(directory, 'lock'));
    try {
      this.#database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  release(): void {
    this.#database.exec('ROLLBACK');
    this.#database.close();
  }
}

/**
 * Creates the directory where it is missing, and takes it.
 *
 * @throws TidingsError STORE_UNAVAILABLE
 */
export function lockDirectory(directory: string): DirectoryLock {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new DirectoryLock(directory);
  } catch (error) {
    const busy = error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
    throw unusable(
      directory,
      busy ? new Error('another process or store has it open', { cause: error }) : error,
    );
  }
}

export function unusable(directory: string, cause: unknown): TidingsError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TidingsError(
    'STORE_UNAVAILABLE',
    `The store in ${directory} can't be used: ${why}.`,
    {},
    { cause },
  );
}
