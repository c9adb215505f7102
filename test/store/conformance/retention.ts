import { describe, expect, it } from 'vitest';
import type { Position } from '../../../src/events/position.ts';
import type { EventStore, LogName, Retention } from '../../../src/store/store.ts';
import type { Suite } from '../conformance.ts';
import { batch, change, content, contents } from '../sample.ts';
import { expectLost, HOUR_MS, idsOf, keepEverything, readAll, until } from '../support.ts';

export function describeRetention(suite: Suite): void {
  describe('retention', () => {
    const openWith = async (retention: Partial<Retention>) => {
      const harness = await suite.newHarness();
      const store = await harness.open(() => ({ ...keepEverything, ...retention }));
      return { harness, store, clock: harness.clock, log: suite.newLog() };
    };
    const trimmedTo = (store: EventStore, log: LogName, events: number) =>
      until(async () => (await store.size(log)).events === events);
    const offsets = async (store: EventStore, log: LogName): Promise<number[]> =>
      (await readAll(store, log)).map(({ position }) => position.offset);

    it('keeps the newest events, by count', async () => {
      const { store, log } = await openWith({ events: 5 });
      for (let i = 0; i < 12; i++) await store.append(log, batch(content()));
      await trimmedTo(store, log, 5);
      expect(await offsets(store, log)).toEqual([8, 9, 10, 11, 12]);
      await store.append(log, batch(...contents(100)));
      await trimmedTo(store, log, 5);
      expect(await offsets(store, log)).toEqual([108, 109, 110, 111, 112]);
    });

    it('keeps the newest events, by bytes of their JSON', async () => {
      const event = content('x'.repeat(1_000));
      const bytes = JSON.stringify(event.facts).length;
      const { store, log } = await openWith({ bytes: 4 * bytes + 1 });
      for (let i = 0; i < 10; i++) await store.append(log, batch(event));
      await trimmedTo(store, log, 4);
      expect(await offsets(store, log)).toEqual([7, 8, 9, 10]);
      expect(await store.size(log)).toEqual({ events: 4, bytes: 4 * bytes });
    });

    it('keeps the newest events, by age', async () => {
      const { store, log, clock } = await openWith({ hours: 2 });
      await store.append(log, batch(...contents(3)));
      clock.advance(HOUR_MS);
      await store.append(log, batch(content()));
      clock.advance(HOUR_MS);
      await store.append(log, batch(content()));
      expect((await store.size(log)).events).toBe(5);
      clock.advance(1);
      await store.append(log, batch(content()));
      await trimmedTo(store, log, 3);
      expect(await offsets(store, log)).toEqual([4, 5, 6]);
    });

    it('is asked for each log, so that presence is kept for a shorter time', async () => {
      const harness = await suite.newHarness();
      const store = await harness.open(({ stream }) => ({
        ...keepEverything,
        events: stream === 'events' ? 8 : 2,
      }));
      const { workspace } = suite.newLog();
      for (const stream of ['events', 'presence'] as const) {
        await store.append({ workspace, stream }, batch(...contents(9)));
      }
      await trimmedTo(store, { workspace, stream: 'events' }, 8);
      await trimmedTo(store, { workspace, stream: 'presence' }, 2);
    });

    it('lets the position of the last trimmed event be continued, and still verifies it', async () => {
      const { store, log } = await openWith({ events: 4 });
      const { appended } = await store.append(log, batch(...contents(10)));
      await trimmedTo(store, log, 4);
      const floor = appended[5]!.position;
      expect((await store.read(log, floor, 10)).entries.map(({ position }) => position.offset)).toEqual([
        7, 8, 9, 10,
      ]);
      const back = await store.readBefore(log, appended[8]!.position, 10);
      expect(back.entries.map(({ position }) => position.offset)).toEqual([7, 8]);
      expect((await store.readBefore(log, floor, 10)).entries).toEqual([]);
      await expectLost(store, log, { ...floor, chain: '0123456789ab' }, 'chain');
      await expectLost(store, log, appended[4]!.position, 'trimmed');
      await expectLost(store, log, { ...floor, offset: 0, chain: '0' }, 'trimmed');
    });

    it('no longer tells of more behind a page when what was there has gone with the log', async () => {
      const { store, log } = await openWith({ events: 3 });
      await store.append(log, batch(change('kept'), change('passing', { lifetime: 'log' })));
      const first = async () => store.entities(log, { type: 'issue', topic: 'all', limit: 1 });
      expect(await first()).toMatchObject({ entries: [{ entityId: 'kept' }], hasMore: true });
      await store.append(log, batch(...contents(5)));
      await trimmedTo(store, log, 3);
      expect(await first()).toMatchObject({ entries: [{ entityId: 'kept' }], hasMore: false });
    });

    it('looks back no further than it retains, though states of before are kept', async () => {
      const { store, log } = await openWith({ events: 3 });
      const { appended } = await store.append(log, batch(change('kept'), change('old'), ...contents(5)));
      await trimmedTo(store, log, 3);
      const back = async (before: Position | 'newest', limit: number): Promise<number[]> =>
        (await store.readBefore(log, before, limit)).entries.map(({ position }) => position.offset);
      expect(await back('newest', 10)).toEqual([5, 6, 7]);
      expect(await back(appended[5]!.position, 10)).toEqual([5]);
      expect(await back(appended[4]!.position, 10)).toEqual([]);
      expect(await back(appended[3]!.position, 10)).toEqual([]);
      expect(await idsOf(store, log, { type: 'issue', topic: 'all', limit: 10 })).toEqual(['kept', 'old']);
    });

    it('may leave nothing: the log goes on', async () => {
      const { store, log } = await openWith({ events: 0 });
      const { appended } = await store.append(log, batch(...contents(3)));
      await trimmedTo(store, log, 0);
      const head = appended[2]!.position;
      expect(await store.size(log)).toEqual({ events: 0, bytes: 0 });
      expect(await store.read(log, 'oldest', 10)).toEqual({ entries: [], head });
      expect(await store.read(log, head, 10)).toEqual({ entries: [], head });
      expect(await store.readBefore(log, 'newest', 10)).toEqual({ entries: [], head });
      await expectLost(store, log, { ...head, chain: '0123456789ab' }, 'chain');
      await expectLost(store, log, appended[1]!.position, 'trimmed');
      const next = await store.append(log, batch(content()));
      expect(next.appended[0]!.position.offset).toBe(4);
    });

    it('keeps the state of entities that are kept, and forgets the others with their last event', async () => {
      const { store, log } = await openWith({ events: 3 });
      await store.append(
        log,
        batch(
          change('kept'),
          change('passing', { lifetime: 'log' }),
          change('busy', { lifetime: 'log' }),
          change('deleted'),
          change('deleted', { on: 1, deleted: true, lifetime: 'log' }),
        ),
      );
      await store.append(log, batch(change('busy', { on: 1, lifetime: 'log' }), ...contents(2)));
      await trimmedTo(store, log, 3);
      expect(await idsOf(store, log, { type: 'issue', topic: 'all', limit: 10 })).toEqual(['busy', 'kept']);
      expect(await store.entity(log, 'issue', 'kept')).toMatchObject({
        deleted: false,
        entry: { revision: 1, position: { offset: 1 }, data: { id: 'kept' } },
      });
      expect(await store.entity(log, 'issue', 'passing')).toBeUndefined();
      expect(await store.entity(log, 'issue', 'deleted')).toBeUndefined();
      expect(await offsets(store, log)).toEqual([6, 7, 8]);
      // It begins anew, as what was never there.
      const { appended } = await store.append(log, batch(change('passing', { lifetime: 'log' })));
      expect(appended[0]!.revision).toBe(1);
    });

    it('forgets states with their last event, also those that were just read', async () => {
      const { store, log } = await openWith({ events: 3 });
      const all = { type: 'issue', topic: 'all', limit: 10 } as const;
      await store.append(log, batch(change('kept'), change('passing', { lifetime: 'log' })));
      expect(await idsOf(store, log, all)).toEqual(['kept', 'passing']);
      expect(await store.entity(log, 'issue', 'passing')).toBeDefined();
      await store.append(log, batch(...contents(3)));
      await trimmedTo(store, log, 3);
      expect(await idsOf(store, log, all)).toEqual(['kept']);
      expect(await store.entity(log, 'issue', 'passing')).toBeUndefined();
    });

    it('does not bring back old states when an entity goes on, is purged or changes its lifetime', async () => {
      const { store, log } = await openWith({ events: 2 });
      await store.append(
        log,
        batch(
          change('a', { topics: ['all', 'project:x'] }),
          change('b', { topics: ['all', 'project:x'] }),
          change('c'),
        ),
      );
      await store.append(log, batch(...contents(4)));
      await trimmedTo(store, log, 2);
      await store.append(
        log,
        batch(change('a', { on: 1, topics: ['all'] }), change('x', { purge: 'project:x' })),
      );
      await store.append(log, batch(change('c', { on: 1, lifetime: 'log' }), ...contents(2)));
      await trimmedTo(store, log, 2);
      expect(await idsOf(store, log, { type: 'issue', topic: 'all', limit: 10 })).toEqual(['a', 'x']);
      expect(await store.entity(log, 'issue', 'a')).toMatchObject({
        entry: { revision: 2, position: { offset: 8 } },
      });
      expect(await store.entity(log, 'issue', 'b')).toBeUndefined();
      expect(await store.entity(log, 'issue', 'c')).toBeUndefined();
      expect(await offsets(store, log)).toEqual([11, 12]);
    });

    it('keeps up with writers that do not pause', async () => {
      const { store, log } = await openWith({ events: 50 });
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          for (let i = 0; i < 20; i++) await store.append(log, batch(...contents(5)));
        }),
      );
      await trimmedTo(store, log, 50);
      expect(await offsets(store, log)).toEqual(Array.from({ length: 50 }, (_, index) => 951 + index));
    });
  });
}
