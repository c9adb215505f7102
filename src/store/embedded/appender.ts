import { hash } from 'node:crypto';
import type { Database } from 'libsql';
import type { Expectation, Finding } from '../store.ts';
import type { Entities } from './entities.ts';
import type { Logs } from './logs.ts';
import type { AppendAnswer, AppendCall, LogId } from './protocol.ts';
import type { Receipts } from './receipts.ts';
import { command } from './tables.ts';

/** Hexadecimal digits of a chain: 48 bits, plenty against chance; it is no signature. */
const CHAIN_DIGITS = 12;

/** Appends batches within the transaction under way; each sees the ones before it. */
export class Appender {
  readonly #database: Database;
  readonly #logs: Logs;
  readonly #entities: Entities;
  readonly #receipts: Receipts;
  readonly #insert;

  constructor(database: Database, logs: Logs, entities: Entities, receipts: Receipts) {
    this.#database = database;
    this.#logs = logs;
    this.#entities = entities;
    this.#receipts = receipts;
    this.#insert = command(
      database,
      'INSERT INTO entry (log, offset, chain, recorded_at, revision, entity, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
  }

  append({ log: id, events, guards, keys }: AppendCall, now: number): AppendAnswer {
    const known = this.#receipts.find(id, keys, now);
    if (known !== undefined) return { receipt: known, duplicate: true };

    const broken = guards.findIndex((guard) => !this.#holds(id, guard));
    if (broken !== -1) return this.#conflict(id, events.length + broken, guards[broken]!);

    // A single event is checked before anything of it is written. Of several, the later ones are checked against what
    // the earlier ones wrote, purges too: there only undoing gives all or nothing.
    const undoable = events.length > 1;
    const log = this.#logs.get(id);
    const before = { ...log };
    if (undoable) this.#database.exec('SAVEPOINT batch');

    const first = log.offset + 1;
    const recordedAt = Math.max(now, log.recordedAt);
    const recordedAtText = new Date(recordedAt).toISOString();
    const chains: string[] = [];
    const revisions: number[] = [];
    for (const [index, { body, write }] of events.entries()) {
      const stored = write === null ? undefined : this.#entities.find(id, write.type, write.id);
      if (write !== null && !this.#entities.isAs(write, id, stored)) {
        if (undoable) this.#database.exec('ROLLBACK TO batch; RELEASE batch');
        Object.assign(log, before);
        return this.#conflict(id, index, write);
      }
      log.offset += 1;
      log.chain = nextChain(log.chain, recordedAtText, body);
      log.recordedAt = recordedAt;
      log.bytes += Buffer.byteLength(body);
      const ref = write === null ? null : this.#entities.write(log, write, stored);
      const revision = write === null ? 0 : write.expectedRevision + 1;
      this.#insert(id, log.offset, log.chain, recordedAt, revision, ref, body);
      chains.push(log.chain);
      revisions.push(revision);
    }

    const receipt = { first, recordedAt, chains, revisions };
    this.#receipts.keep(id, keys, receipt);
    if (undoable) this.#database.exec('RELEASE batch');
    this.#logs.touch(log);
    return { receipt, duplicate: false };
  }

  #holds(log: LogId, guard: Expectation | Finding): boolean {
    if ('topic' in guard) return this.#entities.holds(guard, log);
    return this.#entities.isAs(guard, log, this.#entities.find(log, guard.type, guard.id));
  }

  #conflict(log: LogId, index: number, about: Expectation | Finding): AppendAnswer {
    const current = 'topic' in about ? undefined : this.#entities.state(log, about.type, about.id);
    return { conflict: { index, current } };
  }
}

function nextChain(chain: string, recordedAt: string, body: string): string {
  return hash('sha1', `${chain}\n${recordedAt}\n${body}`, 'hex').slice(0, CHAIN_DIGITS);
}
