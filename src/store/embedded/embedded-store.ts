import { join } from 'node:path';
import { TidingsError } from '../../errors.ts';
import type { SubjectName } from '../../events/catalogue.ts';
import type { Entry } from '../../events/event.ts';
import { PositionLost, type Position } from '../../events/position.ts';
import { Calls } from '../calls.ts';
import { appendedOf } from '../receipt.ts';
import {
  logKey,
  RevisionConflict,
  type AppendResult,
  type Batch,
  type EntityPage,
  type EntityQuery,
  type EntityRecord,
  type EventStore,
  type LogName,
  type Page,
  type Retention,
  type Unwatch,
} from '../store.ts';
import { lockDirectory, unusable, type DirectoryLock } from './directory-lock.ts';
import { EmbeddedRecords } from './embedded-records.ts';
import { Memory } from './memory.ts';
import type { AppendAnswer, AppendCall, KnownLog, ReadAnswer, ReaderCalls, WriterCalls } from './protocol.ts';
import { entryOf, recordOf } from './stored.ts';
import { Thread } from './thread.ts';

export interface EmbeddedStoreOptions {
  /** Holds the database; created when it is missing. One store at a time, whatever the process. */
  readonly directory: string;
  /** Asked once a log and opening. */
  readonly retention: (log: LogName) => Retention;
  /** The clock of recordedAt and of all ages, in milliseconds; Date.now when absent. It may jump. */
  readonly now?: () => number;
  /** How often what is too old is looked for in logs that nobody writes to; 10 s when absent. */
  readonly maintenanceMs?: number;
  /** Largest size of the database file in bytes, beyond which appends fail with STORE_FULL. Absent: what the disk has. */
  readonly maxBytes?: number;
  /** Told what nobody waits for: the death of a thread, maintenance that failed, a watcher that threw. */
  readonly onError?: (error: Error) => void;
}

type Watcher = (entries: readonly Entry[]) => void;

interface Log extends KnownLog {
  readonly watchers: Set<Watcher>;
  /** Where it ended when this process last wrote to it. */
  head?: Position;
}

/**
 * The event store of a server that needs nothing beside it: a SQLite database, written by one thread and read by another.
 * This side makes and parses the JSON, and tells watchers.
 */
export class EmbeddedEventStore implements EventStore {
  readonly records: EmbeddedRecords;
  readonly #options: EmbeddedStoreOptions;
  readonly #lock: DirectoryLock;
  readonly #calls = new Calls();
  readonly #writer: Thread<WriterCalls>;
  readonly #reader: Thread<ReaderCalls>;
  readonly #logs = new Map<string, Promise<Log>>();
  readonly #memory = new Memory();
  /** What the commit being handled appended. */
  readonly #fresh = new Map<Log, Entry[]>();
  #maintenance: NodeJS.Timeout | undefined;
  #maintaining = false;
  #closed: Promise<void> | undefined;

  /**
   * @throws TidingsError STORE_UNAVAILABLE with a message that names the directory: it is in use, can't be written, or holds
   *   something else than a database of this version or older
   */
  static async open(options: EmbeddedStoreOptions): Promise<EmbeddedEventStore> {
    const lock = lockDirectory(options.directory);
    const store = new EmbeddedEventStore(options, lock);
    try {
      await store.#start();
      return store;
    } catch (error) {
      await store.close();
      throw unusable(options.directory, error instanceof TidingsError ? error.cause : error);
    }
  }

