/** From what the scripts say to what the contract says. */
import type { Entry, EventFacts } from '../../events/event.ts';
import type { Position } from '../../events/position.ts';
import type { Appended, EntityRecord } from '../store.ts';

/** An entry as log.lua's entryOf gives it; its epoch is its log's. */
export type StoredEntry = readonly [
  offset: string | number,
  chain: string,
  recordedAt: string | number,
  revision: string | number,
  body: string,
];

/** Epoch, offset and chain. */
export type StoredPosition = readonly [epoch: string, offset: number, chain: string];

/** What log.lua's stateOf gives, or nothing. */
export type StoredState = readonly [] | readonly [epoch: string, entry: StoredEntry, deleted: number];

/** What a batch got: consecutive offsets from `first` on, the chain and the revision of each event. */
interface Receipt {
  readonly epoch: string;
  readonly first: number;
  /** Milliseconds. */
  readonly recordedAt: number;
  readonly chains: readonly string[];
  readonly revisions: readonly number[];
}

/** What append.lua publishes. No entries where they are large. */
export interface Message {
  readonly epoch: string;
  readonly entries: readonly (readonly [number, string, number, number, EventFacts])[];
}

export function positionOf([epoch, offset, chain]: StoredPosition): Position {
  return { epoch, offset, chain };
}

export function appendedOf(text: string): Appended[] {
  const { epoch, first, recordedAt, chains, revisions } = JSON.parse(text) as Receipt;
  const recordedAtText = new Date(recordedAt).toISOString();
  return chains.map((chain, index) => ({
    position: { epoch, offset: first + index, chain },
    recordedAt: recordedAtText,
    revision: revisions[index]!,
  }));
}

/** An entry out of the log. Its body was written by `append`, so it is not validated again. */
export function entryOf(epoch: string, [offset, chain, recordedAt, revision, body]: StoredEntry): Entry {
  const facts = JSON.parse(body) as EventFacts;
  return placed(facts, { epoch, offset: Number(offset), chain }, Number(recordedAt), Number(revision));
}

export function recordOf(state: StoredState): EntityRecord | undefined {
  if (state.length === 0) return undefined;
  const [epoch, entry, deleted] = state;
  return { entry: entryOf(epoch, entry), deleted: deleted === 1 };
}

export function publishedEntries({ epoch, entries }: Message): Entry[] {
  return entries.map(([offset, chain, recordedAt, revision, facts]) =>
    placed(facts, { epoch, offset, chain }, recordedAt, revision),
  );
}

function placed(facts: EventFacts, position: Position, recordedAt: number, revision: number): Entry {
  return { ...facts, position, recordedAt: new Date(recordedAt).toISOString(), revision };
}
