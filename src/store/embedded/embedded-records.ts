import { checkRecords, type Records } from '../records.ts';
import type { ReaderCalls, WriterCalls } from './protocol.ts';
import type { Thread } from './thread.ts';

export interface EmbeddedRecordsOptions {
  readonly writer: Thread<WriterCalls>;
  readonly reader: Thread<ReaderCalls>;
  /** Refuses what comes after the store's end. */
  readonly whileOpen: <Result>(work: () => Promise<Result>) => Promise<Result>;
}

/** Records in the database of the embedded store: what is put shares the commits of what is appended. */
export class EmbeddedRecords implements Records {
  readonly #options: EmbeddedRecordsOptions;

  constructor(options: EmbeddedRecordsOptions) {
    this.#options = options;
  }

  async put(collection: string, records: ReadonlyMap<string, string>, ttlMs: number): Promise<void> {
    checkRecords(records, ttlMs);
    if (records.size === 0) return;
    const { writer, whileOpen } = this.#options;
    const argument = { collection, records: [...records], ttlMs: Math.ceil(ttlMs) };
    await whileOpen(() => writer.call('putRecords', argument, () => undefined));
  }

  get(collection: string, key: string): Promise<string | undefined> {
    const { reader, whileOpen } = this.#options;
    return whileOpen(() => reader.call('record', { collection, key }, (value) => value));
  }

  all(collection: string): Promise<ReadonlyMap<string, string>> {
    const { reader, whileOpen } = this.#options;
    return whileOpen(() => reader.call('records', collection, (records) => new Map(records)));
  }

  async remove(collection: string, key: string): Promise<void> {
    const { writer, whileOpen } = this.#options;
    await whileOpen(() => writer.call('removeRecord', { collection, key }, () => undefined));
  }
}