  private constructor(options: EmbeddedStoreOptions, lock: DirectoryLock) {
    this.#options = options;
    this.#lock = lock;
    const data = { path: join(options.directory, 'events.db'), maxBytes: options.maxBytes ?? null };
    const now = options.now ?? Date.now;
    const onDeath = (error: Error): void => {
      this.#calls.refuse(error);
      this.#report(error);
    };
    this.#writer = new Thread('writer', data, { now, onDeath, onAnswered: () => this.#tellWatchers() });
    this.#reader = new Thread('reader', data, { now, onDeath });
    this.records = new EmbeddedRecords(this.#writer, this.#reader, this.#calls);
  }

  append(name: LogName, batch: Batch): Promise<AppendResult> {
    return this.#calls.make(async () => {
      const log = await this.#open(name);
      const events = batch.events.map(({ facts, write }) => ({ body: JSON.stringify(facts), write }));
      const characters = events.reduce((sum, { body }) => sum + body.length, 0);
      const call = { log: log.id, events, guards: batch.guards ?? [], keys: batch.idempotencyKeys };
      return this.#calls.write(characters, () =>
        this.#writer.call('append', call, (answer) => this.#appended(log, batch, events, answer)),
      );
    });
  }

  recall(name: LogName, idempotencyKeys: readonly string[]): Promise<AppendResult | undefined> {
    return this.#calls.make(async () => {
      const { id, epoch } = await this.#open(name);
      return this.#reader.call('recall', { log: id, keys: idempotencyKeys }, (receipt) => {
        return receipt && { appended: appendedOf(epoch, receipt), duplicate: true };
      });
    });
  }

  read(name: LogName, after: Position | 'oldest', limit: number): Promise<Page> {
    return this.#calls.make(async () => {
      const { id, epoch } = await this.#open(name);
      return this.#reader.call('read', { log: id, after, limit }, (answer) => pageOf(epoch, answer));
    });
  }

  readBefore(name: LogName, before: Position | 'newest', limit: number): Promise<Page> {
    return this.#calls.make(async () => {
      const { id, epoch } = await this.#open(name);
      return this.#reader.call('readBefore', { log: id, before, limit }, (answer) => pageOf(epoch, answer));
    });
  }

  head(name: LogName): Promise<Position> {
    return this.#calls.make(async () => {
      const { id } = await this.#open(name);
      return this.#reader.call('head', id, (position) => position);
    });
  }

  entity(name: LogName, type: SubjectName, id: string): Promise<EntityRecord | undefined> {
    return this.#calls.make(async () => {
      const log = await this.#open(name);
      return this.#memory.entity([log.id, type, id], () =>
        this.#reader.call('entity', { log: log.id, type, id }, (state) => ({
          value: recordOf(log.epoch, state),
          size: state?.entry[4].length ?? 0,
          isKept: state?.isKept === true,
        })),
      );
    });
  }

  entities(name: LogName, query: EntityQuery): Promise<EntityPage> {
    return this.#calls.make(async () => {
      const log = await this.#open(name);
      const read = async () =>
        this.#reader.call('entities', { log: log.id, query }, ({ entries, hasMore, at, isKept }) => ({
          value: { entries: entries.map((entry) => entryOf(log.epoch, entry)), hasMore, at },
          size: entries.reduce((sum, [, , , , body]) => sum + body.length, 0),
          isKept,
        }));
      return this.#memory.page(log.id, query, () => log.head, read);
    });
  }

  watch(name: LogName, onAppended: Watcher): Promise<Unwatch> {
    return this.#calls.make(async () => {
      const { watchers } = await this.#open(name);
      // A function of its own for each call: the same callback may watch twice.
      const watcher: Watcher = (entries) => onAppended(entries);
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    });
  }

  size(name: LogName): Promise<{ readonly events: number; readonly bytes: number }> {
    return this.#calls.make(async () => {
      const { id } = await this.#open(name);
      return this.#reader.call('size', id, (size) => size);
    });
  }

  ping(): Promise<void> {
    return this.#calls.make(async () => {
      await Promise.all([
        this.#writer.call('ping', null, () => undefined),
        this.#reader.call('ping', null, () => undefined),
      ]);
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #start(): Promise<void> {
    const known = await this.#writer.call('logs', null, (logs) => logs);
    await this.#reader.call('ping', null, () => undefined);
    for (const log of known) this.#logs.set(logKey(log), Promise.resolve({ ...log, watchers: new Set() }));
    const retentions = known.map((log) => [log.id, this.#options.retention(log)] as const);
    await this.#writer.call('retain', retentions, () => undefined);
    this.#maintenance = setInterval(
      () => void this.#maintain(),
      this.#options.maintenanceMs ?? 10_000,
    ).unref();
    void this.#maintain();
  }

  async #end(): Promise<void> {
    clearInterval(this.#maintenance);
    await this.#calls.end();
    // The writer last: it checkpoints when no other connection is left.
    await this.#reader.end();
    await this.#writer.end();
    this.#lock.release();
  }

  /** The log, which gets its row and its epoch when it is first named; later calls of the process find it here. */
  #open(name: LogName): Promise<Log> {
    const key = logKey(name);
    const known = this.#logs.get(key);
    if (known !== undefined) return known;
    const { stream, workspace } = name;
    const argument = { stream, workspace, retention: this.#options.retention(name) };
    const opened = this.#writer.call('openLog', argument, (log): Log => ({ ...log, watchers: new Set() }));
    this.#logs.set(key, opened);
    opened.catch(() => this.#logs.delete(key));
    return opened;
  }

  #appended(log: Log, { events }: Batch, sent: AppendCall['events'], answer: AppendAnswer): AppendResult {
    const { epoch } = log;
    if ('conflict' in answer) {
      const { index, current } = answer.conflict;
      throw new RevisionConflict(index, recordOf(epoch, current));
    }
    const { duplicate, receipt } = answer;
    const appended = appendedOf(epoch, receipt);
    if (duplicate) return { appended, duplicate };
    log.head = appended.at(-1)!.position;
    let fresh = this.#fresh.get(log);
    if (fresh === undefined) this.#fresh.set(log, (fresh = []));
    for (const [index, { position, recordedAt, revision }] of appended.entries()) {
      const { facts, write } = events[index]!;
      // What is copied comes last: properties that are added to a copy make it four times as large.
      const entry = { position, recordedAt, revision, ...facts };
      fresh.push(entry);
      if (write !== null) this.#memory.wrote(log.id, write, entry, sent[index]!.body.length);
    }
    return { appended, duplicate };
  }

  #tellWatchers(): void {
    for (const [log, entries] of this.#fresh) {
      for (const watcher of log.watchers) {
        try {
          watcher(entries);
        } catch (error) {
          this.#report(error as Error);
        }
      }
    }
    this.#fresh.clear();
  }

  /** Step by step, so that appends get in between. */
  async #maintain(): Promise<void> {
    if (this.#maintaining) return;
    this.#maintaining = true;
    try {
      let more = true;
      while (more && this.#calls.areTaken) {
        more = await this.#calls.make(() => this.#writer.call('maintain', null, (answer) => answer.more));
      }
    } catch (error) {
      this.#report(error as Error);
    } finally {
      this.#maintaining = false;
    }
  }

  /** Not before it is open: until then open() itself tells. */
  #report(error: Error): void {
    if (this.#maintenance !== undefined) this.#options.onError?.(error);
  }
}

/** @throws PositionLost */
function pageOf(epoch: string, answer: ReadAnswer): Page {
  if ('lost' in answer) throw new PositionLost(answer.lost, answer.head);
  return { entries: answer.entries.map((entry) => entryOf(epoch, entry)), head: answer.head };
}
