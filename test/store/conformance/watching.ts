import { describe, expect, it } from 'vitest';
import type { Suite } from '../conformance.ts';
import { batch, change, content, contents, keyed } from '../sample.ts';
import { conflictOf, Heard, readAll } from '../support.ts';

export function describeWatching(suite: Suite): void {
  describe('watching', () => {
    it('hears what is appended from then on, as reading shows it', async () => {
      const log = suite.newLog();
      await suite.store.append(log, batch(...contents(2)));
      const heard = new Heard();
      await suite.store.watch(log, heard.listener);
      await Promise.all([
        suite.store.append(log, batch(change('a'), content())),
        suite.store.append(log, batch(change('a', { on: 1 }))),
      ]);
      await suite.store.append(log, batch(content('last')));
      await heard.offset(6);
      const entries = await readAll(suite.store, log);
      expect(heard.entries.toSorted((a, b) => a.position.offset - b.position.offset)).toEqual(
        entries.slice(2),
      );
    });

    it('works from the start of a log on', async () => {
      const log = suite.newLog();
      const heard = new Heard();
      await suite.store.watch(log, heard.listener);
      await suite.store.append(log, batch(content()));
      await heard.offset(1);
      expect(heard.entries).toEqual(await readAll(suite.store, log));
    });

    it('does not hear duplicates, conflicts and other logs', async () => {
      const log = suite.newLog();
      const heard = new Heard();
      await suite.store.watch(log, heard.listener);
      await suite.store.append(log, keyed('key', change('a')));
      await suite.store.append(log, keyed('key', content()));
      await conflictOf(suite.store.append(log, batch(change('a'))));
      await suite.store.append({ ...log, stream: 'presence' }, batch(content()));
      await suite.store.append(suite.newLog(), batch(content()));
      await suite.store.append(log, batch(content('last')));
      await heard.offset(2);
      expect(heard.offsets).toEqual([1, 2]);
    });

    it('is for many, each until it has enough, and the same callback may watch twice', async () => {
      const log = suite.newLog();
      const [leaving, staying] = [new Heard(), new Heard()];
      const leave = await suite.store.watch(log, leaving.listener);
      const leaveOnce = await suite.store.watch(log, staying.listener);
      await suite.store.watch(log, staying.listener);
      await suite.store.append(log, batch(content()));
      await leaving.offset(1);
      leave();
      leave();
      leaveOnce();
      await suite.store.append(log, batch(content()));
      await staying.offset(2);
      expect(leaving.offsets).toEqual([1]);
      expect(staying.offsets).toEqual([1, 1, 2]);
    });
  });
}
