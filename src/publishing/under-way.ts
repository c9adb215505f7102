import type { EventFacts } from '../events/event.ts';
import { fingerprintOf, type AppendResult, type NewEvent } from '../store/store.ts';
import type { Base } from './merge.ts';

/** States that were merged one onto the other. When one isn't written, none behind it is. */
interface Line {
  isBroken: boolean;
}

/** State that is on its way to the store. */
export class UnderWay implements Base {
  readonly facts: EventFacts;
  readonly revision: number;
  readonly deleted: boolean;
  readonly line: Line;
  /** It is stored, or won't be. Never rejects. */
  readonly settled: Promise<unknown>;
  #fingerprint: string | undefined;

  constructor({ facts, revision, deleted }: Base, line: Line, settled: Promise<unknown>) {
    this.facts = facts;
    this.revision = revision;
    this.deleted = deleted;
    this.line = line;
    this.settled = settled;
  }

  get fingerprint(): string {
    this.#fingerprint ??= fingerprintOf(this.facts);
    return this.#fingerprint;
  }
}

/** How many entities' states are remembered when they are stored: those that are written all the time. */
const REMEMBERED = 64;

/** The newest state on its way to the store, by the entity's key. */
export class StatesUnderWay {
  readonly #newest = new Map<string, UnderWay>();
  /** States that were stored lately: what was read before that is older. */
  readonly #stored = new Map<string, { readonly state: UnderWay; readonly time: number }>();
  #time = 0;

  get(key: string): UnderWay | undefined {
    const newest = this.#newest.get(key);
    return newest?.line.isBroken === true ? undefined : newest;
  }

  /** How many states have been stored so far: a time, for `storedSince`. */
  get time(): number {
    return this.#time;
  }

  /** What was stored under this key behind a time, as far as that is remembered. */
  storedSince(key: string, time: number): UnderWay | undefined {
    const stored = this.#stored.get(key);
    return stored !== undefined && stored.time > time ? stored.state : undefined;
  }

  /** Shows what is being appended to others until that is settled. `bases` is what it was merged onto, by key. */
  async show(
    appending: Promise<AppendResult>,
    events: readonly NewEvent[],
    keyOf: (write: NonNullable<NewEvent['write']>) => string,
    bases: ReadonlyMap<string, Base | undefined>,
  ): Promise<AppendResult> {
    const settled = appending.catch(() => undefined);
    const mine = new Map<string, UnderWay>();
    for (const { facts, write } of events) {
      if (write === null) continue;
      const key = keyOf(write);
      const base = bases.get(key);
      const line = mine.get(key)?.line ?? (base instanceof UnderWay ? base.line : { isBroken: false });
      const { expectedRevision, deleted } = write;
      mine.set(key, new UnderWay({ facts, revision: expectedRevision + 1, deleted }, line, settled));
    }
    for (const [key, state] of mine) this.#newest.set(key, state);
    let isWritten = false;
    try {
      const result = await appending;
      isWritten = !result.duplicate;
      return result;
    } finally {
      for (const [key, state] of mine) {
        if (isWritten) this.#remember(key, state);
        else state.line.isBroken = true;
        if (this.#newest.get(key) === state) this.#newest.delete(key);
      }
    }
  }

  #remember(key: string, state: UnderWay): void {
    this.#stored.delete(key);
    this.#stored.set(key, { state, time: (this.#time += 1) });
    if (this.#stored.size <= REMEMBERED) return;
    const [oldest] = this.#stored.keys();
    this.#stored.delete(oldest!);
  }
}
