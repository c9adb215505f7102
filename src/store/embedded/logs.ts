import { randomBytes } from 'node:crypto';
import type { Database } from 'libsql';
import { GENESIS_CHAIN } from '../../events/position.ts';
import type { LogName, Retention } from '../store.ts';
import type { KnownLog, LogId } from './protocol.ts';
import { command, exactly, query } from './tables.ts';

/** Where a log stands, with what the transaction under way has done to it. */
export interface LogState {
  readonly id: LogId;
  offset: number;
  chain: string;
  /** Of the newest entry, in milliseconds. */
  recordedAt: number;
  /** The last entry that was trimmed: the oldest position that can be continued. */
  floorOffset: number;
  floorChain: string;
  /** Of the bodies behind the floor. */
  bytes: number;
}

/** The logs as the writer sees them: rows of `log`, cached and changed in memory, and written once a transaction. */
export class Logs {
  readonly #select;
  readonly #find;
  readonly #list;
  readonly #insert;
  readonly #update;
  readonly #cached = new Map<LogId, LogState>();
  readonly #touched = new Set<LogState>();
  readonly #retentions = new Map<LogId, Retention>();

  constructor(database: Database) {
    this.#select = query<[number, string, number, number, string, number]>(
      database,
      'SELECT offset, chain, recorded_at, floor_offset, floor_chain, bytes FROM log WHERE id = ?',
    );
    this.#find = query<[number, string]>(
      database,
      'SELECT id, epoch FROM log WHERE stream = ? AND workspace = ?',
    );
    this.#list = query<[number, LogName['stream'], string, string]>(
      database,
      'SELECT id, stream, workspace, epoch FROM log',
    );
    this.#insert = command(
      database,
      `INSERT INTO log (stream, workspace, epoch, offset, chain, recorded_at, floor_offset, floor_chain, bytes)
        VALUES (?, ?, ?, 0, ?, 0, 0, ?, 0)`,
    );
    this.#update = command(
      database,
      `UPDATE log SET offset = ?, chain = ?, recorded_at = ?, floor_offset = ?, floor_chain = ?, bytes = ?
        WHERE id = ?`,
    );
  }

  list(): KnownLog[] {
    return this.#list
      .all()
      .map(([id, stream, workspace, epoch]) => ({ id, stream, workspace: JSON.parse(workspace), epoch }));
  }

  open({ stream, workspace }: LogName): KnownLog {
    const found = this.#find.get(stream, exactly(workspace));
    if (found !== undefined) return { id: found[0], stream, workspace, epoch: found[1] };
    const epoch = randomBytes(5).toString('hex');
    const inserted = this.#insert(stream, exactly(workspace), epoch, GENESIS_CHAIN, GENESIS_CHAIN);
    return { id: Number(inserted.lastInsertRowid), stream, workspace, epoch };
  }

  retain(id: LogId, retention: Retention): void {
    this.#retentions.set(id, retention);
  }

  retentionOf(log: LogState): Retention | undefined {
    return this.#retentions.get(log.id);
  }

  /** The logs that have a retention. */
  retained(): LogState[] {
    // One that was created in a transaction which failed is not there.
    return [...this.#retentions.keys()].map((id) => this.#load(id)).filter((log) => log !== undefined);
  }

  get(id: LogId): LogState {
    const log = this.#load(id);
    if (log === undefined) throw new Error(`there is no log ${id}`);
    return log;
  }

  #load(id: LogId): LogState | undefined {
    const cached = this.#cached.get(id);
    if (cached !== undefined) return cached;
    const row = this.#select.get(id);
    if (row === undefined) return undefined;
    const [offset, chain, recordedAt, floorOffset, floorChain, bytes] = row;
    const log = { id, offset, chain, recordedAt, floorOffset, floorChain, bytes };
    this.#cached.set(id, log);
    return log;
  }

  /** Its state was changed; `save` writes it. */
  touch(log: LogState): void {
    this.#touched.add(log);
  }

  touched(): Iterable<LogState> {
    return this.#touched;
  }

  /** The last writes of a transaction. */
  save(): void {
    for (const log of this.#touched) {
      const { offset, chain, recordedAt, floorOffset, floorChain, bytes, id } = log;
      this.#update(offset, chain, recordedAt, floorOffset, floorChain, bytes, id);
    }
    this.#touched.clear();
  }

  /** After a transaction that failed: what counts is in the tables, whatever became of it there. */
  forget(): void {
    this.#touched.clear();
    this.#cached.clear();
  }
}
