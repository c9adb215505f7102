import { join } from 'node:path';
import Database from 'libsql';
import type { Database as Connection } from 'libsql';

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
