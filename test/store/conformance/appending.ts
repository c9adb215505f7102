import { describe, expect, it } from 'vitest';
import { GENESIS_CHAIN } from '../../../src/events/position.ts';
import type { Suite } from '../conformance.ts';
import { batch, change, content, contents, keyed } from '../sample.ts';
import { conflictOf, HOUR_MS, idsOf, offsetsOf, readAll } from '../support.ts';

export function describeAppending(suite: Suite): void {
  describe('appending', () => {
    it('gives consecutive offsets from 1 on, in the epoch of the log, each with a chain of its own', async () => {
      const log = suite.newLog();
      const { epoch } = await suite.store.head(log);
      const first = await suite.store.append(log, batch(content()));
      const rest = await suite.store.append(log, batch(...contents(3)));
      expect(first.duplicate).toBe(false);
      expect([...offsetsOf(first), ...offsetsOf(rest)]).toEqual([1, 2, 3, 4]);
      const positions = [...first.appended, ...rest.appended].map(({ position }) => position);
      expect(positions.every((position) => position.epoch === epoch)).toBe(true);
      expect(new Set(positions.map(({ chain }) => chain)).size).toBe(4);
      for (const { chain } of positions) expect(chain).toMatch(/^[0-9a-f]{1,40}$/);
      expect(await suite.store.head(log)).toEqual(rest.appended[2]!.position);
    });

    it('makes what was appended readable, exactly as it was', async () => {
      const log = suite.newLog();
      const event = change('42', { title: 'Grüße, 世界 🎉 \u0000 \u2028 "quoted" \\ </script>' });
      const metadata: unknown = JSON.parse(
        '{ "__proto__": { "a": null }, "constructor": [1.5, -0.1, 1e21] }',
      );
      const odd = { ...event, facts: { ...event.facts, data: { ...event.facts.data, metadata } as never } };
      const { appended } = await suite.store.append(log, batch(odd, content()));
      const entries = await readAll(suite.store, log);
      expect(entries).toEqual([
        { ...odd.facts, ...appended[0] },
        { ...content().facts, ...appended[1] },
      ]);
      expect(JSON.stringify(entries[0]!.data)).toBe(JSON.stringify(odd.facts.data));
    });

    it('keeps the events of a batch together, however many append at once', async () => {
      const log = suite.newLog();
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          suite.store.append(log, batch(...contents(1 + (index % 5)))),
        ),
      );
      for (const offsets of results.map(offsetsOf)) {
        expect(offsets).toEqual(offsets.map((_, index) => offsets[0]! + index));
      }
      const entries = await readAll(suite.store, log);
      expect(results.flatMap(({ appended }) => appended).map(({ position }) => position)).toEqual(
        entries.map(({ position }) => position),
      );
    });

    it('takes the batches of a process in the order of the calls', async () => {
      const log = suite.newLog();
      const results = await Promise.all(
        Array.from({ length: 30 }, (_, index) => suite.store.append(log, batch(change('a', { on: index })))),
      );
      expect(results.flatMap(offsetsOf)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    });

    it('records when an event was written, and never goes back within a log', async () => {
      const log = suite.newLog();
      const { clock, store } = suite;
      const recorded = async (): Promise<string> =>
        (await store.append(log, batch(content()))).appended[0]!.recordedAt;
      const start = clock.now();
      expect(await recorded()).toBe(new Date(start).toISOString());
      clock.advance(-HOUR_MS);
      expect(await recorded()).toBe(new Date(start).toISOString());
      clock.advance(HOUR_MS + 1_500);
      expect(await recorded()).toBe(new Date(start + 1_500).toISOString());
    });

    it('chains each event to the ones before it', async () => {
      const chains = await Promise.all(
        ['one', 'other'].map(async (title) => {
          const log = suite.newLog();
          await suite.store.append(log, batch(content(title)));
          const { appended } = await suite.store.append(log, batch(content('the same')));
          return appended[0]!.position.chain;
        }),
      );
      expect(chains[0]).not.toBe(chains[1]);
    });

    it('keeps logs apart: those of other workspaces, whatever their names, and the two of one', async () => {
      const names = [
        '',
        ' ',
        'a',
        'A',
        'a/b',
        'events/a',
        'a:b',
        '{a}',
        '__proto__',
        'ä',
        'a\u0000',
        'a\u0000b',
        '🎉',
        '%',
      ];
      const logs = names.flatMap((name) => [
        { workspace: `apart ${name}`, stream: 'events' as const },
        { workspace: `apart ${name}`, stream: 'presence' as const },
      ]);
      await Promise.all(
        logs.map((log, index) =>
          suite.store.append(log, keyed('the same key', change('a', { title: `${index}` }))),
        ),
      );
      const epochs = new Set<string>();
      for (const [index, log] of logs.entries()) {
        const entries = await readAll(suite.store, log);
        expect(entries.map(({ data }) => data)).toMatchObject([{ title: `${index}` }]);
        expect((await suite.store.entity(log, 'issue', 'a'))?.entry).toEqual(entries[0]);
        epochs.add(entries[0]!.position.epoch);
      }
      expect(epochs.size).toBe(logs.length);
    });
  });

  describe('revisions', () => {
    it('count the changes of an entity, several in a batch too; a content has none', async () => {
      const log = suite.newLog();
      const first = await suite.store.append(
        log,
        batch(change('a'), content(), change('a', { on: 1 }), change('b')),
      );
      const second = await suite.store.append(log, batch(change('a', { on: 2 })));
      expect([...first.appended, ...second.appended].map(({ revision }) => revision)).toEqual([
        1, 0, 2, 1, 3,
      ]);
      expect((await readAll(suite.store, log)).map(({ revision }) => revision)).toEqual([1, 0, 2, 1, 3]);
    });

    it('that differ from the expected one are a conflict, which shows what is stored', async () => {
      const log = suite.newLog();
      const { appended } = await suite.store.append(
        log,
        batch(change('a'), change('a', { on: 1, title: 'newest' })),
      );
      const conflict = await conflictOf(suite.store.append(log, batch(change('b'), change('a', { on: 1 }))));
      expect(conflict.index).toBe(1);
      expect(conflict.current).toEqual({
        entry: { ...change('a', { title: 'newest' }).facts, ...appended[1] },
        deleted: false,
      });
    });

    it('are a conflict too where nothing is stored, or already something', async () => {
      const log = suite.newLog();
      const missing = await conflictOf(suite.store.append(log, batch(change('a', { on: 3 }))));
      expect(missing).toMatchObject({ index: 0, current: undefined });
      await suite.store.append(log, batch(change('a')));
      const present = await conflictOf(suite.store.append(log, batch(change('a'))));
      expect(present).toMatchObject({ index: 0, current: { entry: { revision: 1 } } });
    });

    it('in conflict leave nothing of the batch behind', async () => {
      const log = suite.newLog();
      await suite.store.append(
        log,
        batch(change('a', { topics: ['all'] }), change('b', { topics: ['project:x'] })),
      );
      const before = await suite.store.head(log);
      const conflict = await conflictOf(
        suite.store.append(
          log,
          keyed(
            'key',
            change('new'),
            change('a', { on: 1, topics: ['repo:x'], title: 'lost' }),
            change('c', { purge: 'project:x' }),
            change('a', { on: 1 }),
          ),
        ),
      );
      // What is stored, not what the batch had made of it.
      expect(conflict).toMatchObject({
        index: 3,
        current: { entry: { revision: 1, data: { title: 'after 0' } } },
      });
      expect(await suite.store.head(log)).toEqual(before);
      expect(await suite.store.entity(log, 'issue', 'new')).toBeUndefined();
      expect((await suite.store.entity(log, 'issue', 'a'))?.entry.revision).toBe(1);
      expect(await idsOf(suite.store, log, { type: 'issue', topic: 'all', limit: 10 })).toEqual(['a']);
      expect(await idsOf(suite.store, log, { type: 'issue', topic: 'repo:x', limit: 10 })).toEqual([]);
      expect(await idsOf(suite.store, log, { type: 'issue', topic: 'project:x', limit: 10 })).toEqual(['b']);
      const again = await suite.store.append(log, keyed('key', content()));
      expect(again).toMatchObject({
        duplicate: false,
        appended: [{ position: { offset: before.offset + 1 } }],
      });
    });

    it('in conflict do not touch the batches that are appended at the same time', async () => {
      const log = suite.newLog();
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          suite.store.append(
            log,
            batch(content(`${index}`), change('a', { on: index % 2 === 0 ? index / 2 : 99 })),
          ),
        ),
      );
      expect(results.map(({ status }) => status)).toEqual(
        results.map((_, index) => (index % 2 === 0 ? 'fulfilled' : 'rejected')),
      );
      const entries = await readAll(suite.store, log);
      expect(entries.map(({ position }) => position.offset)).toEqual(entries.map((_, index) => index + 1));
      expect(entries).toHaveLength(20);
    });

    it('let exactly one of many writers win who saw the same state', async () => {
      const log = suite.newLog();
      const results = await Promise.allSettled(
        Array.from({ length: 25 }, () => suite.store.append(log, batch(change('a')))),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect((await suite.store.head(log)).offset).toBe(1);
    });

    it('go on where an entity was deleted', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(change('a'), change('a', { on: 1, deleted: true })));
      const conflict = await conflictOf(suite.store.append(log, batch(change('a'))));
      expect(conflict.current).toMatchObject({ deleted: true, entry: { revision: 2 } });
      const { appended } = await suite.store.append(log, batch(change('a', { on: 2 })));
      expect(appended[0]!.revision).toBe(3);
      expect(await suite.store.entity(log, 'issue', 'a')).toMatchObject({ deleted: false });
    });
  });

  describe('a log that was never written to', () => {
    it('has offset 0 and already its epoch', async () => {
      const log = suite.newLog();
      const head = await suite.store.head(log);
      expect(head).toMatchObject({ offset: 0, chain: GENESIS_CHAIN });
      expect(head.epoch).toMatch(/^[0-9a-z]{1,32}$/);
      expect(await suite.store.head(log)).toEqual(head);
      expect(await suite.store.read(log, head, 10)).toEqual({ entries: [], head });
      expect(await suite.store.read(log, 'oldest', 10)).toEqual({ entries: [], head });
      expect(await suite.store.size(log)).toEqual({ events: 0, bytes: 0 });
      const { appended } = await suite.store.append(log, batch(content()));
      expect(appended[0]!.position.epoch).toBe(head.epoch);
    });
  });
}
