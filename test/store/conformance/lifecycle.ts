import { describe, expect, it } from 'vitest';
import type { EventStore } from '../../../src/store/store.ts';
import type { Suite } from '../conformance.ts';
import { batch, change, content, contents, keyed } from '../sample.ts';
import {
  conflictOf,
  expectLost,
  HOUR_MS,
  idsOf,
  keepEverything,
  offsetsOf,
  readAll,
  until,
} from '../support.ts';

export function describeLifecycle(suite: Suite): void {
  describe('opening again', () => {
    it('finds everything as it was', async () => {
      const harness = await suite.newHarness();
      const retention = () => ({ ...keepEverything, events: 4 });
      const before = await harness.open(retention);
      const log = suite.newLog();
      const empty = await before.head({ ...log, stream: 'presence' });
      const first = await before.append(
        log,
        keyed(['key', 'other key'], change('kept'), change('a', { topics: ['project:x'] }), ...contents(4)),
      );
      await before.append(
        log,
        batch(change('a', { on: 1, topics: ['project:y'] }), change('b', { deleted: true })),
      );
      await until(async () => (await before.size(log)).events === 4);
      const entries = await readAll(before, log);
      const size = await before.size(log);
      await before.close();

      harness.clock.advance(-HOUR_MS);
      const after = await harness.open(retention);
      expect(await readAll(after, log)).toEqual(entries);
      expect(await after.size(log)).toEqual(size);
      expect(await after.head(log)).toEqual(entries.at(-1)!.position);
      expect(await after.head({ ...log, stream: 'presence' })).toEqual(empty);
      expect(await idsOf(after, log, { type: 'issue', topic: 'all', limit: 9 })).toEqual(['kept']);
      expect(await idsOf(after, log, { type: 'issue', topic: 'project:y', limit: 9 })).toEqual(['a']);
      expect(await after.entity(log, 'issue', 'b')).toMatchObject({ deleted: true });
      const floor = first.appended[3]!.position;
      expect((await after.read(log, floor, 10)).entries).toEqual(entries);
      await expectLost(after, log, { ...floor, chain: '0123456789ab' }, 'chain');
      await expectLost(after, log, first.appended[2]!.position, 'trimmed');
      expect(await after.append(log, keyed('other key', content()))).toEqual({ ...first, duplicate: true });
      expect(await conflictOf(after.append(log, batch(change('a'))))).toMatchObject({
        current: { entry: { revision: 2 } },
      });

      const next = await after.append(log, batch(change('a', { on: 2 })));
      expect(offsetsOf(next)).toEqual([9]);
      expect(next.appended[0]!.position.epoch).toBe(floor.epoch);
      // The clock is behind, time is not.
      expect(next.appended[0]!.recordedAt).toBe(entries.at(-1)!.recordedAt);
    });
  });

  it('answers pings', async () => {
    await suite.store.ping();
  });

  describe('closing', () => {
    it('waits for what is under way', async () => {
      const harness = await suite.newHarness();
      const store = await harness.open();
      const log = suite.newLog();
      const appends = Array.from({ length: 50 }, () => store.append(log, batch(content())));
      const reading = store.read(log, 'oldest', 100);
      const closed = store.close();
      const results = await Promise.all(appends);
      await reading;
      await closed;
      expect(results.flatMap(offsetsOf)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
      expect(await readAll(await harness.open(), log)).toHaveLength(50);
    });

    it('makes every later call fail, and may be repeated', async () => {
      const harness = await suite.newHarness();
      const store = await harness.open();
      const log = suite.newLog();
      await store.append(log, batch(content()));
      await Promise.all([store.close(), store.close()]);
      await store.close();
      const calls: ((closed: EventStore) => Promise<unknown>)[] = [
        (closed) => closed.append(log, batch(content())),
        (closed) => closed.recall(log, ['key']),
        (closed) => closed.read(log, 'oldest', 1),
        (closed) => closed.readBefore(log, 'newest', 1),
        (closed) => closed.head(log),
        (closed) => closed.entity(log, 'issue', 'a'),
        (closed) => closed.entities(log, { type: 'issue', topic: 'all', limit: 1 }),
        (closed) => closed.watch(log, () => undefined),
        (closed) => closed.size(log),
        (closed) => closed.ping(),
      ];
      for (const call of calls)
        await expect(call(store)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });
  });
}
