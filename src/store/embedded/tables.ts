/** The database: its tables, its settings, and typed statements. Loaded by both threads, so it imports little. */
import Database from 'libsql';
import type { Database as Connection } from 'libsql';
import type { LogId, StoredEntry, StoredState } from './protocol.ts';

/**
 * A row of `entry` lives as long as the log retains it *or* an entity's state is that entry: trimming passes over the
 * latest entry of an entity that is kept, and the entity's next change removes it. So an event is written once, and
 * what `read` sees is only bounded by the log's floor.
 */
const LOGS = `
  -- stream and workspace name it, floor_* is the last entry that was trimmed, bytes counts the bodies behind it.
  CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    workspace TEXT NOT NULL,
    epoch TEXT NOT NULL,
    offset INTEGER NOT NULL,
    chain TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    floor_offset INTEGER NOT NULL,
    floor_chain TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    UNIQUE (stream, workspace)
  ) STRICT;

  -- In order of arrival over all logs, so that appending only touches the last page. body is the JSON of EventFacts.
  CREATE TABLE entry (
    log INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    chain TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    entity INTEGER,
    body TEXT NOT NULL,
    UNIQUE (log, offset)
  ) STRICT;

  -- Its state is the entry at offset. topics is the JSON of what it is filed under.
  CREATE TABLE entity (
    ref INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    lifetime TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    topics TEXT NOT NULL,
    UNIQUE (log, type, id)
  ) STRICT;

  CREATE TABLE entity_topic (
    log INTEGER NOT NULL,
    topic TEXT NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    entity INTEGER NOT NULL,
    PRIMARY KEY (log, topic, type, id)
  ) STRICT, WITHOUT ROWID;

  -- What the batch with an idempotency key got. A batch's first key holds it, its others point there.
  CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    key TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    original INTEGER,
    result TEXT,
    UNIQUE (log, key)
  ) STRICT;
`;

const RECORDS = `
  -- Short texts beside the logs, of any use, until their time is over.
  CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (collection, key)
  ) STRICT;
  CREATE INDEX record_by_expiry ON record (expires_at);
`;

/** What each version of the schema adds to the one before. */
const versions = [LOGS, RECORDS];

/** The connection that writes: the only one that creates tables and checkpoints. */
export function openForWriting(path: string, maxBytes: number | null): Connection {
  const database = connect(path);
  database.exec(`
    PRAGMA journal_mode = WAL;
    -- Every commit waits for the disk, on macOS too, where an ordinary fsync does not.
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA cache_size = -32768;
    -- A checkpoint copies at most about 4 MiB: a few milliseconds beside a commit, seldom enough to merge hot pages.
    PRAGMA wal_autocheckpoint = 1000;
    -- What a WAL that had to grow (a reader stood in the way) gives back afterwards.
    PRAGMA journal_size_limit = 67108864;
  `);
  if (maxBytes !== null) {
    const pageSize = query<[number]>(database, 'PRAGMA page_size').get()![0];
    database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`);
  }
  const version = query<[number]>(database, 'PRAGMA user_version').get()![0];
  if (version > versions.length) {
    throw new Error(
      `it was written by a newer Tidings (schema ${version}, this one knows ${versions.length})`,
    );
  }
  if (version < versions.length) {
    const missing = versions.slice(version).join('');
    transaction(database, () => database.exec(`${missing} PRAGMA user_version = ${versions.length};`));
  }
  return database;
}

export function openForReading(path: string): Connection {
  const database = connect(path);
  database.exec('PRAGMA query_only = ON; PRAGMA cache_size = -16384');
  return database;
}

function connect(path: string): Connection {
  const database = new Database(path);
  database.exec('PRAGMA busy_timeout = 5000');
  return database;
}

/** Runs all or nothing of it. */
export function transaction<Result>(database: Connection, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // Where the disk is full SQLite has rolled back by itself.
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** What SQLite takes here. Anything else, a boolean for one, makes libsql end the process. */
type Value = string | number | null;

export interface Query<Row extends readonly unknown[]> {
  get(...values: Value[]): Row | undefined;
  /** Reads them all: an iterator that is left early would keep the read transaction open. */
  all(...values: Value[]): Row[];
}

/** Rows come as tuples in the order of the columns: libsql's objects carry a key of its own. */
export function query<Row extends readonly unknown[]>(database: Connection, sql: string): Query<Row> {
  const statement = database.prepare<[Value[]]>(sql).raw();
  return {
    get: (...values) => statement.get(values) as Row | undefined,
    all: (...values) => statement.all(values) as Row[],
  };
}

export interface Outcome {
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
}

export function command(database: Connection, sql: string): (...values: Value[]) => Outcome {
  const statement = database.prepare<[Value[]]>(sql);
  return (...values) => statement.run(values);
}

/**
 * A text that is compared and read back whole. SQLite takes UTF-8, in which all unpaired surrogates are one character,
 * and libsql reads texts up to their first NUL; in JSON both are escaped.
 */
export function exactly(text: string): string {
  return JSON.stringify(text);
}

/** The columns of a StoredEntry, of the table `entry` called `n`. */
export const ENTRY_COLUMNS = 'n.offset, n.chain, n.recorded_at, n.revision, n.body';

/** The state of one entity, for the reader and for the writer's conflicts alike. */
export function stateQuery(database: Connection) {
  const select = query<[...StoredEntry, deleted: number, lifetime: string]>(
    database,
    `SELECT ${ENTRY_COLUMNS}, e.deleted, e.lifetime FROM entity e JOIN entry n ON n.log = e.log AND n.offset = e.offset
      WHERE e.log = ? AND e.type = ? AND e.id = ?`,
  );
  return (log: LogId, type: string, id: string): StoredState | undefined => {
    const row = select.get(log, type, id);
    if (row === undefined) return undefined;
    const [offset, chain, recordedAt, revision, body, deleted, lifetime] = row;
    return {
      entry: [offset, chain, recordedAt, revision, body],
      deleted: deleted !== 0,
      isKept: lifetime === 'kept',
    };
  };
}
