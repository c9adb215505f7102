import type { Entry } from '../events/event.ts';

/** So many entries are looked at to tell how large many are. */
const SAMPLE = 64;

const sizes = new WeakMap<Entry, number>();

/** A rough size of an entry in memory, in bytes: the texts dominate. */
export function sizeOf(entry: Entry): number {
  let size = sizes.get(entry);
  if (size === undefined) {
    size = 400 + 2 * (JSON.stringify(entry.data).length + JSON.stringify(entry.detail).length);
    sizes.set(entry, size);
  }
  return size;
}

/** Of many entries together, by a look at some of them. */
export function roughSizeOf(entries: readonly Entry[]): number {
  if (entries.length === 0) return 0;
  const step = Math.ceil(entries.length / SAMPLE);
  let [bytes, looked] = [0, 0];
  for (let index = 0; index < entries.length; index += step, looked++) bytes += sizeOf(entries[index]!);
  return (bytes / looked) * entries.length;
}
