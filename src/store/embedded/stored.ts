/** From what the threads say to what the contract says. */
import type { Entry, EventFacts } from '../../events/event.ts';
import type { EntityRecord } from '../store.ts';
import type { StoredEntry, StoredState } from './protocol.ts';

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
