import type { Entry } from '../events/event.ts';
import type { LossReason, Position } from '../events/position.ts';
import type { Held } from './backlog-memory.ts';
import type { SharedOperation } from './shared-operation.ts';
import type { EncodedResult } from './sink.ts';
import type { Snapshot } from './snapshot.ts';

/** What a subscription has to write before it goes live. */
export interface Backlog {
  readonly held: Held;
  /** It has to be written before more is read. */
  readonly isDue: boolean;
  readonly isEmpty: boolean;
  /** Where to go on when everything taken so far has arrived; null where that is nowhere in the log. */
  readonly position: Position | null;
  /** Takes results out as long as they are asked for, or others have to be let in between. */
  take(shared: SharedOperation): Iterable<EncodedResult>;
}

/** So many items of a snapshot are written before others are let in between. */
const STEP = 256;

/** What is left of a snapshot. */
export class SnapshotBacklog implements Backlog {
  readonly position = null;
  readonly held: Snapshot;
  /** Where to go on behind it. */
  readonly #behind: Position;
  #restarted: LossReason | undefined;
  #next = 0;

  /** `restarted` is why it is another snapshot than the one that its client has: told with the first result. */
  constructor(snapshot: Snapshot, behind: Position, restarted: LossReason | undefined) {
    this.held = snapshot;
    this.#behind = behind;
    this.#restarted = restarted;
  }

  get isDue(): boolean {
    return !this.isEmpty;
  }

  get isEmpty(): boolean {
    return this.#next === this.held.items.length && this.#restarted === undefined;
  }

  /** Until it is told. */
  get restarted(): LossReason | undefined {
    return this.#restarted;
  }

  *take(shared: SharedOperation): Generator<EncodedResult, void, undefined> {
    const { items } = this.held;
    const end = Math.min(this.#next + STEP, items.length);
    while (this.#next < end) {
      const item = items[this.#next++]!;
      if (shared.accepts(item)) yield this.#resultAnew(shared, item) ?? shared.result(item);
    }
    if (this.#next < items.length) return;
    const empty = this.#resultAnew(shared);
    if (empty !== undefined) yield empty;
  }

  #resultAnew(shared: SharedOperation, item?: Entry): EncodedResult | undefined {
    const reason = this.#restarted;
    if (reason === undefined) return undefined;
    this.#restarted = undefined;
    return shared.resultAnew(reason, this.#behind, item);
  }
}
