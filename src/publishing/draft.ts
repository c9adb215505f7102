import type { SubjectName } from '../events/catalogue.ts';
import { topicsOf } from '../events/event.ts';
import type { Topic } from '../events/topics.ts';
import type { EntityWrite, NewEvent } from '../store/store.ts';
import type { Base } from './merge.ts';
import type { PlanView } from './plan-view.ts';

/** A batch that is being made, and the state that its events so far leave behind. */
export class Draft {
  readonly events: NewEvent[] = [];
  /** What each entity that it writes was when it began, by key. */
  readonly bases = new Map<string, Base | undefined>();
  readonly #view: PlanView;
  readonly #written = new Map<string, Base | undefined>();
  readonly #purged = new Set<Topic>();

  constructor(view: PlanView) {
    this.#view = view;
  }

  /** @throws LostRace the plan saw another state */
  latest(type: SubjectName, id: string): Base | undefined {
    const key = this.#view.key(type, id);
    if (this.#written.has(key)) return this.#written.get(key);
    const base = this.#view.latest(type, id, key);
    return isFiledUnder(base, this.#purged) ? undefined : base;
  }

  add(event: NewEvent): void {
    this.events.push(event);
    const { facts, write } = event;
    if (write === null) return;
    const key = this.#view.key(write.type, write.id);
    if (!this.#written.has(key)) this.bases.set(key, this.latest(write.type, write.id));
    this.#written.set(key, { facts, revision: write.expectedRevision + 1, deleted: write.deleted });
    if (write.purge !== undefined) this.#purge(key, write);
  }

  #purge(key: string, { purge }: EntityWrite): void {
    this.#purged.add(purge!);
    for (const [other, base] of this.#written) {
      if (other !== key && isFiledUnder(base, new Set([purge!]))) this.#written.set(other, undefined);
    }
  }
}

function isFiledUnder(base: Base | undefined, topics: ReadonlySet<Topic>): boolean {
  if (base === undefined || base.deleted || topics.size === 0) return false;
  return topicsOf(base.facts).some((topic) => topics.has(topic));
}
