import type { StateOf, SubjectName } from '../../src/events/catalogue.ts';
import { topicsOf, type EventFacts } from '../../src/events/event.ts';
import type { Topic } from '../../src/events/topics.ts';
import type { AnyChange, Plan, StateView } from '../../src/publishing/change.ts';
import { idOfPatch, merge, type Base } from '../../src/publishing/merge.ts';

/** What `occurredAt` is where a payload does not tell it. */
export const NOW = '2026-01-01T00:00:00.000Z';

/** Entity state in memory, merged as the publisher does, without its store, retries and access checks. */
export class MemoryState implements StateView {
  readonly #bases = new Map<string, Base>();

  entity<Name extends SubjectName>(subject: Name, id: string): Promise<StateOf<Name> | undefined> {
    const base = this.#bases.get(`${subject} ${id}`);
    return Promise.resolve(
      base === undefined || base.deleted ? undefined : (base.facts.data as StateOf<Name>),
    );
  }

  find<Name extends SubjectName>(subject: Name, topic: Topic, limit: number): Promise<StateOf<Name>[]> {
    const found = [...this.#bases]
      .filter(
        ([key, base]) =>
          key.startsWith(`${subject} `) && !base.deleted && topicsOf(base.facts).includes(topic),
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit);
    return Promise.resolve(found.map(([, base]) => base.facts.data as StateOf<Name>));
  }

  /** The events that a plan's changes become. Throws what is wrong with them. */
  async publish(plan: Plan): Promise<EventFacts[]> {
    return this.apply(await plan(this));
  }

  apply(changes: readonly AnyChange[]): EventFacts[] {
    return changes.map((change) => {
      const id = idOfPatch(change);
      const base = id === undefined ? undefined : this.#bases.get(`${change.subject} ${id}`);
      const merged = merge(change, base, { source: 'github', actor: null, now: NOW });
      if ('issues' in merged) throw new Error(`invalid change: ${JSON.stringify(merged.issues)}`);
      const { facts, write } = merged.event;
      if (write !== null) {
        this.#bases.set(`${change.subject} ${write.id}`, {
          facts,
          revision: write.expectedRevision + 1,
          deleted: write.deleted,
        });
      }
      return facts;
    });
  }
}
