/** What append.lua takes and answers. */
import { RevisionConflict, type AppendResult, type Batch, type NewEvent, type Retention } from '../store.ts';
import { appendedIn, recordOf, type StoredState } from './stored.ts';

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
    const { id, expectedRevision, expectedFacts = '', lifetime, deleted, purge } = write;
    const topics = deleted ? [] : [...new Set(write.topics)];
    values.push(id, expectedRevision, expectedFacts, lifetime, deleted ? 1 : 0, purge ?? '');
    values.push(topics.length, ...topics);
  }
  return values;
}

export function valuesOfGuards(guards: NonNullable<Batch['guards']>): (string | number)[] {
  const values: (string | number)[] = [guards.length];
  for (const guard of guards) {
    if ('topic' in guard) {
      values.push('finding', guard.topic, guard.type, guard.limit, guard.ids.length);
      for (const id of guard.ids) values.push(id);
    } else {
      values.push('entity', guard.type, guard.id, guard.expectedRevision, guard.expectedFacts ?? '');
    }
  }
  return values;
}

/** @throws RevisionConflict */
export function appendResultOf(answer: AppendAnswer): AppendResult {
  if (answer[0] === 'conflict') throw new RevisionConflict(answer[1], recordOf(answer[2]));
  return { appended: appendedIn(answer[1]), duplicate: answer[0] === 'duplicate' };
}
