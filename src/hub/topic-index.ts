import { topicsOf, type Entry } from '../events/event.ts';
import type { Topic } from '../events/topics.ts';
import type { Route } from './route.ts';

/** Those who listen to one kind under one topic. */
interface Shelf<Listener> {
  /** Who wants all of it, or can't say by a field what. */
  readonly all: Set<Listener>;
  /** By a field of the data that has to have a certain value: the field's name, the value, the listeners. */
  readonly byField: Map<string, Map<unknown, Set<Listener>>>;
}

/**
 * Finds who listens to an entry by looking up its topics and then the fields that are asked for, so that the work grows with who is concerned
 * and not with who listens.
 */
export class TopicIndex<Listener> {
  readonly #shelves = new Map<string, Shelf<Listener>>();

  add(route: Route, listener: Listener): void {
    for (const key of keysOf(route)) {
      let shelf = this.#shelves.get(key);
      if (shelf === undefined) this.#shelves.set(key, (shelf = { all: new Set(), byField: new Map() }));
      const { wanted } = route;
      if (wanted === null) {
        shelf.all.add(listener);
        continue;
      }
      let byValue = shelf.byField.get(wanted.field);
      if (byValue === undefined) shelf.byField.set(wanted.field, (byValue = new Map()));
      for (const value of wanted.values) {
        const listeners = byValue.get(value);
        if (listeners === undefined) byValue.set(value, new Set([listener]));
        else listeners.add(listener);
      }
    }
  }

  remove(route: Route, listener: Listener): void {
    for (const key of keysOf(route)) {
      const shelf = this.#shelves.get(key);
      if (shelf === undefined) continue;
      shelf.all.delete(listener);
      const { wanted } = route;
      const byValue = wanted === null ? undefined : shelf.byField.get(wanted.field);
      if (wanted !== null && byValue !== undefined) {
        for (const value of wanted.values) {
          const listeners = byValue.get(value);
          listeners?.delete(listener);
          if (listeners?.size === 0) byValue.delete(value);
        }
        if (byValue.size === 0) shelf.byField.delete(wanted.field);
      }
      if (shelf.all.size === 0 && shelf.byField.size === 0) this.#shelves.delete(key);
    }
  }

  /** Each once, even where several of the entry's topics lead to it. */
  find(entry: Entry): ReadonlySet<Listener> {
    const found = new Set<Listener>();
    const data = entry.data as Readonly<Record<string, unknown>>;
    for (const topic of topicsOf(entry)) {
      for (const kind of [entry.kind, 'any']) {
        const shelf = this.#shelves.get(`${kind} ${topic}`);
        if (shelf === undefined) continue;
        for (const listener of shelf.all) found.add(listener);
        for (const [field, byValue] of shelf.byField) {
          for (const listener of byValue.get(data[field]) ?? []) found.add(listener);
        }
      }
    }
    return found;
  }
}

/** Of entries that somebody catches up over: mostly others follow. */
const known = new WeakMap<Entry, readonly Topic[]>();

/** Whether an entry is one of those that the route's place in the index stands for. */
export function isFiledUnder(route: Route, entry: Entry): boolean {
  if (route.kinds !== 'any' && !route.kinds.includes(entry.kind)) return false;
  let topics = known.get(entry);
  if (topics === undefined) known.set(entry, (topics = topicsOf(entry)));
  return route.topics.some((topic) => topics.includes(topic));
}

function keysOf(route: Route): string[] {
  const kinds = route.kinds === 'any' ? ['any'] : route.kinds;
  return kinds.flatMap((kind) => route.topics.map((topic) => `${kind} ${topic}`));
}
