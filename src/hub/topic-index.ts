import { topicsOf, type Entry } from '../events/event.ts';
import type { Route } from './route.ts';

/** Finds who listens to an entry by looking up its topics, so that the work grows with who is concerned and not with who listens. */
export class TopicIndex<Listener> {
  readonly #byKey = new Map<string, Set<Listener>>();

  add(route: Route, listener: Listener): void {
    for (const key of keysOf(route)) {
      const listeners = this.#byKey.get(key);
      if (listeners === undefined) this.#byKey.set(key, new Set([listener]));
      else listeners.add(listener);
    }
  }

  remove(route: Route, listener: Listener): void {
    for (const key of keysOf(route)) {
      const listeners = this.#byKey.get(key);
      listeners?.delete(listener);
      if (listeners?.size === 0) this.#byKey.delete(key);
    }
  }

  /** Each once, even where several of the entry's topics lead to it. */
  find(entry: Entry): ReadonlySet<Listener> {
    const found = new Set<Listener>();
    for (const topic of topicsOf(entry)) {
      for (const kind of [entry.kind, 'any']) {
        for (const listener of this.#byKey.get(`${kind} ${topic}`) ?? []) found.add(listener);
      }
    }
    return found;
  }
}

/** Whether an entry is one of those that the route's place in the index stands for. */
export function isFiledUnder(route: Route, entry: Entry): boolean {
  if (route.kinds !== 'any' && !route.kinds.includes(entry.kind)) return false;
  const topics = topicsOf(entry);
  return route.topics.some((topic) => topics.includes(topic));
}

function keysOf(route: Route): string[] {
  const kinds = route.kinds === 'any' ? ['any'] : route.kinds;
  return kinds.flatMap((kind) => route.topics.map((topic) => `${kind} ${topic}`));
}
