import type { Calls } from '../calls.ts';
import { checkRecords, type Records } from '../records.ts';
import type { ReaderCalls, WriterCalls } from './protocol.ts';
import type { Thread } from './thread.ts';

/** Records in the database of the embedded store: what is put shares the commits of what is appended. */
export class EmbeddedRecords implements Records {
  readonly #writer: Thread<WriterCalls>;
  readonly #reader: Thread<ReaderCalls>;
  /** The store's. */
  readonly #calls: Calls;

  constructor(writer: Thread<WriterCalls>, reader: Thread<ReaderCalls>, calls: Calls) {
    this.#writer = writer;
    this.#reader = reader;
    this.#calls = calls;
  }

  async put(collection: string, records: ReadonlyMap<string, string>, ttlMs: number): Promise<void> {
    checkRecords(records, ttlMs);
    if (records.size === 0) return;
    const argument = { collection, records: [...records], ttlMs: Math.ceil(ttlMs) };
    await this.#calls.make(() => this.#writer.call('putRecords', argument, () => undefined));
  }

  get(collection: string, key: string): Promise<string | undefined> {
    return this.#calls.make(() => this.#reader.call('record', { collection, key }, (value) => value));
  }

  all(collection: string): Promise<ReadonlyMap<string, string>> {
    return this.#calls.make(() => this.#reader.call('records', collection, (records) => new Map(records)));
  }

  async remove(collection: string, key: string): Promise<void> {
    await this.#calls.make(() => this.#writer.call('removeRecord', { collection, key }, () => undefined));
  }
}
