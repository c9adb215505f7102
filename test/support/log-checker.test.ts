import { expect, it } from 'vitest';
import { encodeCursor } from '../../src/events/position.ts';
import { checkLog, nothingWrong, type Told } from './log-checker.ts';

const at = (offset: number, content = `event ${offset}`, chain = 'c0ffee'): Told => ({
  cursor: encodeCursor({ epoch: 'e1', offset, chain }),
  content,
});
const start = at(0).cursor;
const log = [1, 2, 3, 4, 5].map((offset) => at(offset));
const seenBy = (...events: Told[]) => ({ name: 'ada', after: start, events });

it('finds nothing wrong with a subscriber that saw everything, from wherever it began', () => {
  const late = { name: 'bob', after: at(2).cursor, events: log.slice(2) };
  expect(checkLog(log, [seenBy(...log), late])).toMatchObject({
    acknowledged: 5,
    subscribers: 2,
    reads: 8,
    ...nothingWrong,
  });
});

it.each([
  ['a gap', 'gaps', [at(1), at(2), at(4), at(5)]],
  ['an acknowledged event that is missing', 'missing', [at(1), at(2), at(3), at(5)]],
  ['a missing end', 'missing', [at(1), at(2), at(3), at(4)]],
  ['an inversion', 'inversions', [at(1), at(3), at(2), at(4), at(5)]],
  ['a duplicate', 'duplicates', [at(1), at(2), at(2), at(3), at(4), at(5)]],
  ['another content', 'disagreements', [at(1), at(2), at(3, 'other'), at(4), at(5)]],
  ['another chain', 'disagreements', [at(1), at(2), at(3, 'event 3', 'beef'), at(4), at(5)]],
  ['a content that was stored twice', 'storedTwice', [...log, at(6, 'event 5')]],
] as const)('counts %s', (_, what, events) => {
  const check = checkLog(log, [seenBy(...events), { ...seenBy(...log), name: 'bob' }]);
  expect(check[what]).toBeGreaterThan(0);
  expect(check.problems).not.toEqual([]);
});
