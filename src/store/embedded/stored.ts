/** From what the threads say to what the contract says. */
import type { Entry, EventFacts } from '../../events/event.ts';
import type { Appended, EntityRecord } from '../store.ts';
import type { Receipt, StoredEntry, StoredState } from './protocol.ts';

export function appendedOf(epoch: string, { first, recordedAt, chains, revisions }: Receipt): Appended[] {
  const recordedAtText = new Date(recordedAt).toISOString();
  return chains.map((chain, index) => ({
    position: { epoch, offset: first + index, chain },
    recordedAt: recordedAtText,
    revision: revisions[index]!,
  }));
}

/** An entry out of the tables. Its body was written by #append, so it is not validated again. */
export function entryOf(epoch: string, [offset, chain, recordedAt, revision, body]: StoredEntry): Entry {
  const facts = JSON.parse(body) as EventFacts;
  return {
    position: { epoch, offset, chain },
    recordedAt: new Date(recordedAt).toISOString(),
    revision,
    ...facts,
  };
}

export function recordOf(epoch: string, state: StoredState | undefined): EntityRecord | undefined {
  return state && { entry: entryOf(epoch, state.entry), deleted: state.deleted };
}
