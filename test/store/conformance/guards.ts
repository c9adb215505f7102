import { describe, expect, it } from 'vitest';
import { fingerprintOf, type Batch, type Finding } from '../../../src/store/store.ts';
import type { Suite } from '../conformance.ts';
import { batch, change, content, keyed } from '../sample.ts';
import { conflictOf, idsOf } from '../support.ts';

type Guards = NonNullable<Batch['guards']>;

export function describeGuards(suite: Suite): void {
  const guarded = (given: Batch, ...guards: Guards): Batch => ({ ...given, guards });
  const issue = (id: string, expectedRevision: number) => ({ type: 'issue', id, expectedRevision }) as const;
  const found = (ids: readonly string[], limit = 10): Finding => ({
    type: 'issue',
    topic: 'repo:x',
    limit,
    ids,
  });

  describe('guards', () => {
    it('let a batch through when the entities that it relied on are as it saw them', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(change('a'), change('a', { on: 1 }), change('b')));
      await suite.store.append(log, batch(change('b', { on: 1, deleted: true })));
      const { appended } = await suite.store.append(
        log,
        guarded(batch(content(), content()), issue('a', 2), issue('b', 2), issue('never', 0)),
      );
      expect(appended).toHaveLength(2);
    });

    it('refuse a batch when one of them has moved on, is gone, or has come, and show it', async () => {
      const log = suite.newLog();
      await suite.store.append(
        log,
        batch(change('a'), change('a', { on: 1, title: 'newest' }), change('b', { topics: ['project:x'] })),
      );
      await suite.store.append(log, batch(change('c', { purge: 'project:x' })));
      const before = await suite.store.head(log);
      const attempt = async (...guards: Guards) =>
        conflictOf(
          suite.store.append(log, guarded(keyed('key', content(), change('new', { on: 0 })), ...guards)),
        );
      expect(await attempt(issue('never', 0), issue('a', 1))).toMatchObject({
        index: 3,
        current: { deleted: false, entry: { revision: 2, data: { title: 'newest' } } },
      });
      expect(await attempt(issue('b', 1))).toMatchObject({ index: 2, current: undefined });
      expect(await attempt(issue('c', 0))).toMatchObject({ index: 2, current: { entry: { revision: 1 } } });
      expect(await suite.store.head(log)).toEqual(before);
      expect(await suite.store.entity(log, 'issue', 'new')).toBeUndefined();
      expect(await suite.store.recall(log, ['key'])).toBeUndefined();
    });

    it('are about the state before the batch', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(change('a', { topics: ['repo:x'] })));
      await suite.store.append(
        log,
        guarded(batch(change('a', { on: 1, topics: ['repo:y'] })), issue('a', 1), found(['a'])),
      );
      await suite.store.append(
        log,
        guarded(batch(change('b', { topics: ['repo:x'] })), issue('b', 0), found([])),
      );
      expect(await idsOf(suite.store, log, { type: 'issue', topic: 'repo:x', limit: 10 })).toEqual(['b']);
    });

    it('don’t get into the way of others that rely on the same', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(change('a', { topics: ['repo:x'] })));
      const results = await Promise.all(
        Array.from({ length: 30 }, async () =>
          suite.store.append(log, guarded(batch(content()), issue('a', 1), found(['a']))),
        ),
      );
      expect(results).toHaveLength(30);
      expect(await suite.store.entity(log, 'issue', 'a')).toMatchObject({ entry: { revision: 1 } });
    });

    it('don’t count for what was appended before', async () => {
      const log = suite.newLog();
      const first = await suite.store.append(log, keyed('key', content()));
      const again = await suite.store.append(log, guarded(keyed('key', content()), issue('a', 7)));
      expect(again).toEqual({ ...first, duplicate: true });
    });

    it('refuse a batch when something else is found under a topic', async () => {
      const log = suite.newLog();
      const topics = ['repo:x'] as const;
      await suite.store.append(log, batch(change('b', { topics }), change('ü', { topics })));
      await suite.store.append(log, batch(change('a', { topics, type: 'suggestion' }), change('a')));
      for (const finding of [found(['b', 'ü']), found(['b', 'ü'], 2), found(['b'], 1)]) {
        await suite.store.append(log, guarded(batch(content()), finding));
      }
      for (const finding of [found([]), found(['b']), found(['ü', 'b']), found(['b'], 2), found(['ü'], 1)]) {
        const conflict = await conflictOf(suite.store.append(log, guarded(batch(content()), finding)));
        expect(conflict).toMatchObject({ index: 1, current: undefined });
      }
      await suite.store.append(log, batch(change('a', { on: 1, topics })));
      await conflictOf(suite.store.append(log, guarded(batch(content()), found(['b', 'ü']))));
      await suite.store.append(log, batch(change('b', { on: 1, deleted: true })));
      await suite.store.append(log, guarded(batch(content()), found(['a', 'ü'])));
    });
  });

  describe('an expected event', () => {
    it('is told from another one that got its revision', async () => {
      const log = suite.newLog();
      const [mine, others] = [change('a', { title: 'mine' }), change('a', { title: 'other’s' })];
      await suite.store.append(log, batch(others));
      const onto = (event: typeof mine) => {
        const next = change('a', { on: 1 });
        const expectedFacts = fingerprintOf(event.facts);
        return { ...next, write: { ...next.write!, expectedFacts } };
      };
      const conflict = await conflictOf(suite.store.append(log, batch(onto(mine))));
      expect(conflict).toMatchObject({ index: 0, current: { entry: { data: { title: 'other’s' } } } });
      const guard = { ...issue('a', 1), expectedFacts: fingerprintOf(mine.facts) };
      expect(await conflictOf(suite.store.append(log, guarded(batch(content()), guard)))).toMatchObject({
        index: 1,
      });
      await suite.store.append(
        log,
        guarded(batch(onto(others)), { ...guard, expectedFacts: fingerprintOf(others.facts) }),
      );
    });

    it('may be one that is just being appended, whatever it holds', async () => {
      const log = suite.newLog();
      const first = change('a', { title: 'Grüße, 世界 🎉 \u0000 \ud800 "quoted" \\' });
      const second = change('a', { on: 1 });
      const expectedFacts = fingerprintOf(first.facts);
      const results = await Promise.all([
        suite.store.append(log, batch(first)),
        suite.store.append(log, batch({ ...second, write: { ...second.write!, expectedFacts } })),
      ]);
      expect(results.map(({ appended }) => appended[0]!.revision)).toEqual([1, 2]);
    });
  });
}
