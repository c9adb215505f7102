import { describe, expect, it } from 'vitest';
import { GENESIS_CHAIN, type Position } from '../../../src/events/position.ts';
import type { Page } from '../../../src/store/store.ts';
import type { Suite } from '../conformance.ts';
import { batch, change, contents } from '../sample.ts';
import { expectLost, idsOf, readAll } from '../support.ts';

export function describeReading(suite: Suite): void {
  describe('reading', () => {
    it('goes on behind a position, in pages, up to the head', async () => {
      const log = suite.newLog();
      const start = await suite.store.head(log);
      const { appended } = await suite.store.append(log, batch(...contents(7)));
      const positions = appended.map(({ position }) => position);
      const head = positions[6]!;
      const page = async (after: typeof head | 'oldest', limit: number): Promise<number[]> => {
        const { entries, head: readHead } = await suite.store.read(log, after, limit);
        expect(readHead).toEqual(head);
        return entries.map(({ position }) => position.offset);
      };
      expect(await page('oldest', 3)).toEqual([1, 2, 3]);
      expect(await page(start, 3)).toEqual([1, 2, 3]);
      expect(await page(positions[2]!, 3)).toEqual([4, 5, 6]);
      expect(await page(positions[5]!, 3)).toEqual([7]);
      expect(await page(head, 3)).toEqual([]);
      expect(await readAll(suite.store, log, start, 2)).toHaveLength(7);
    });

    it('goes back before a position, in pages that are oldest first, to where the log begins', async () => {
      const log = suite.newLog();
      const start = await suite.store.head(log);
      expect(await suite.store.readBefore(log, 'newest', 3)).toEqual({ entries: [], head: start });
      const { appended } = await suite.store.append(log, batch(...contents(7)));
      const positions = appended.map(({ position }) => position);
      const head = positions[6]!;
      const page = async (before: typeof head | 'newest', limit: number): Promise<number[]> => {
        const { entries, head: readHead } = await suite.store.readBefore(log, before, limit);
        expect(readHead).toEqual(head);
        return entries.map(({ position }) => position.offset);
      };
      expect(await page('newest', 3)).toEqual([5, 6, 7]);
      expect(await page(head, 3)).toEqual([4, 5, 6]);
      expect(await page(positions[2]!, 3)).toEqual([1, 2]);
      expect(await page(positions[0]!, 3)).toEqual([]);
      expect(await page(start, 3)).toEqual([]);
      const { entries } = await suite.store.readBefore(log, 'newest', 100);
      expect(entries).toEqual(await readAll(suite.store, log));
    });

    it('tells a position of another epoch', async () => {
      const log = suite.newLog();
      const { appended } = await suite.store.append(log, batch(...contents(3)));
      await expectLost(suite.store, log, { ...appended[1]!.position, epoch: 'elsewhere' }, 'epoch');
      const other = suite.newLog();
      await expectLost(suite.store, log, await suite.store.head(other), 'epoch');
    });

    it('tells a position of a log that was rolled back and has grown again', async () => {
      const log = suite.newLog();
      const start = await suite.store.head(log);
      const { appended } = await suite.store.append(log, batch(...contents(3)));
      const { position } = appended[1]!;
      for (const known of [position, appended[2]!.position]) {
        await expectLost(suite.store, log, { ...known, chain: '0123456789ab' }, 'chain');
      }
      await expectLost(suite.store, log, { ...position, chain: appended[0]!.position.chain }, 'chain');
      await expectLost(suite.store, log, { ...start, chain: '0123456789ab' }, 'chain');
      expect(start.chain).toBe(GENESIS_CHAIN);
    });

    it('tells a position that the log has not reached', async () => {
      const log = suite.newLog();
      const { appended } = await suite.store.append(log, batch(...contents(3)));
      await expectLost(suite.store, log, { ...appended[2]!.position, offset: 4 }, 'ahead');
      const empty = suite.newLog();
      await expectLost(suite.store, empty, { ...(await suite.store.head(empty)), offset: 1 }, 'ahead');
    });

    it('carries large events, in pages that get on however large they are', async () => {
      const log = suite.newLog();
      const title = '€'.repeat(400_000);
      for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
        await suite.store.append(log, batch(change(`${id}1`, { title }), change(`${id}2`, { title })));
      }
      const entries = await readAll(suite.store, log);
      expect(entries.map(({ position }) => position.offset)).toEqual(entries.map((_, index) => index + 1));
      expect(entries).toHaveLength(12);
      expect(entries.every(({ data }) => 'title' in data && data.title === title)).toBe(true);
      const back: number[] = [];
      for (let before: Position | 'newest' = 'newest'; ;) {
        const page: Page = await suite.store.readBefore(log, before, 100);
        if (page.entries.length === 0) break;
        back.unshift(...page.entries.map(({ position }) => position.offset));
        before = page.entries[0]!.position;
      }
      expect(back).toEqual(entries.map(({ position }) => position.offset));
      expect(await idsOf(suite.store, log, { type: 'issue', topic: 'all', limit: 100 })).toHaveLength(12);
    });

    it('never shows a part of a batch, nor a hole, while others write', async () => {
      const log = suite.newLog();
      const writing = Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let i = 0; i < 40; i++) await suite.store.append(log, batch(...contents(3)));
        }),
      );
      let after = await suite.store.head(log);
      while (after.offset < 8 * 40 * 3) {
        const { entries, head } = await suite.store.read(log, after, 1_000);
        expect(head.offset % 3).toBe(0);
        expect(entries.map(({ position }) => position.offset)).toEqual(
          entries.map((_, index) => after.offset + 1 + index),
        );
        after = entries.at(-1)?.position ?? after;
        expect(after).toEqual(head);
      }
      await writing;
    });
  });
}
