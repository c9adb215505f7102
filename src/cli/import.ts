import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { readConfig } from '../config.ts';
import { TidingsError } from '../errors.ts';
import { kinds, type SubjectName } from '../events/catalogue.ts';
import type { EventFacts } from '../events/event.ts';
import { entityWrite } from '../publishing/merge.ts';
import {
  RevisionConflict,
  type AppendResult,
  type EventStore,
  type LogName,
  type NewEvent,
} from '../store/store.ts';
import { parseEntry, parseHeader } from './log-file.ts';
import { withBackend } from './open-store.ts';
import { Progress } from './progress.ts';

interface ImportOptions {
  readonly workspace?: string;
  readonly append?: boolean;
}

const BATCH_EVENTS = 200;
const BATCH_CHARACTERS = 1_000_000;
/** More than anything but another writer of the same entities needs. */
const MAX_ATTEMPTS = 5;

/** Appends what `export` wrote. Each batch is known by its place in the file, so that it is appended once. */
export async function importLog(file: string, { workspace, append = false }: ImportOptions): Promise<void> {
  const handle = file === '-' ? undefined : await open(file);
  const input = handle?.createReadStream() ?? process.stdin;
  const progress = new Progress('events', (await handle?.stat())?.size);
  await withBackend(readConfig(process.env), { mustExist: false }, async ({ store }) => {
    let importer: Importer | undefined;
    let number = 0;
    let bytes = 0;
    let size = 0;
    let batch: EventFacts[] = [];
    const flush = async (): Promise<void> => {
      await importer!.append(batch, number);
      progress.update(bytes, importer!.appended + importer!.known);
      batch = [];
      size = 0;
    };
    for await (const text of createInterface({ input, crlfDelay: Infinity })) {
      number += 1;
      bytes += Buffer.byteLength(text) + 1;
      if (importer === undefined) {
        const header = parseHeader(text);
        const log: LogName = { workspace: workspace ?? header.workspace, stream: 'events' };
        importer = new Importer(
          store,
          log,
          createHash('sha256').update(text).digest('hex').slice(0, 32),
          append,
        );
        continue;
      }
      if (text.trim() === '') continue;
      const facts = parseEntry(text, number);
      batch.push(facts);
      size += text.length;
      // What a deleted project takes along is forgotten: what comes behind begins anew.
      if (batch.length === BATCH_EVENTS || size > BATCH_CHARACTERS || facts.kind === 'project.deleted')
        await flush();
    }
    if (importer === undefined) throw new TidingsError('INVALID_INPUT', 'The file is empty.');
    if (batch.length > 0) await flush();
    progress.end();
    const known = importer.known === 0 ? '' : `, ${importer.known} were there already`;
    console.error(`tidings: ${importer.appended} events imported${known}`);
  });
}

class Importer {
  readonly #store: EventStore;
  readonly #log: LogName;
  readonly #id: string;
  #mayAppend: boolean;
  /** Of entities, by type and id, as far as they were looked up. */
  readonly #revisions = new Map<string, number>();
  appended = 0;
  known = 0;

  constructor(store: EventStore, log: LogName, id: string, mayAppend: boolean) {
    this.#store = store;
    this.#log = log;
    this.#id = id;
    this.#mayAppend = mayAppend;
  }

  /** `place`: where the batch ends in the file. */
  async append(batch: readonly EventFacts[], place: number): Promise<void> {
    const key = `import:${this.#id}:${place}`;
    if (!this.#mayAppend) await this.#requireOwn(key);
    this.#mayAppend = true;
    const { duplicate } = await this.#append(batch, key);
    if (duplicate) this.known += batch.length;
    else this.appended += batch.length;
    if (duplicate || batch.at(-1)?.kind === 'project.deleted') this.#revisions.clear();
  }

  /** @throws TidingsError CONFLICT somebody else's events are there */
  async #requireOwn(key: string): Promise<void> {
    const { offset } = await this.#store.head(this.#log);
    if (offset === 0 || (await this.#store.recall(this.#log, [key])) !== undefined) return;
    throw new TidingsError(
      'CONFLICT',
      `The workspace "${this.#log.workspace}" is not empty. Take another with --workspace, or append to it with --append.`,
    );
  }

  async #append(batch: readonly EventFacts[], key: string): Promise<AppendResult> {
    for (let attempt = 1; ; attempt++) {
      try {
        const events: NewEvent[] = [];
        for (const facts of batch) events.push(await this.#eventOf(facts));
        return await this.#store.append(this.#log, { events, idempotencyKeys: [key] });
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
        if (attempt === MAX_ATTEMPTS) throw new TidingsError('CONFLICT');
        // Retention took states away meanwhile, or others write.
        this.#revisions.clear();
      }
    }
  }

  async #eventOf(facts: EventFacts): Promise<NewEvent> {
    const { entityId, kind } = facts;
    if (entityId === null) return { facts, write: null };
    const type: SubjectName = kinds[kind];
    const name = `${type} ${entityId}`;
    const revision =
      this.#revisions.get(name) ?? (await this.#store.entity(this.#log, type, entityId))?.entry.revision ?? 0;
    this.#revisions.set(name, revision + 1);
    return { facts, write: entityWrite(facts, entityId, { revision }) };
  }
}
