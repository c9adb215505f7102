/** Presence while its store fails, and when it closes. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { storeUnavailable } from '../../src/store/store.ts';
import {
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

export function describeFaults(name: string, factory: PresenceWorldFactory): void {
  describe(`presence and faults, ${name}`, () => {
    let world: PresenceWorld;
    let tampered: TamperedStore;
    let presence: PresenceProcess;
    const unavailable = { code: 'STORE_UNAVAILABLE' };

    beforeEach(async () => {
      world = await factory();
      tampered = new TamperedStore(world.store, storeUnavailable);
      presence = world.start({ store: tampered.store });
    });
    afterEach(async () => {
      await world.end();
      expect(world.errors).toEqual([]);
    });

    for (const step of ['entity', 'append'] as const) {
      test(`a sweep that fails is reported once, and the next one makes up for it (${step})`, async () => {
        for (const user of ['ada', 'bob', 'cleo']) await presence.set('w', say(user), request());
        world.advance(LEASE);
        tampered.set(step, 'fail');
        await presence.sweep();
        expect(world.errors.splice(0)).toMatchObject([unavailable]);
        tampered.heal();
        await presence.sweep();
        expect((await told(world)).slice(3).toSorted()).toEqual([
          'ada OFFLINE',
          'bob OFFLINE',
          'cleo OFFLINE',
        ]);
      });

      test(`who comes back after a sweep that failed is there (${step})`, async () => {
        await presence.set('w', say('ada'), request());
        world.advance(LEASE);
        tampered.set(step, 'fail');
        await presence.sweep();
        expect(world.errors.splice(0)).toHaveLength(1);
        tampered.heal();
        await presence.set('w', say('ada'), request());
        await presence.sweep();
        expect(await listed(presence)).toEqual(['ada ONLINE']);
      });

      test(`entering that fails leaves nothing behind (${step})`, async () => {
        await presence.touch('w');
        tampered.set(step, 'fail');
        await expect(presence.set('w', say('ada'), tab('c1'))).rejects.toMatchObject(unavailable);
        tampered.heal();
        world.advance(LEASE);
        await presence.sweep();
        expect(await told(world)).toEqual([]);
        await presence.set('w', say('ada'), tab('c1'));
        expect(await told(world)).toEqual(['ada ONLINE']);
      });

      test(`who could not leave is gone with a later sweep (${step})`, async () => {
        await presence.set('w', say('ada'), tab('c1'));
        tampered.set(step, 'fail');
        await expect(presence.leave('w', ROOM, 'ada')).rejects.toMatchObject(unavailable);
        tampered.heal();
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
      });

      test(`a connection that was taken for dead comes back when the store does (${step})`, async () => {
        await presence.set('w', say('ada', 'AWAY'), tab('c1'));
        world.advance(LEASE);
        await world.start().sweep();
        tampered.set(step, 'fail');
        await presence.sweep();
        await presence.sweep();
        expect(world.errors.splice(0)).toHaveLength(2);
        tampered.heal();
        await presence.sweep();
        expect(await listed(presence)).toEqual(['ada AWAY']);
      });
    }

    test('a workspace that could not be looked at is looked at again', async () => {
      await presence.set('w', say('ada'), tab('c1'));
      world.killAll();
      const next = world.start({ store: tampered.store });
      tampered.set('entities', 'fail');
      await expect(next.touch('w')).rejects.toMatchObject(unavailable);
      await expect(next.members('w', ROOM, { limit: 1 })).rejects.toMatchObject(unavailable);
      await expect(next.set('w', say('bob'), request())).rejects.toMatchObject(unavailable);
      tampered.heal();
      await next.touch('w');
      world.advance(LEASE);
      await next.sweep();
      expect(await listed(next)).toEqual(['ada OFFLINE']);
    });

    test('a connection that closes while it enters is let go, however long that takes', async () => {
      await presence.touch('w');
      tampered.set('append', 'hold');
      const entering = presence.set('w', say('ada'), tab('c1'));
      await tampered.waits();
      presence.release('c1');
      world.advance(3_600_000);
      const sweeping = presence.sweep();
      await world.store.ping();
      tampered.heal();
      await Promise.all([entering, sweeping]);
      await presence.sweep();
      world.advance(LEASE);
      await presence.sweep();
      expect((await told(world)).at(-1)).toBe('ada OFFLINE');
    });

    describe('closing', () => {
      test('waits for what is under way', async () => {
        await presence.touch('w');
        tampered.set('append', 'hold');
        const entering = presence.set('w', say('ada'), tab('c1'));
        await tampered.waits();
        let isClosed = false;
        const closing = presence.close().then(() => (isClosed = true));
        await world.store.ping();
        expect(isClosed).toBe(false);
        tampered.heal();
        await entering;
        await closing;
        expect(await told(world)).toEqual(['ada ONLINE']);
      });

      test('waits for a sweep', async () => {
        await presence.set('w', say('ada'), request());
        world.advance(LEASE);
        tampered.set('append', 'hold');
        const sweeping = presence.sweep();
        await tampered.waits();
        let isSwept = false;
        void sweeping.then(() => (isSwept = true));
        const closing = presence.close();
        tampered.heal();
        await closing;
        expect(isSwept).toBe(true);
      });

      test('nobody enters or leaves afterwards, but the list can still be read', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        const refused = expect(presence.set('v', say('bob'), tab('c1'))).rejects.toMatchObject({
          code: 'SHUTTING_DOWN',
        });
        await Promise.all([presence.close(), presence.close()]);
        await refused;
        await expect(presence.set('w', say('bob'), tab('c2'))).rejects.toMatchObject({
          code: 'SHUTTING_DOWN',
        });
        await expect(presence.leave('w', ROOM, 'ada')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
        expect(await listed(presence)).toEqual(['ada ONLINE']);
      });

      test('takes nobody out, so a restart within the lease is not seen', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        await presence.set('w', say('bob'), tab('c2'));
        await presence.close();
        await closeTab(presence, 'c1');
        await closeTab(presence, 'c2');
        world.advance(GRACE);
        await presence.sweep();
        world.killAll();
        const next = world.start();
        await next.touch('w');
        await next.set('w', say('ada'), tab('c3'));
        world.advance(LEASE);
        await next.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'bob ONLINE', 'bob OFFLINE']);
      });
    });
  });
}
