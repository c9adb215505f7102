import { expect, it } from 'vitest';
import { ResultCache } from '../../src/hub/result-cache.ts';
import { EncodedResult } from '../../src/hub/sink.ts';

it('counts what results come to hold for clients that follow cursors without selecting them', () => {
  // Each takes 1 200 bytes, and about 1 000 more with the cursor.
  const cache = new ResultCache(10_000);
  const results = Array.from({ length: 8 }, () => new EncodedResult({ data: 'x'.repeat(989) }, 'cursor'));
  const kept = results.map((result) => cache.keep(result));
  const places = (): boolean[] => kept.map((each) => each?.result !== undefined);
  expect(places()).toEqual(results.map(() => true));
  for (const result of results)
    expect(result.payloadWithCursor).toContain('"extensions":{"cursor":"cursor"}');
  expect(places()).toEqual([false, false, false, false, true, true, true, true]);
});
