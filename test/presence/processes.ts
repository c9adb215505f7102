/** Presence over several processes, some of which stall or die. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CLAIM,
  closeTab,
  GRACE,
  lastSeenOf,
  LEASE,
  listed,
  request,
  ROOM,
  say,
  tab,
  told,
  type PresenceProcess,
  type PresenceWorld,
  type PresenceWorldFactory,
} from './world.ts';

export function describeProcesses(name: string, factory: PresenceWorldFactory): void {
  describe(`presence over processes, ${name}`, () => {
    let world: PresenceWorld;
    let one: PresenceProcess;
    let two: PresenceProcess;

    beforeEach(async () => {
      world = await factory();
      one = world.start();
      two = world.start();
    });
    afterEach(async () => {
      await world.end();
      expect(world.errors).toEqual([]);
    });

    test('tabs at several processes are one member, which goes with the last of them', async () => {
      await one.set('w', say('ada'), tab('c1'));
      await two.set('w', say('ada'), tab('c2'));
      await closeTab(one, 'c1');
      world.advance(GRACE);
      await one.sweep();
      await two.sweep();
      expect(await told(world)).toEqual(['ada ONLINE']);
      await closeTab(two, 'c2');
      world.advance(GRACE);
      await one.sweep();
      expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
    });

    test('a lease that ran out is swept once, by whoever comes first', async () => {
      for (const user of ['ada', 'bob', 'cleo']) await one.set('w', say(user), request());
      world.advance(LEASE);
      await Promise.all([one.sweep(), two.sweep(), one.sweep(), two.sweep()]);
      expect((await told(world)).slice(3).toSorted()).toEqual(['ada OFFLINE', 'bob OFFLINE', 'cleo OFFLINE']);
    });

    test('a lease can be renewed at another process', async () => {
      await one.set('w', say('ada'), request());
      world.advance(LEASE - 1);
      await two.set('w', say('ada'), request());
      world.advance(LEASE - 1);
      await one.sweep();
      expect(await told(world)).toEqual(['ada ONLINE']);
    });

    test('whoever was connected to a process that died is gone after a lease and a sweep', async () => {
      await one.set('w', say('ada'), tab('c1'));
      await two.set('w', say('bob'), tab('c2'));
      // `one` does nothing from here on.
      world.advance(LEASE - 1);
      await two.sweep();
      expect(await listed(two)).toEqual(['ada ONLINE', 'bob ONLINE']);
      world.advance(1);
      await two.sweep();
      expect(await listed(two)).toEqual(['ada OFFLINE', 'bob ONLINE']);
    });

    test('the connections of a process that only stood still come back', async () => {
      await one.set('w', say('ada', 'BUSY', 'x'), tab('c1'));
      world.advance(LEASE);
      await two.sweep();
      expect(await listed(two)).toEqual(['ada OFFLINE']);
      await one.sweep();
      expect(await listed(two)).toEqual(['ada BUSY x']);
      world.advance(LEASE / 3);
      await one.sweep();
      await two.sweep();
      expect(await told(world)).toEqual(['ada BUSY x', 'ada OFFLINE', 'ada BUSY x']);
    });

    test('so they do when the others have long forgotten them', async () => {
      await one.set('w', say('ada', 'BUSY', 'x'), tab('c1'));
      world.advance(LEASE);
      await two.sweep();
      world.advance(CLAIM);
      await two.sweep();
      await one.sweep();
      world.advance(LEASE / 3);
      await one.sweep();
      world.advance(LEASE - 1);
      await two.sweep();
      expect(await told(world)).toEqual(['ada BUSY x', 'ada OFFLINE', 'ada BUSY x']);
    });

    test('leaving at one process ends the holds at the others', async () => {
      await one.set('w', say('ada'), tab('c1'));
      await one.set('w', say('bob'), tab('c1'));
      await two.leave('w', ROOM, 'ada');
      world.advance(LEASE / 3);
      await one.sweep();
      await closeTab(one, 'c1');
      world.advance(LEASE);
      await one.sweep();
      expect(await told(world)).toEqual(['ada ONLINE', 'bob ONLINE', 'ada OFFLINE', 'bob OFFLINE']);
    });

    test('who left at one process and came back at another is held by the new holder only', async () => {
      await one.set('w', say('ada'), tab('c1'));
      await two.leave('w', ROOM, 'ada');
      await two.set('w', say('ada'), tab('c2'));
      await closeTab(two, 'c2');
      world.advance(LEASE / 3);
      await one.sweep();
      await two.sweep();
      expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE', 'ada ONLINE', 'ada OFFLINE']);
    });

    describe('after all were killed', () => {
      test('members stay for a lease, then they go, once', async () => {
        await one.set('w', say('ada'), tab('c1'));
        await one.set('w', say('bob'), request());
        world.advance(1_000);
        world.killAll();
        const next = world.start();
        const other = world.start();
        expect(await listed(next)).toEqual(['ada ONLINE', 'bob ONLINE']);
        await other.touch('w');
        world.advance(LEASE - 1_001);
        await next.sweep();
        expect(await listed(next)).toEqual(['ada ONLINE', 'bob ONLINE']);
        world.advance(1_001);
        await Promise.all([next.sweep(), other.sweep()]);
        expect((await told(world)).toSorted()).toEqual([
          'ada OFFLINE',
          'ada ONLINE',
          'bob OFFLINE',
          'bob ONLINE',
        ]);
      });

      test('who comes back within the lease was never away', async () => {
        await one.set('w', say('ada', 'BUSY', 'x'), tab('c1'));
        world.killAll();
        const next = world.start();
        await next.touch('w');
        world.advance(LEASE - 1);
        await next.set('w', say('ada', 'BUSY', 'x'), tab('c2'));
        world.advance(10 * LEASE);
        await next.sweep();
        expect(await told(world)).toEqual(['ada BUSY x']);
      });

      test('anything that is done in a workspace finds what was left behind in all its rooms', async () => {
        await one.set('w', { ...say('ada'), room: 'lobby' }, tab('c1'));
        world.killAll();
        for (const touch of [
          (process: PresenceProcess) => process.touch('w'),
          (process: PresenceProcess) => process.set('w', say('bob'), request()),
          (process: PresenceProcess) => process.leave('w', ROOM, 'nobody'),
          (process: PresenceProcess) => process.members('w', ROOM, { limit: 1 }),
        ]) {
          const next = world.start();
          await touch(next);
          world.advance(LEASE);
          await next.sweep();
          expect(await listed(next, 'w', 'lobby')).toEqual(['ada OFFLINE']);
          await next.set('w', { ...say('ada'), room: 'lobby' }, tab('c2'));
          world.killAll();
        }
      });

      test('it is not told that they were seen later than anybody knows', async () => {
        const seen = world.now();
        await one.set('w', say('ada'), request());
        world.advance(1_000);
        world.killAll();
        const next = world.start();
        await next.touch('w');
        expect(await lastSeenOf(next, 'ada')).toBe(seen);
        world.advance(LEASE);
        await next.sweep();
        expect(await lastSeenOf(next, 'ada')).toBe(seen);
      });
    });
  });
}
