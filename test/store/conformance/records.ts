import { beforeEach, describe, expect, it } from 'vitest';
import { recordLimits } from '../../../src/store/records.ts';
import type { Suite } from '../conformance.ts';
import { HOUR_MS } from '../support.ts';

export function describeRecords(suite: Suite): void {
  describe('records', () => {
    let collections = 0;
    let collection: string;
    beforeEach(() => {
      collection = `collection ${++collections}`;
    });
    const put = (records: Readonly<Record<string, string>>, ttlMs = HOUR_MS, into = collection) =>
      suite.store.records.put(into, new Map(Object.entries(records)), ttlMs);
    const all = async (of = collection) => Object.fromEntries(await suite.store.records.all(of));

    it('are read as they were put, one or all of them', async () => {
      await put({ a: '1', b: '2' });
      expect(await suite.store.records.get(collection, 'a')).toBe('1');
      expect(await suite.store.records.get(collection, 'c')).toBeUndefined();
      expect(await all()).toEqual({ a: '1', b: '2' });
    });

    it('replace what had their key, and its time', async () => {
      await put({ a: '1' }, 10_000);
      await put({ a: '2' }, 20_000);
      suite.clock.advance(10_000);
      expect(await all()).toEqual({ a: '2' });
      await put({ a: '3' }, 5_000);
      suite.clock.advance(5_000);
      expect(await all()).toEqual({});
    });

    it('are over to the millisecond, each by itself', async () => {
      await put({ short: '1' }, 5_000);
      await put({ long: '2' }, 5_001);
      suite.clock.advance(4_999);
      expect(await all()).toEqual({ short: '1', long: '2' });
      suite.clock.advance(1);
      expect(await all()).toEqual({ long: '2' });
      expect(await suite.store.records.get(collection, 'short')).toBeUndefined();
      expect(await suite.store.records.get(collection, 'long')).toBe('2');
    });

    it('can be removed, also where they are not there', async () => {
      await put({ a: '1', b: '2' });
      await suite.store.records.remove(collection, 'a');
      await suite.store.records.remove(collection, 'a');
      await suite.store.records.remove(`${collection} that nobody knows`, 'a');
      expect(await all()).toEqual({ b: '2' });
      await put({ a: '3' });
      expect(await all()).toEqual({ a: '3', b: '2' });
    });

    it('of one collection are not those of another', async () => {
      const other = `${collection}}{`;
      await put({ a: '1' });
      await put({ a: '2' }, HOUR_MS, other);
      await suite.store.records.remove(collection, 'a');
      expect(await all(other)).toEqual({ a: '2' });
      expect(await all()).toEqual({});
    });

    it('hold any text', async () => {
      const texts = ['', ' ', '"', '\u0000a', '\uD800', '\uDC00', '\uFFFD', 'ä/🎉', '{}', '%', '__proto__'];
      const records = new Map(texts.map((text) => [text, text]));
      await suite.store.records.put(collection, records, HOUR_MS);
      expect(await suite.store.records.all(collection)).toEqual(records);
      for (const text of texts) expect(await suite.store.records.get(collection, text)).toBe(text);
    });

    it('are kept by the thousands, from one call or from many at once', async () => {
      const numbered = (count: number, prefix: string) =>
        Array.from({ length: count }, (_, index) => [`${prefix}${index}`, `${index}`] as const);
      const [together, apart] = [numbered(3_000, 'together'), numbered(2_000, 'apart')];
      await Promise.all([
        suite.store.records.put(collection, new Map(together), HOUR_MS),
        ...apart.map(async ([key, value]) => put({ [key]: value })),
      ]);
      expect(await suite.store.records.all(collection)).toEqual(new Map([...together, ...apart]));
    });

    it('may be as large as the limits, and not larger', async () => {
      const key = '\u0000'.repeat(recordLimits.keyCharacters);
      const value = '🎉'.repeat(recordLimits.valueCharacters / 2);
      await put({ [key]: value });
      expect(await suite.store.records.get(collection, key)).toBe(value);
      await expect(put({ a: '1', [`${key}k`]: '' })).rejects.toThrow(RangeError);
      await expect(put({ a: '1', b: `${value}v` })).rejects.toThrow(RangeError);
      await expect(put({ a: '1' }, 0)).rejects.toThrow(RangeError);
      await expect(put({ a: '1' }, Number.NaN)).rejects.toThrow(RangeError);
      expect(await all()).toEqual({ [key]: value });
      await put({});
    });

    it('are still there when the store is opened again', async () => {
      const harness = await suite.newHarness();
      const first = await harness.open();
      await first.records.put('kept', new Map([['a', '1']]), HOUR_MS);
      await first.close();
      for (const refused of [
        first.records.put('kept', new Map([['a', '2']]), HOUR_MS),
        first.records.get('kept', 'a'),
        first.records.all('kept'),
        first.records.remove('kept', 'a'),
      ]) {
        await expect(refused).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      }
      const { records } = await harness.open();
      expect(await records.all('kept')).toEqual(new Map([['a', '1']]));
      harness.clock.advance(HOUR_MS);
      expect(await records.all('kept')).toEqual(new Map());
    });
  });
}
