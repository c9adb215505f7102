import { hash } from 'node:crypto';
import type { Database } from 'libsql';
import type { EntityWrite, Expectation, Finding } from '../store.ts';
import type { LogState } from './logs.ts';
import type { LogId, StoredState } from './protocol.ts';
import { command, query, stateQuery } from './tables.ts';

/** An entity as the writer needs it; its state is the entry at `offset`. */
export interface StoredEntity {
  readonly ref: number;
  readonly type: string;
  readonly id: string;
  readonly revision: number;
  readonly offset: number;
  /** JSON, to be compared as text: most changes leave the topics as they are. */
  readonly topics: string;
}

type EntityRow = [ref: number, type: string, id: string, revision: number, offset: number, topics: string];
const ENTITY_COLUMNS = 'e.ref, e.type, e.id, e.revision, e.offset, e.topics';
const NO_TOPICS = '[]';

/** The current state of entities and the topics that they are filed under. */
export class Entities {
  readonly #select;
  readonly #insert;
  readonly #update;
  readonly #delete;
  readonly #deleteEntry;
  readonly #file;
  readonly #unfile;
  readonly #filedUnder;
  readonly #boundTo;
  readonly #body;
  readonly #foundIds;
  /** The state of one, as a conflict shows it. */
  readonly state: (log: LogId, type: string, id: string) => StoredState | undefined;

  constructor(database: Database) {
    this.state = stateQuery(database);
    this.#select = query<EntityRow>(
      database,
      `SELECT ${ENTITY_COLUMNS} FROM entity e WHERE e.log = ? AND e.type = ? AND e.id = ?`,
    );
    this.#insert = command(
      database,
      `INSERT INTO entity (log, type, id, revision, offset, lifetime, deleted, topics)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = command(
      database,
      'UPDATE entity SET revision = ?, offset = ?, lifetime = ?, deleted = ?, topics = ? WHERE ref = ?',
    );
    this.#delete = command(database, 'DELETE FROM entity WHERE ref = ?');
    this.#deleteEntry = command(database, 'DELETE FROM entry WHERE log = ? AND offset = ?');
    this.#file = command(
      database,
      'INSERT INTO entity_topic (log, topic, type, id, entity) VALUES (?, ?, ?, ?, ?)',
    );
    this.#unfile = command(
      database,
      'DELETE FROM entity_topic WHERE log = ? AND topic = ? AND type = ? AND id = ?',
    );
    this.#filedUnder = query<EntityRow>(
      database,
      `SELECT ${ENTITY_COLUMNS} FROM entity_topic t JOIN entity e ON e.ref = t.entity
        WHERE t.log = ? AND t.topic = ?`,
    );
    this.#body = query<[body: string]>(database, 'SELECT body FROM entry WHERE log = ? AND offset = ?');
    this.#foundIds = query<[id: string]>(
      database,
      'SELECT id FROM entity_topic WHERE log = ? AND topic = ? AND type = ? ORDER BY id LIMIT ?',
    );
    this.#boundTo = query<EntityRow>(
      database,
      `SELECT ${ENTITY_COLUMNS} FROM entry n JOIN entity e ON e.ref = n.entity AND e.log = n.log AND e.offset = n.offset
        WHERE n.log = ? AND n.offset > ? AND n.offset <= ? AND e.lifetime = 'log'`,
    );
  }

  /** Whether an entity is what the writer of a batch took it to be. */
  isAs(
    { expectedRevision, expectedFacts }: Expectation,
    log: LogId,
    stored: StoredEntity | undefined,
  ): boolean {
    if (expectedRevision !== (stored?.revision ?? 0)) return false;
    if (expectedFacts === undefined || stored === undefined) return true;
    return expectedFacts === hash('sha1', this.#body.get(log, stored.offset)![0], 'hex');
  }

  holds({ type, topic, limit, ids }: Finding, log: LogId): boolean {
    const found = this.#foundIds.all(log, topic, type, limit);
    return found.length === ids.length && found.every(([id], index) => id === ids[index]);
  }

  find(log: LogId, type: string, id: string): StoredEntity | undefined {
    const row = this.#select.get(log, type, id);
    return row === undefined ? undefined : entityOf(row);
  }

  /** Makes the entry at the log's head the state of the entity that was `stored`. Returns the entity's ref. */
  write(log: LogState, write: EntityWrite, stored: StoredEntity | undefined): number {
    const { type, id, lifetime, purge } = write;
    const revision = write.expectedRevision + 1;
    const deleted = write.deleted ? 1 : 0;
    const topics = write.deleted ? NO_TOPICS : JSON.stringify([...new Set(write.topics)]);
    let ref: number;
    if (stored === undefined) {
      const { lastInsertRowid } = this.#insert(
        log.id,
        type,
        id,
        revision,
        log.offset,
        lifetime,
        deleted,
        topics,
      );
      ref = Number(lastInsertRowid);
    } else {
      ref = stored.ref;
      this.#update(revision, log.offset, lifetime, deleted, topics, ref);
      this.#dropTrimmedEntry(log, stored);
    }
    const before = stored?.topics ?? NO_TOPICS;
    if (topics !== before) this.#refile(log.id, write, ref, before, topics);
    if (purge !== undefined) this.#purge(log, purge, ref);
    return ref;
  }

  /** Removes those whose state goes with the entries between two offsets: behind the first, up to the last. */
  trim(log: LogState, from: number, to: number): void {
    for (const row of this.#boundTo.all(log.id, from, to)) this.#remove(log, entityOf(row));
  }

  #purge(log: LogState, topic: string, except: number): void {
    for (const row of this.#filedUnder.all(log.id, topic)) {
      if (row[0] !== except) this.#remove(log, entityOf(row));
    }
  }

  #remove(log: LogState, entity: StoredEntity): void {
    for (const topic of topicsOf(entity.topics)) this.#unfile(log.id, topic, entity.type, entity.id);
    this.#delete(entity.ref);
    this.#dropTrimmedEntry(log, entity);
  }

  /** Trimming left the entry that was the entity's state; nobody needs it any more. */
  #dropTrimmedEntry(log: LogState, entity: StoredEntity): void {
    if (entity.offset <= log.floorOffset) this.#deleteEntry(log.id, entity.offset);
  }

  #refile(log: LogId, { type, id }: EntityWrite, ref: number, before: string, after: string): void {
    const old = topicsOf(before);
    const wanted = topicsOf(after);
    for (const topic of old) if (!wanted.has(topic)) this.#unfile(log, topic, type, id);
    for (const topic of wanted) if (!old.has(topic)) this.#file(log, topic, type, id, ref);
  }
}

function entityOf([ref, type, id, revision, offset, topics]: EntityRow): StoredEntity {
  return { ref, type, id, revision, offset, topics };
}

function topicsOf(json: string): Set<string> {
  return new Set(JSON.parse(json) as string[]);
}
