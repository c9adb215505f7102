import type { Appended } from './store.ts';

/** What a batch got: consecutive offsets from `first` on, the chain and the revision of each event. */
export interface Receipt {
  readonly first: number;
  /** Milliseconds. */
  readonly recordedAt: number;
  readonly chains: readonly string[];
  readonly revisions: readonly number[];
}

export function appendedOf(epoch: string, { first, recordedAt, chains, revisions }: Receipt): Appended[] {
  const recordedAtText = new Date(recordedAt).toISOString();
  return chains.map((chain, index) => ({
    position: { epoch, offset: first + index, chain },
    recordedAt: recordedAtText,
    revision: revisions[index]!,
  }));
}
