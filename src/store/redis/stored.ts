/** From what the scripts say to what the contract says. */
import type { Entry, EventFacts } from '../../events/event.ts';
import type { Position } from '../../events/position.ts';
import { appendedOf, type Receipt } from '../receipt.ts';
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

/** What append.lua publishes. No entries where they are large. */
export interface Message {
  readonly epoch: string;
  readonly entries: readonly (readonly [number, string, number, number, EventFacts])[];
}

export function positionOf([epoch, offset, chain]: StoredPosition): Position {
  return { epoch, offset, chain };
}

/** What a batch got, as append.lua keeps it. */
export function appendedIn(text: string): Appended[] {
  const receipt = JSON.parse(text) as Receipt & { readonly epoch: string };
  return appendedOf(receipt.epoch, receipt);
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
