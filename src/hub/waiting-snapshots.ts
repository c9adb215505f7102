import type { Entry } from '../events/event.ts';
import { sizeOf } from './ring.ts';

/** Who waits with the rest of a snapshot, and can begin again with another one. */
export interface SnapshotHolder {
  loseSnapshot(): void;
}

/** So many items are looked at to tell how large a snapshot is. */
const SAMPLE = 64;

/**
 * Snapshots of which the rest waits for slow connections, bounded all together. Where they become too much, whoever has waited the longest
 * loses its own, and begins with a new one when its connection has room.
 */
export class WaitingSnapshots {
  readonly #maxBytes: number;
  /** The one that has waited the longest first. */
  readonly #holders = new Map<SnapshotHolder, readonly Entry[]>();
  /** Each counts once, however many hold it. */
  readonly #snapshots = new Map<readonly Entry[], { readonly bytes: number; holders: number }>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(holder: SnapshotHolder, items: readonly Entry[]): void {
    let snapshot = this.#snapshots.get(items);
    if (snapshot === undefined) {
      snapshot = { bytes: roughSizeOf(items), holders: 0 };
      this.#snapshots.set(items, snapshot);
      this.#bytes += snapshot.bytes;
    }
    snapshot.holders++;
    this.#holders.set(holder, items);
    // The last one may be larger by itself: it would come no further with a new one.
    while (this.#bytes > this.#maxBytes && this.#holders.size > 1) {
      const [longest] = this.#holders.keys();
      this.remove(longest!);
      longest!.loseSnapshot();
    }
  }

  /** It doesn't wait any more. */
  remove(holder: SnapshotHolder): void {
    const items = this.#holders.get(holder);
    if (items === undefined) return;
    this.#holders.delete(holder);
    const snapshot = this.#snapshots.get(items)!;
    if (--snapshot.holders > 0) return;
    this.#snapshots.delete(items);
    this.#bytes -= snapshot.bytes;
  }
}

function roughSizeOf(items: readonly Entry[]): number {
  if (items.length === 0) return 0;
  const step = Math.ceil(items.length / SAMPLE);
  let [bytes, looked] = [0, 0];
  for (let index = 0; index < items.length; index += step, looked++) bytes += sizeOf(items[index]!);
  return looked === 0 ? 0 : (bytes / looked) * items.length;
}
