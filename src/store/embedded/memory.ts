import { Recent } from '../../recent.ts';
import type { Entry } from '../../events/event.ts';
import type { EntityPage, EntityQuery, EntityRecord, EntityWrite } from '../store.ts';
import type { LogId } from './protocol.ts';

/** Of the events' JSON, of states and pages each; as objects they take about three times as many bytes. */
const KEPT_CHARACTERS = 8 * 1_024 * 1_024;
/** What a page takes beside its entries, in the same measure: whoever asks for what isn't there makes pages of nothing else. */
const PAGE_OVERHEAD = 300;

/** What the reader answered. */
interface Read<Value> {
  readonly value: Value;
  /** Characters of the events' JSON. */
  readonly size: number;
  /** All of it stays until it is written to or purged: what is trimmed with the log, this side doesn't see going. */
  readonly isKept: boolean;
}

/** Stands for the state of something as it was asked for; gone when that is written to. */
type Mark = object;

/**
 * What was written or read lately, so that publishing seldom waits for the reader. It answers with what is acknowledged at that moment:
 * one process has the database, so every change comes by here.
 */
export class Memory {
  readonly #states = new Recent<EntityRecord>(KEPT_CHARACTERS);
  readonly #pages = new Recent<{ readonly page: EntityPage; readonly mark: Mark }>(KEPT_CHARACTERS);
  /** By entity while it is being read; by type, for the pages of it, until one of them is written. */
  readonly #marks = new Map<string, Mark>();
  /** How far pages that were read have come: beyond what is acknowledged, where the word of that is still on its way. */
  readonly #seen = new Map<LogId, number>();
  #nextTurn: Promise<void> | undefined;

  async entity(
    [log, type, id]: readonly [LogId, string, string],
    read: () => Promise<Read<EntityRecord | undefined>>,
  ): Promise<EntityRecord | undefined> {
    const key = stateKey(log, type, id);
    const known = this.#states.get(key);
    if (known !== undefined) {
      await this.#turn();
      return known;
    }
    const mark = this.#mark(key);
    try {
      const { value, size, isKept } = await read();
      // Otherwise it may be older than what was acknowledged meanwhile.
      if (value !== undefined && isKept && this.#marks.get(key) === mark) this.#states.set(key, value, size);
      return value;
    } finally {
      if (this.#marks.get(key) === mark) this.#marks.delete(key);
    }
  }

  /** `head` tells where the log ends, as far as that is acknowledged: what is remembered is true there too. */
  async page(
    log: LogId,
    { type, topic, afterId, limit }: EntityQuery,
    head: () => EntityPage['at'] | undefined,
    read: () => Promise<Read<EntityPage>>,
  ): Promise<EntityPage> {
    const ofType = typeKey(log, type);
    const key = JSON.stringify([log, type, topic, afterId, limit]);
    const known = this.#pages.get(key);
    if (known !== undefined && known.mark === this.#marks.get(ofType)) {
      const at = head();
      const page = at === undefined || at.offset <= known.page.at.offset ? known.page : { ...known.page, at };
      // Pages that are read one after the other never go back: that would look like a log that was rolled back.
      if (page.at.offset >= (this.#seen.get(log) ?? 0)) {
        await this.#turn();
        return page;
      }
    }
    const mark = this.#mark(ofType);
    const { value: page, size, isKept } = await read();
    this.#seen.set(log, Math.max(this.#seen.get(log) ?? 0, page.at.offset));
    if (isKept && this.#marks.get(ofType) === mark)
      this.#pages.set(key, { page, mark }, size + key.length + PAGE_OVERHEAD);
    return page;
  }

  /** An event that changes an entity was acknowledged. In the order of the log. */
  wrote(log: LogId, write: EntityWrite, entry: Entry, size: number): void {
    if (write.purge !== undefined) this.#forget();
    const key = stateKey(log, write.type, write.id);
    this.#marks.delete(key);
    this.#marks.delete(typeKey(log, write.type));
    if (write.lifetime === 'kept') this.#states.set(key, { entry, deleted: write.deleted }, size);
    else this.#states.delete(key);
  }

  /** Answers never come in the turn of their question: who asks again and again leaves others theirs. */
  #turn(): Promise<void> {
    this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#nextTurn = undefined;
        resolve();
      });
    });
    return this.#nextTurn;
  }

  #forget(): void {
    this.#states.clear();
    this.#pages.clear();
    this.#marks.clear();
  }

  #mark(key: string): Mark {
    let mark = this.#marks.get(key);
    if (mark === undefined) this.#marks.set(key, (mark = {}));
    return mark;
  }
}

/** No type has a space in it. */
const typeKey = (log: LogId, type: string): string => `${log} ${type}`;
const stateKey = (log: LogId, type: string, id: string): string => `${log} ${type} ${id}`;
