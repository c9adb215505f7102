/**
 * What the main thread and the two database threads say to each other.
 *
 * Everything here passes the structured clone: plain data, with event bodies as JSON text. They are serialised and parsed
 * on the main thread, once each; the threads only move text.
 */
import type { LossReason, Position } from '../../events/position.ts';
import type { Receipt } from '../receipt.ts';
import type { Batch, EntityQuery, EntityWrite, LogName, Retention } from '../store.ts';

/** The number of a log in the tables, which stands for its name everywhere but in the `log` table. */
export type LogId = number;

/** `recordedAt` in milliseconds; the entry's epoch is its log's. */
export type StoredEntry = readonly [
  offset: number,
  chain: string,
  recordedAt: number,
  revision: number,
  body: string,
];

export interface StoredState {
  readonly entry: StoredEntry;
  readonly deleted: boolean;
  /** Trimming the log leaves it. */
  readonly isKept: boolean;
}

export interface KnownLog extends LogName {
  readonly id: LogId;
  readonly epoch: string;
}

/** One call of a thread: what it takes and what it answers. */
interface Call<Argument, Answer> {
  readonly argument: Argument;
  readonly answer: Answer;
}

export type CallTypes = Record<string, Call<unknown, unknown>>;

export interface AppendCall {
  readonly log: LogId;
  readonly events: readonly { readonly body: string; readonly write: EntityWrite | null }[];
  readonly guards: NonNullable<Batch['guards']>;
  readonly keys: readonly string[];
}

interface Conflict {
  readonly index: number;
  readonly current: StoredState | undefined;
}

export type AppendAnswer =
  { readonly receipt: Receipt; readonly duplicate: boolean } | { readonly conflict: Conflict };

export type WriterCalls = {
  /** Every log that is stored. The first call: it fails where the database can't be opened. */
  logs: Call<null, readonly KnownLog[]>;
  /** Finds or creates it. */
  openLog: Call<LogName & { readonly retention: Retention }, KnownLog>;
  /** How long the logs that exist keep their events; a log without retention keeps everything. */
  retain: Call<readonly (readonly [LogId, Retention])[], null>;
  append: Call<AppendCall, AppendAnswer>;
  putRecords: Call<
    {
      readonly collection: string;
      readonly records: readonly (readonly [key: string, value: string])[];
      readonly ttlMs: number;
    },
    null
  >;
  removeRecord: Call<{ readonly collection: string; readonly key: string }, null>;
  /** One bounded step of trimming by age and of forgetting idempotency keys and records. */
  maintain: Call<null, { readonly more: boolean }>;
  ping: Call<null, null>;
};

export type ReadAnswer =
  | { readonly entries: readonly StoredEntry[]; readonly head: Position }
  | { readonly lost: LossReason; readonly head: Position };

export type ReaderCalls = {
  read: Call<
    { readonly log: LogId; readonly after: Position | 'oldest'; readonly limit: number },
    ReadAnswer
  >;
  readBefore: Call<
    { readonly log: LogId; readonly before: Position | 'newest'; readonly limit: number },
    ReadAnswer
  >;
  head: Call<LogId, Position>;
  recall: Call<{ readonly log: LogId; readonly keys: readonly string[] }, Receipt | undefined>;
  entity: Call<{ readonly log: LogId; readonly type: string; readonly id: string }, StoredState | undefined>;
  entities: Call<
    { readonly log: LogId; readonly query: EntityQuery },
    {
      readonly entries: readonly StoredEntry[];
      readonly hasMore: boolean;
      readonly at: Position;
      /** Trimming the log leaves all of them. */
      readonly isKept: boolean;
    }
  >;
  record: Call<{ readonly collection: string; readonly key: string }, string | undefined>;
  records: Call<string, readonly (readonly [key: string, value: string])[]>;
  size: Call<LogId, { readonly events: number; readonly bytes: number }>;
  ping: Call<null, null>;
};

/** A call under way, with the number that its answer will carry. */
export type Request<Calls extends CallTypes> = {
  [Name in keyof Calls]: {
    readonly id: number;
    readonly name: Name;
    readonly argument: Calls[Name]['argument'];
  };
}[keyof Calls];

/** To a thread: the calls of one turn of the event loop, in order, or the wish that it ends. */
export type Posted<Calls extends CallTypes> =
  | {
      /** The store's clock, in milliseconds: the threads have none of their own. */
      readonly now: number;
      readonly requests: readonly Request<Calls>[];
    }
  | 'end';

/** Why a call failed, in SQLite's words. */
export interface Failure {
  /** SQLITE_FULL, SQLITE_IOERR_WRITE … */
  readonly code: string;
  readonly message: string;
}

export type Reply =
  { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly failure: Failure };

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return { code, message: error.message };
}

/** What a thread is started with. */
export interface ThreadData {
  /** The database file. */
  readonly path: string;
  /** Largest size of the database file in bytes; null: as large as the disk allows. Only the writer uses it. */
  readonly maxBytes: number | null;
}
