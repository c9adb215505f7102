import { describe, expect, it } from 'vitest';
import type { Suite } from '../conformance.ts';
import { batch, change, content } from '../sample.ts';
import { conflictOf, idsOf, readAll } from '../support.ts';

export function describeEntities(suite: Suite): void {
  const ids = (log: Parameters<typeof idsOf>[1], topic: Parameters<typeof idsOf>[2]['topic']) =>
    idsOf(suite.store, log, { type: 'issue', topic, limit: 100 });

  describe('the state of an entity', () => {
    it('is its latest event', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(change('a'), change('a', { on: 1, title: 'newest' }), content()));
      const entries = await readAll(suite.store, log);
      expect(await suite.store.entity(log, 'issue', 'a')).toEqual({ entry: entries[1], deleted: false });
    });

    it('is unknown where it was never there, or is of another type', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(change('a')));
      expect(await suite.store.entity(log, 'issue', 'b')).toBeUndefined();
      expect(await suite.store.entity(log, 'issue', '__proto__')).toBeUndefined();
      expect(await suite.store.entity(log, 'suggestion', 'a')).toBeUndefined();
      const { appended } = await suite.store.append(log, batch(change('a', { type: 'suggestion' })));
      expect(appended[0]!.revision).toBe(1);
    });

    it('is what was acknowledged last, however often it was read before', async () => {
      const harness = await suite.newHarness();
      const log = suite.newLog();
      const before = await harness.open();
      const filed = { topics: ['all', 'project:x'] } as const;
      await before.append(log, batch(change('a'), change('b', filed), change('c')));
      await before.close();
      const store = await harness.open();
      const look = async () => {
        const { entries, at } = await store.entities(log, { type: 'issue', topic: 'all', limit: 10 });
        const records = await Promise.all(['a', 'b', 'c'].map((id) => store.entity(log, 'issue', id)));
        return {
          listed: entries.map(({ entityId, revision }) => `${entityId} ${revision}`),
          found: records.map((record) => record?.entry.revision),
          at: at.offset,
        };
      };
      const first = { listed: ['a 1', 'b 1', 'c 1'], found: [1, 1, 1], at: 3 };
      expect([await look(), await look()]).toEqual([first, first]);
      await store.append(log, batch(content()));
      expect(await look()).toEqual({ ...first, at: 4 });
      await store.append(log, batch(change('a', { on: 1 })));
      expect(await look()).toEqual({ listed: ['a 2', 'b 1', 'c 1'], found: [2, 1, 1], at: 5 });
      await store.append(log, batch(change('x', { type: 'suggestion', purge: 'project:x' })));
      expect(await look()).toEqual({ listed: ['a 2', 'c 1'], found: [2, undefined, 1], at: 6 });
      await store.append(log, batch(change('c', { on: 1, deleted: true, lifetime: 'log' })));
      expect(await look()).toEqual({ listed: ['a 2'], found: [2, undefined, 2], at: 7 });
    });

    it('is still there when it is deleted, but is not listed', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(change('a'), change('b'), change('a', { on: 1, deleted: true })));
      expect(await suite.store.entity(log, 'issue', 'a')).toMatchObject({
        deleted: true,
        entry: { revision: 2 },
      });
      expect(await ids(log, 'all')).toEqual(['b']);
    });
  });

  describe('the entities under a topic', () => {
    it('come in the order of the UTF-8 bytes of their ids', async () => {
      const log = suite.newLog();
      // By UTF-16 the emoji would come before the last one.
      const sorted = [
        '#',
        '10',
        '9',
        'A',
        'Z',
        '__proto__',
        'a',
        'a#10',
        'a#9',
        'constructor',
        'é',
        '世',
        '\uFFFD',
        '🎉',
      ];
      await suite.store.append(log, batch(...sorted.toReversed().map((id) => change(id))));
      expect(await ids(log, 'all')).toEqual(sorted);
      const one = await idsOf(suite.store, log, { type: 'issue', topic: 'all', limit: 1 });
      expect(one).toEqual(sorted);
    });

    it('come in pages, which go on behind an id, even one that is not there', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(...['a', 'b', 'c', 'd', 'e'].map((id) => change(id))));
      const page = async (limit: number, afterId?: string) => {
        const query = {
          type: 'issue',
          topic: 'all',
          limit,
          ...(afterId === undefined ? {} : { afterId }),
        } as const;
        const { entries, hasMore, at } = await suite.store.entities(log, query);
        expect(at).toEqual(await suite.store.head(log));
        return [entries.map(({ entityId }) => entityId).join(''), hasMore];
      };
      expect(await page(2)).toEqual(['ab', true]);
      expect(await page(2, 'b')).toEqual(['cd', true]);
      expect(await page(2, 'd')).toEqual(['e', false]);
      expect(await page(5)).toEqual(['abcde', false]);
      expect(await page(4)).toEqual(['abcd', true]);
      expect(await page(2, 'bb')).toEqual(['cd', true]);
      expect(await page(2, 'e')).toEqual(['', false]);
    });

    it('are of one type, and there in their latest state', async () => {
      const log = suite.newLog();
      await suite.store.append(
        log,
        batch(change('a'), change('b', { type: 'suggestion' }), change('a', { on: 1 })),
      );
      const page = await suite.store.entities(log, { type: 'issue', topic: 'all', limit: 10 });
      const entries = await readAll(suite.store, log);
      expect(page).toEqual({ entries: [entries[2]], hasMore: false, at: entries[2]!.position });
    });

    it('are those whose latest event was filed under it', async () => {
      const log = suite.newLog();
      await suite.store.append(
        log,
        batch(change('a', { topics: ['all', 'project:x', 'all'] }), change('b', { topics: ['project:x'] })),
      );
      expect([await ids(log, 'all'), await ids(log, 'project:x')]).toEqual([['a'], ['a', 'b']]);
      await suite.store.append(log, batch(change('a', { on: 1, topics: ['project:y', 'all'] })));
      expect([await ids(log, 'all'), await ids(log, 'project:x')]).toEqual([['a'], ['b']]);
      expect(await ids(log, 'project:y')).toEqual(['a']);
      await suite.store.append(log, batch(change('a', { on: 2, topics: [] })));
      expect([await ids(log, 'all'), await ids(log, 'project:y')]).toEqual([[], []]);
      await suite.store.append(log, batch(change('a', { on: 3, topics: ['project:x'] })));
      expect(await ids(log, 'project:x')).toEqual(['a', 'b']);
    });

    it('come with the position that they are true at, whoever writes meanwhile', async () => {
      const log = suite.newLog();
      // Many, so that reading them takes its time.
      const names = Array.from({ length: 200 }, (_, index) => `${index}`.padStart(3, '0'));
      await suite.store.append(log, batch(...names.map((id) => change(id))));
      let written = false;
      const writing = Promise.all(
        ['000', '100', '199'].map(async (id) => {
          for (let on = 1; on < 60; on++) await suite.store.append(log, batch(change(id, { on })));
        }),
      ).then(() => (written = true));
      const pages = [];
      do {
        pages.push(await suite.store.entities(log, { type: 'issue', topic: 'all', limit: 300 }));
      } while (!written);
      await writing;
      const events = await readAll(suite.store, log);
      for (const { entries, at } of pages) {
        const latest = new Map(events.slice(0, at.offset).map((entry) => [entry.entityId, entry]));
        const expected = [...latest.values()].map(({ position }) => position.offset);
        expect(entries.map(({ position }) => position.offset)).toEqual(expected);
      }
    });
  });

  describe('a purge', () => {
    it('forgets what is filed under its topic, of every type, but not the entity itself', async () => {
      const log = suite.newLog();
      await suite.store.append(
        log,
        batch(
          change('a', { topics: ['all', 'project:x'] }),
          change('b', { topics: ['all', 'project:x'], type: 'suggestion' }),
          change('c', { topics: ['all', 'project:y'] }),
          change('x', { topics: ['all', 'project:x'] }),
        ),
      );
      await suite.store.append(
        log,
        batch(change('x', { on: 1, topics: ['all', 'project:x'], purge: 'project:x' })),
      );
      expect(await suite.store.entity(log, 'issue', 'a')).toBeUndefined();
      expect(await suite.store.entity(log, 'suggestion', 'b')).toBeUndefined();
      expect([await ids(log, 'all'), await ids(log, 'project:x')]).toEqual([['c', 'x'], ['x']]);
      expect(await idsOf(suite.store, log, { type: 'suggestion', topic: 'all', limit: 10 })).toEqual([]);
      // Silently: the events are all there, and there is none of the purge.
      expect((await readAll(suite.store, log)).map(({ entityId }) => entityId)).toEqual([
        'a',
        'b',
        'c',
        'x',
        'x',
      ]);
    });

    it('lets what it forgot begin anew, in the same batch too', async () => {
      const log = suite.newLog();
      await suite.store.append(
        log,
        batch(change('a', { topics: ['project:x'] }), change('a', { on: 1, topics: ['project:x'] })),
      );
      const purge = change('x', { deleted: true, purge: 'project:x' });
      const conflict = await conflictOf(suite.store.append(log, batch(purge, change('a', { on: 2 }))));
      expect(conflict).toMatchObject({ index: 1, current: { entry: { revision: 2 } } });
      const { appended } = await suite.store.append(log, batch(purge, change('a', { title: 'anew' })));
      expect(appended[1]!.revision).toBe(1);
      expect([await ids(log, 'all'), await ids(log, 'project:x')]).toEqual([['a'], []]);
    });
  });
}
