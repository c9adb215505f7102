/** What append.lua takes and answers. */
import { RevisionConflict, type AppendResult, type NewEvent, type Retention } from '../store.ts';
import { appendedOf, recordOf, type StoredState } from './stored.ts';

const HOUR_MS = 60 * 60 * 1_000;

export type AppendAnswer =
  | readonly ['appended' | 'duplicate', receipt: string]
  | readonly ['conflict', index: number, current: StoredState];

export function valuesOfRetention({ events, hours, bytes }: Retention): (string | number)[] {
  return [events, hours * HOUR_MS, bytes];
}

export function valuesOfEvents(events: readonly NewEvent[]): (string | number)[] {
  const values: (string | number)[] = [events.length];
  for (const { facts, write } of events) {
    values.push(JSON.stringify(facts), write?.type ?? '');
    if (write === null) continue;
    const { id, expectedRevision, lifetime, deleted, purge } = write;
    const topics = deleted ? [] : [...new Set(write.topics)];
    values.push(id, expectedRevision, lifetime, deleted ? 1 : 0, purge ?? '', topics.length, ...topics);
  }
  return values;
}

/** @throws RevisionConflict */
export function appendResultOf(answer: AppendAnswer): AppendResult {
  if (answer[0] === 'conflict') throw new RevisionConflict(answer[1], recordOf(answer[2]));
  return { appended: appendedOf(answer[1]), duplicate: answer[0] === 'duplicate' };
}
