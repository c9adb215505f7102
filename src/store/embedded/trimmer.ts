import type { Database } from 'libsql';
import type { Entities } from './entities.ts';
import type { Logs, LogState } from './logs.ts';
import { command, query } from './tables.ts';

const HOUR_MS = 60 * 60 * 1_000;

/** Takes old entries out of the logs, within the transaction under way, a bounded number in a step. */
export class Trimmer {
  readonly #logs: Logs;
  readonly #entities: Entities;
  readonly #oldest;
  readonly #delete;

  constructor(database: Database, logs: Logs, entities: Entities) {
    this.#logs = logs;
    this.#entities = entities;
    this.#oldest = query<[offset: number, chain: string, recordedAt: number, bytes: number]>(
      database,
      `SELECT offset, chain, recorded_at, octet_length(body) FROM entry
        WHERE log = ? AND offset > ? ORDER BY offset LIMIT ?`,
    );
    this.#delete = command(
      database,
      `DELETE FROM entry AS n WHERE n.log = ? AND n.offset > ? AND n.offset <= ? AND NOT EXISTS
        (SELECT 1 FROM entity e WHERE e.ref = n.entity AND e.log = n.log AND e.offset = n.offset)`,
    );
  }

  /**
   * Trims at most `limit` entries of what the log's retention doesn't cover. Returns how many.
   *
   * The latest entries of entities that are kept stay in the table, behind the floor, where `read` doesn't look.
   */
  trim(log: LogState, now: number, limit: number): number {
    const retention = this.#logs.retentionOf(log);
    if (retention === undefined || limit === 0 || log.offset === log.floorOffset) return 0;
    const expired = now - retention.hours * HOUR_MS;
    const outside = (recordedAt: number): boolean =>
      log.offset - log.floorOffset > retention.events || log.bytes > retention.bytes || recordedAt < expired;

    const from = log.floorOffset;
    // Mostly nothing is to be done, which the oldest entry alone tells.
    const oldest = this.#oldest.get(log.id, from, 1);
    if (oldest === undefined || !outside(oldest[2])) return 0;
    for (const [offset, chain, recordedAt, bytes] of this.#oldest.all(log.id, from, limit)) {
      if (!outside(recordedAt)) break;
      log.floorOffset = offset;
      log.floorChain = chain;
      log.bytes -= bytes;
    }
    this.#logs.touch(log);
    this.#entities.trim(log, from, log.floorOffset);
    this.#delete(log.id, from, log.floorOffset);
    return log.floorOffset - from;
  }
}
