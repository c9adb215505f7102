/** How long members stay: as long as their connections do, or their leases. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  closeTab,
  GRACE,
  lastSeenOf,
  LEASE,
  listed,
  logOf,
  request,
  say,
  tab,
  told,
  type PresenceProcess,
  type PresenceWorld,
  type PresenceWorldFactory,
} from './world.ts';

export function describeHolds(name: string, factory: PresenceWorldFactory): void {
  describe(`holds of presence, ${name}`, () => {
    let world: PresenceWorld;
    let presence: PresenceProcess;

    beforeEach(async () => {
      world = await factory();
      presence = world.start();
    });
    afterEach(async () => {
      await world.end();
      expect(world.errors).toEqual([]);
    });

    describe('connections', () => {
      test('a member is there for as long as its connection is', async () => {
        const { expiresAt } = await presence.set('w', say('ada'), tab('c1'));
        expect(expiresAt).toBeNull();
        for (let i = 0; i < 10; i++) {
          world.advance(LEASE / 3);
          await presence.sweep();
        }
        world.advance(10 * LEASE);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE']);
      });

      test('it goes when the grace period after the connection is over, and not before', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        world.advance(60_000);
        await closeTab(presence, 'c1');
        const releasedAt = world.now();
        world.advance(GRACE - 1);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE']);
        world.advance(1);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
        expect((await logOf(world)).at(-1)).toMatchObject({
          actor: null,
          changed: ['status', 'lastSeenAt'],
          data: { lastSeenAt: new Date(releasedAt).toISOString() },
        });
      });

      test('a reconnect within the grace period is not seen', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        await closeTab(presence, 'c1');
        world.advance(GRACE - 1);
        await presence.set('w', say('ada'), tab('c2'));
        world.advance(10 * LEASE);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE']);
      });

      test('several tabs are one member, which goes with the last of them', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        await presence.set('w', say('ada', 'BUSY'), tab('c2'));
        await closeTab(presence, 'c2');
        world.advance(GRACE);
        await presence.sweep();
        expect(await listed(presence)).toEqual(['ada BUSY']);
        await closeTab(presence, 'c1');
        world.advance(GRACE);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'ada BUSY', 'ada OFFLINE']);
      });

      test('a connection lets go of every room at once', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        await presence.set('w', { ...say('ada'), room: 'lobby' }, tab('c1'));
        await closeTab(presence, 'c1');
        world.advance(GRACE);
        await presence.sweep();
        expect(await listed(presence)).toEqual(['ada OFFLINE']);
        expect(await listed(presence, 'w', 'lobby')).toEqual(['ada OFFLINE']);
      });

      test('a connection that closes while it still enters is let go as well', async () => {
        const entering = presence.set('w', say('ada'), tab('c1'));
        presence.release('c1');
        await entering;
        world.advance(GRACE);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
      });

      test('what a connection says after it closed holds for the grace period only', async () => {
        await closeTab(presence, 'c1');
        await presence.set('w', say('ada'), tab('c1'));
        world.advance(GRACE);
        await presence.sweep();
        expect(await listed(presence)).toEqual(['ada OFFLINE']);
      });
    });

    describe('leases', () => {
      test('a request holds for one lease, and is told until when', async () => {
        const { expiresAt } = await presence.set('w', say('ada'), request());
        expect(expiresAt).toBe(world.now() + LEASE);
        world.advance(LEASE - 1);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE']);
        world.advance(1);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
      });

      test('setting it again renews the lease and writes nothing', async () => {
        await presence.set('w', say('ada'), request());
        for (let i = 0; i < 10; i++) {
          world.advance(LEASE - 1);
          await presence.set('w', say('ada'), request());
          await presence.sweep();
        }
        expect(await told(world)).toEqual(['ada ONLINE']);
      });

      test('a lease and a connection are one member', async () => {
        await presence.set('w', say('ada'), request());
        await presence.set('w', say('ada'), tab('c1'));
        await closeTab(presence, 'c1');
        world.advance(GRACE);
        await presence.sweep();
        expect(await listed(presence)).toEqual(['ada ONLINE']);
        world.advance(LEASE);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
      });

      test('a renewal is seen in the list, and in the event when it was the last one', async () => {
        await presence.set('w', say('ada'), request());
        world.advance(20_000);
        await presence.set('w', say('ada'), request());
        const seen = world.now();
        expect(await lastSeenOf(presence, 'ada')).toBe(seen);
        world.advance(LEASE + 60_000);
        await presence.sweep();
        expect(await lastSeenOf(presence, 'ada')).toBe(seen);
        expect((await logOf(world)).at(-1)?.data.lastSeenAt).toBe(new Date(seen).toISOString());
      });

      test('who is connected was seen lately', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        for (let i = 0; i < 6; i++) {
          world.advance(LEASE / 3);
          await presence.sweep();
        }
        expect(await lastSeenOf(presence, 'ada')).toBe(world.now());
      });

      test('many leases run out in one sweep', async () => {
        const users = Array.from({ length: 1_200 }, (_, i) => `u${i}`);
        await Promise.all(users.map((user) => presence.set('w', say(user), request())));
        world.advance(LEASE);
        await presence.sweep();
        expect((await told(world)).filter((line) => line.endsWith('OFFLINE'))).toHaveLength(users.length);
      });
    });
  });
}
