import { describe, expect, it } from 'vitest';
import type { Suite } from '../conformance.ts';
import { batch, change, content, contents, keyed } from '../sample.ts';
import { DAY_MS, keepEverything, readAll, until } from '../support.ts';

export function describeIdempotency(suite: Suite): void {
  describe('an idempotency key', () => {
    it('that is repeated returns the first result and appends nothing, whatever comes with it', async () => {
      const log = suite.newLog();
      const first = await suite.store.append(
        log,
        keyed('key', change('a'), content(), change('a', { on: 1 })),
      );
      await suite.store.append(log, batch(content()));
      // Merged onto what is outdated by now: a duplicate is told before a conflict.
      expect(await suite.store.append(log, keyed('key', change('a')))).toEqual({ ...first, duplicate: true });
      expect(await suite.store.append(log, keyed('key', ...contents(9)))).toEqual({
        ...first,
        duplicate: true,
      });
      expect((await suite.store.head(log)).offset).toBe(4);
    });

    it('is enough, if any of several is known', async () => {
      const log = suite.newLog();
      const first = await suite.store.append(log, keyed(['delivery 1', 'hash 1'], ...contents(2)));
      for (const keys of [['hash 1'], ['delivery 1'], ['delivery 2', 'hash 1'], ['delivery 1', 'hash 2']]) {
        expect(await suite.store.append(log, keyed(keys, content()))).toEqual({ ...first, duplicate: true });
      }
      // What came with a known key was not appended, so it is not known itself.
      const other = await suite.store.append(log, keyed(['delivery 2', 'hash 2'], content()));
      expect(other.duplicate).toBe(false);
    });

    it('counts while the first batch with it is still on its way', async () => {
      const log = suite.newLog();
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          suite.store.append(log, keyed('key', content(`${index}`), content())),
        ),
      );
      expect(results.map(({ duplicate }) => duplicate)).toEqual(results.map((_, index) => index > 0));
      for (const { appended } of results) expect(appended).toEqual(results[0]!.appended);
      expect((await readAll(suite.store, log)).length).toBe(2);
    });

    it('may be named twice in one batch', async () => {
      const log = suite.newLog();
      const first = await suite.store.append(log, keyed(['key', 'key', 'other'], content()));
      expect(await suite.store.append(log, keyed('other', content()))).toEqual({ ...first, duplicate: true });
      expect(await suite.store.append(log, keyed('key', content()))).toEqual({ ...first, duplicate: true });
    });

    it('is another one where it differs in a single character, and belongs to one log', async () => {
      const log = suite.newLog();
      const keys = [
        '',
        'a',
        'A',
        'a ',
        'a\u0000',
        'a\u0000b',
        'ä',
        'a\u0308',
        '__proto__',
        'constructor',
        '🎉',
        '🎊',
        '1',
        '01',
      ];
      for (const key of keys) {
        expect((await suite.store.append(log, keyed(key, content()))).duplicate).toBe(false);
      }
      for (const [index, key] of keys.entries()) {
        const again = await suite.store.append(log, keyed(key, content()));
        expect(again).toMatchObject({ duplicate: true, appended: [{ position: { offset: index + 1 } }] });
      }
      expect((await suite.store.append(suite.newLog(), keyed('a', content()))).duplicate).toBe(false);
    });

    it('is known for seven days, and then a new one', async () => {
      const log = suite.newLog();
      const first = await suite.store.append(log, keyed(['key', 'second key'], content()));
      suite.clock.advance(7 * DAY_MS);
      expect(await suite.store.append(log, keyed('second key', content()))).toEqual({
        ...first,
        duplicate: true,
      });
      suite.clock.advance(1);
      expect(await suite.store.recall(log, ['key', 'second key'])).toBeUndefined();
      const later = await suite.store.append(log, keyed('key', content()));
      expect(later).toMatchObject({ duplicate: false, appended: [{ position: { offset: 2 } }] });
      expect(await suite.store.append(log, keyed('key', content()))).toEqual({ ...later, duplicate: true });
    });

    it('outlives the events that it stands for', async () => {
      const harness = await suite.newHarness();
      const store = await harness.open(() => ({ ...keepEverything, events: 3 }));
      const log = suite.newLog();
      const first = await store.append(log, keyed('key', ...contents(3)));
      await store.append(log, batch(...contents(10)));
      await until(async () => (await store.size(log)).events === 3);
      expect(await store.append(log, keyed('key', content()))).toEqual({ ...first, duplicate: true });
    });

    it('recalls the result, where it is known', async () => {
      const log = suite.newLog();
      const first = await suite.store.append(log, keyed(['one', 'two'], ...contents(2)));
      expect(await suite.store.recall(log, ['two'])).toEqual({ ...first, duplicate: true });
      expect(await suite.store.recall(log, ['unknown', 'one'])).toEqual({ ...first, duplicate: true });
      expect(await suite.store.recall(log, ['unknown'])).toBeUndefined();
      expect(await suite.store.recall(log, [])).toBeUndefined();
      expect(await suite.store.recall(suite.newLog(), ['one'])).toBeUndefined();
      expect((await suite.store.head(log)).offset).toBe(2);
    });
  });
}
