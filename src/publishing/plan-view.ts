import type { StateOf, SubjectName } from '../events/catalogue.ts';
import { topicsOf, type Entry } from '../events/event.ts';
import type { Topic } from '../events/topics.ts';
import type { Batch, EventStore, Expectation, Finding, LogName } from '../store/store.ts';
import type { StateView } from './change.ts';
import type { Base } from './merge.ts';
import { UnderWay, type StatesUnderWay } from './under-way.ts';

/** An attempt to publish relied on state that others have changed. Planning again may see that. */
export class LostRace extends Error {
  /** What others changed, to queue for. */
  readonly key: string;
  /** Settles when planning again can see it; absent: now. */
  readonly settled: Promise<unknown> | undefined;

  constructor(key: string, settled?: Promise<unknown>) {
    super('planned on state that has changed');
    this.key = key;
    this.settled = settled;
  }
}

interface Seen {
  readonly type: SubjectName;
  readonly id: string;
  readonly base: Base | undefined;
}

interface Loaded {
  readonly base: Base | undefined;
  /** When the store was asked for it, by the time of what is under way. */
  readonly readAt: number;
}

/** State as one attempt sees it, and what of it the attempt relied on. */
export class PlanView implements StateView {
  readonly #log: LogName;
  /** Of all keys. Written like this, no workspace is the beginning of another. */
  readonly #prefix: string;
  readonly #store: EventStore;
  readonly #underWay: StatesUnderWay;
  readonly #loaded = new Map<string, Loaded>();
  readonly #seen = new Map<string, Seen>();
  readonly #findings: Finding[] = [];

  constructor(log: LogName, store: EventStore, underWay: StatesUnderWay) {
    this.#log = log;
    this.#prefix = `${JSON.stringify(log.workspace)} `;
    this.#store = store;
    this.#underWay = underWay;
  }

  key(type: SubjectName, id: string): string {
    return `${this.#prefix}${type} ${id}`;
  }

  async entity<Name extends SubjectName>(type: Name, id: string): Promise<StateOf<Name> | undefined> {
    const base = await this.load(type, id);
    this.#see(this.key(type, id), type, id, base);
    return base === undefined || base.deleted ? undefined : (base.facts.data as StateOf<Name>);
  }

  async find<Name extends SubjectName>(type: Name, topic: Topic, limit: number): Promise<StateOf<Name>[]> {
    const found: StateOf<Name>[] = [];
    const ids: string[] = [];
    let after = {};
    for (let hasMore = true; hasMore && found.length < limit;) {
      const { time } = this.#underWay;
      const page = await this.#store.entities(this.#log, {
        type,
        topic,
        limit: limit - found.length,
        ...after,
      });
      for (const entry of page.entries) {
        const id = entry.entityId!;
        const key = this.key(type, id);
        const base = this.#take(key, baseOf(entry), time)!;
        // It is leaving the topic, such as a repository its project: what takes its place is seen when that is through.
        if (base instanceof UnderWay && !topicsOf(base.facts).includes(topic)) {
          throw new LostRace(key, base.settled);
        }
        this.#see(key, type, id, base);
        if (base.deleted) continue;
        ids.push(id);
        found.push(base.facts.data as StateOf<Name>);
      }
      // A page may be short of the limit, where the entities are large.
      after = { afterId: page.entries.at(-1)?.entityId };
      hasMore = page.hasMore;
    }
    this.#findings.push({ type, topic, limit, ids });
    return found;
  }

  /** Reads what a change will be merged onto; `latest` then has it, or what is newer. */
  async load(type: SubjectName, id: string): Promise<Base | undefined> {
    const key = this.key(type, id);
    const isUnderWay = this.#underWay.get(key) !== undefined;
    const loaded = this.#loaded.get(key);
    if (!isUnderWay && loaded !== undefined) return loaded.base;
    const { time } = this.#underWay;
    const record = isUnderWay ? undefined : await this.#store.entity(this.#log, type, id);
    return this.#take(key, record && { ...baseOf(record.entry), deleted: record.deleted }, time);
  }

  /** @throws LostRace the plan saw another state */
  latest(type: SubjectName, id: string, key = this.key(type, id)): Base | undefined {
    const loaded = this.#loaded.get(key);
    const stored = this.#underWay.storedSince(key, loaded?.readAt ?? Infinity);
    const isNewer = stored !== undefined && stored.revision > (loaded?.base?.revision ?? 0);
    const base = this.#underWay.get(key) ?? (isNewer ? stored : loaded?.base);
    // The entity has moved since it was read, into a project that was not.
    const isUnknown = base === undefined && loaded === undefined;
    if (isUnknown || (base instanceof UnderWay && base.line.isBroken)) throw new LostRace(key);
    this.#see(key, type, id, base);
    return base;
  }

  /** What the attempt relied on and doesn't write, for the store to compare. */
  guards(written: { has(key: string): boolean }): NonNullable<Batch['guards']> {
    const unwritten = [...this.#seen].filter(([key]) => !written.has(key));
    const expectations = unwritten.map(([, { type, id, base }]): Expectation => ({
      type,
      id,
      expectedRevision: base?.revision ?? 0,
      ...(base?.fingerprint === undefined ? {} : { expectedFacts: base.fingerprint }),
    }));
    return [...expectations, ...this.#findings];
  }

  /** What counts for this attempt: the state under way, where there is one, else what was read. */
  #take(key: string, stored: Base | undefined, time: number): Base | undefined {
    const base = this.#underWay.get(key) ?? stored;
    const loaded = this.#loaded.get(key)?.base;
    // Read twice, it is the same to `#see`.
    if (loaded !== undefined && loaded.revision === base?.revision && !(base instanceof UnderWay))
      return loaded;
    this.#loaded.set(key, { base, readAt: time });
    return base;
  }

  #see(key: string, type: SubjectName, id: string, base: Base | undefined): void {
    const seen = this.#seen.get(key);
    if (seen === undefined) this.#seen.set(key, { type, id, base });
    else if (seen.base !== base) throw new LostRace(key);
  }
}

function baseOf(entry: Entry): Base {
  return { facts: entry, revision: entry.revision, deleted: false };
}
