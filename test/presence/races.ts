/** What one process writes while another one writes about the same member, or dies of it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { storeUnavailable } from '../../src/store/store.ts';
import {
  CLAIM,
  closeTab,
  GRACE,
  LEASE,
  listed,
  request,
  ROOM,
  say,
  tab,
  TamperedStore,
  told,
  type PresenceProcess,
  type PresenceWorld,
  type PresenceWorldFactory,
} from './world.ts';

export function describeRaces(name: string, factory: PresenceWorldFactory): void {
  describe(`races of presence, ${name}`, () => {
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

    describe('while another process is entering', () => {
      let slow: TamperedStore;
      let entering: Promise<unknown>;

      beforeEach(async () => {
        slow = new TamperedStore(world.store, storeUnavailable);
        const process = world.start({ store: slow.store });
        await process.touch('w');
        slow.set('append', 'hold');
        entering = process.set('w', say('ada'), request());
        await slow.waits();
        expect(await one.leave('w', ROOM, 'ada')).toBe(false);
      });

      test('leaving has come too early', async () => {
        slow.heal();
        await entering;
        world.advance(LEASE - 1);
        await one.sweep();
        expect(await told(world)).toEqual(['ada ONLINE']);
      });

      test('and dies of it, what it wrote is no ghost', async () => {
        slow.heal({ answers: false });
        await expect.poll(() => told(world)).toEqual(['ada ONLINE']);
        world.advance(CLAIM);
        await one.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
        world.killAll();
      });
    });

    test('who comes back while another process is about to forget it is not forgotten', async () => {
      const slow = new TamperedStore(world.store, storeUnavailable);
      const sweeper = world.start({ store: slow.store });
      await one.set('w', say('ada'), request());
      await one.leave('w', ROOM, 'ada');
      world.advance(CLAIM);
      slow.set('entity', 'answer late');
      const sweeping = sweeper.sweep();
      await slow.waits();
      await one.set('w', say('ada'), request());
      slow.heal();
      await sweeping;
      world.advance(LEASE);
      await two.sweep();
      expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE', 'ada ONLINE', 'ada OFFLINE']);
    });

    describe('while another process is writing OFFLINE', () => {
      let slow: TamperedStore;
      let sweeper: PresenceProcess;

      beforeEach(async () => {
        slow = new TamperedStore(world.store, storeUnavailable);
        sweeper = world.start({ store: slow.store });
        await sweeper.touch('w');
      });

      for (const step of ['entity', 'append'] as const) {
        test(`who says that it is there stays (it waits at ${step})`, async () => {
          await one.set('w', say('ada'), request());
          world.advance(LEASE);
          slow.set(step, 'hold');
          const sweeping = sweeper.sweep();
          await slow.waits();
          await one.set('w', say('ada'), request());
          slow.heal();
          await sweeping;
          await two.sweep();
          expect((await told(world)).at(-1)).toBe('ada ONLINE');
          expect(await told(world)).not.toContain('ada OFFLINE');
          world.advance(LEASE);
          await two.sweep();
          expect((await told(world)).at(-1)).toBe('ada OFFLINE');
        });

        test(`a connection that is still open stays (it waits at ${step})`, async () => {
          await one.set('w', say('ada', 'BUSY', 'x'), tab('c1'));
          world.advance(LEASE);
          slow.set(step, 'hold');
          const sweeping = sweeper.sweep();
          await slow.waits();
          await one.sweep();
          slow.heal();
          await sweeping;
          expect(await listed(one)).toEqual(['ada BUSY x']);
        });

        test(`a connection that closes has its grace period (it waits at ${step})`, async () => {
          await one.set('w', say('ada'), tab('c1'));
          world.advance(LEASE);
          slow.set(step, 'hold');
          const sweeping = sweeper.sweep();
          await slow.waits();
          await closeTab(one, 'c1');
          slow.heal();
          await sweeping;
          await expect.poll(() => listed(one)).toEqual(['ada ONLINE']);
          world.advance(GRACE);
          await two.sweep();
          expect(await listed(one)).toEqual(['ada OFFLINE']);
        });

        test(`who comes back after leaving stays (it waits at ${step})`, async () => {
          await one.set('w', say('ada'), tab('c1'));
          slow.set(step, 'hold');
          const leaving = sweeper.leave('w', ROOM, 'ada');
          await slow.waits();
          await two.set('w', say('ada'), tab('c2'));
          slow.heal();
          await leaving;
          expect(await listed(one)).toEqual(['ada ONLINE']);
        });

        test(`its death leaves no ghost (it dies at ${step})`, async () => {
          await one.set('w', say('ada'), request());
          world.advance(LEASE);
          slow.set(step, 'hold');
          const sweeping = sweeper.sweep();
          await slow.waits();
          await two.sweep();
          expect(await listed(two)).toEqual(['ada ONLINE']);
          world.advance(CLAIM);
          await two.sweep();
          expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
          // It was only very slow: it has nothing to add.
          await two.set('w', say('ada'), request());
          slow.heal();
          await sweeping;
          expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE', 'ada ONLINE']);
        });
      }
    });
  });
}
