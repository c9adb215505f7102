/** What presence does, whatever keeps the log and the leases. Every backend runs this suite. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { subjects } from '../../src/events/catalogue.ts';
import { samePosition } from '../../src/events/position.ts';
import { presenceLog } from '../../src/presence/presence.ts';
import { describeFaults } from './faults.ts';
import { describeHistories } from './histories.ts';
import { describeHolds } from './holds.ts';
import { describeProcesses } from './processes.ts';
import { describeRaces } from './races.ts';
import {
  closeTab,
  LEASE,
  listed,
  logOf,
  request,
  ROOM,
  say,
  tab,
  told,
  type PresenceProcess,
  type PresenceWorld,
  type PresenceWorldFactory,
} from './world.ts';

export function describePresence(name: string, factory: PresenceWorldFactory): void {
  describe(`presence, ${name}`, () => {
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

    describe('entering, changing, leaving', () => {
      test('who enters is written to the log, and told back', async () => {
        const { member } = await presence.set('w', say('ada', 'BUSY', 'reviewing #7'), tab('c1'));
        const now = new Date(world.now()).toISOString();
        const state = {
          room: ROOM,
          userId: 'ada',
          status: 'BUSY',
          activity: 'reviewing #7',
          lastSeenAt: now,
        };
        expect(member).toEqual(state);
        const [entry, ...rest] = await logOf(world);
        expect(rest).toEqual([]);
        expect(entry).toMatchObject({
          kind: 'presence.changed',
          reason: 'REPORTED',
          projectId: 'p1',
          userId: null,
          entityId: subjects.member.id!(member),
          actor: 'ada',
          source: 'api',
          occurredAt: now,
          data: state,
          changed: ['room', 'userId', 'status', 'activity', 'lastSeenAt'],
          revision: 1,
        });
      });

      test('a room that is not named after a project belongs to the whole workspace', async () => {
        await presence.set('w', { ...say('ada'), room: 'lobby' }, tab('c1'));
        expect((await logOf(world))[0]?.projectId).toBeNull();
      });

      test('users may be called by whole names, and are not taken for each other', async () => {
        const users = ['Ada', 'Ada Lovelace', 'CN=Ada Lovelace,OU=R&D', 'oidc|"ada"/1%'];
        for (const user of users) await presence.set('w', say(user), tab(user));
        expect(await listed(presence)).toEqual(users.map((user) => `${user} ONLINE`));
        expect(await presence.leave('w', ROOM, 'Ada Lovelace')).toBe(true);
        const left = users.map((user) => `${user} ${user === 'Ada Lovelace' ? 'OFFLINE' : 'ONLINE'}`);
        expect(await listed(presence)).toEqual(left);
      });

      test('the same said again writes nothing', async () => {
        await presence.set('w', say('ada', 'ONLINE', 'x'), tab('c1'));
        await presence.set('w', say('ada', 'ONLINE', 'x'), tab('c1'));
        await presence.set('w', say('ada', 'ONLINE', 'x'), request());
        expect(await told(world)).toEqual(['ada ONLINE x']);
      });

      test('another status is written, another activity, and none', async () => {
        await presence.set('w', say('ada', 'ONLINE', 'x'), tab('c1'));
        await presence.set('w', say('ada', 'AWAY', 'x'), tab('c1'));
        await presence.set('w', say('ada', 'AWAY', 'y'), tab('c1'));
        await presence.set('w', say('ada', 'AWAY'), tab('c1'));
        expect(await told(world)).toEqual(['ada ONLINE x', 'ada AWAY x', 'ada AWAY y', 'ada AWAY']);
        expect((await logOf(world)).at(-1)?.changed).toEqual(['activity']);
      });

      test('who leaves is OFFLINE without an activity, and was there only once', async () => {
        await presence.set('w', say('ada', 'BUSY', 'x'), tab('c1'));
        world.advance(1_000);
        expect(await presence.leave('w', ROOM, 'ada')).toBe(true);
        expect(await presence.leave('w', ROOM, 'ada')).toBe(false);
        expect(await told(world)).toEqual(['ada BUSY x', 'ada OFFLINE']);
        expect((await logOf(world)).at(-1)).toMatchObject({
          actor: 'ada',
          data: { lastSeenAt: new Date(world.now()).toISOString() },
        });
      });

      test('OFFLINE leaves', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        const { member, expiresAt } = await presence.set('w', say('ada', 'OFFLINE', 'lunch'), tab('c1'));
        expect(member).toMatchObject({ status: 'OFFLINE', activity: null });
        expect(expiresAt).toBeNull();
        world.advance(1_000);
        expect((await presence.set('w', say('ada', 'OFFLINE'), tab('c1'))).member).toEqual(member);
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
      });

      test('who was never there can leave without a trace', async () => {
        expect(await presence.leave('w', ROOM, 'ada')).toBe(false);
        const { member } = await presence.set('w', say('ada', 'OFFLINE'), request());
        expect(member).toMatchObject({ userId: 'ada', status: 'OFFLINE' });
        await presence.sweep();
        expect(await told(world)).toEqual([]);
      });

      test('who left can come back', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        await presence.leave('w', ROOM, 'ada');
        await presence.set('w', say('ada'), tab('c1'));
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE', 'ada ONLINE']);
      });

      test('leaving takes all holders along, and their closing writes nothing more', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        await presence.set('w', say('ada'), tab('c2'));
        await presence.set('w', say('ada'), request());
        await presence.leave('w', ROOM, 'ada');
        world.advance(LEASE / 2);
        await presence.sweep();
        await closeTab(presence, 'c1');
        await closeTab(presence, 'c2');
        world.advance(LEASE);
        await presence.sweep();
        expect(await told(world)).toEqual(['ada ONLINE', 'ada OFFLINE']);
      });

      test('calls for one member take effect in their order', async () => {
        await Promise.all([
          presence.set('w', say('ada'), tab('c1')),
          presence.set('w', say('ada', 'AWAY'), tab('c1')),
          presence.leave('w', ROOM, 'ada'),
          presence.set('w', say('ada', 'BUSY'), tab('c2')),
        ]);
        expect(await told(world)).toEqual(['ada ONLINE', 'ada AWAY', 'ada OFFLINE', 'ada BUSY']);
      });

      test('rooms and workspaces have nothing to do with each other', async () => {
        await presence.set('w', say('ada'), tab('c1'));
        await presence.set('w', { ...say('ada'), room: 'lobby' }, tab('c1'));
        await presence.set('v', say('ada'), tab('c2'));
        await presence.leave('w', ROOM, 'ada');
        expect(await listed(presence)).toEqual(['ada OFFLINE']);
        expect(await listed(presence, 'w', 'lobby')).toEqual(['ada ONLINE']);
        expect(await listed(presence, 'v')).toEqual(['ada ONLINE']);
      });

      test('every mistake in the input is named, and nothing comes of it', async () => {
        const input = { room: 'the lobby', userId: 'ada', status: 'ONLINE', activity: '' } as const;
        await expect(presence.set('w', input, tab('c1'))).rejects.toMatchObject({
          code: 'INVALID_INPUT',
          details: { issues: [{ path: ['room'] }, { path: ['activity'] }] },
        });
        expect(await told(world)).toEqual([]);
      });
    });

    describe('the list', () => {
      test('has who is there and who left, in the order of their ids, in pages', async () => {
        for (const user of ['cleo', 'ada', 'bob']) await presence.set('w', say(user), tab(user));
        await presence.leave('w', ROOM, 'bob');
        const first = await presence.members('w', ROOM, { limit: 2 });
        expect(first.entries.map(({ data }) => `${data.userId} ${data.status}`)).toEqual([
          'ada ONLINE',
          'bob OFFLINE',
        ]);
        expect(first.hasMore).toBe(true);
        expect(samePosition(first.at, await world.store.head(presenceLog('w')))).toBe(true);
        const second = await presence.members('w', ROOM, { limit: 2, afterId: first.entries[1]!.entityId! });
        expect(second.entries.map(({ data }) => data.userId)).toEqual(['cleo']);
        expect(second.hasMore).toBe(false);
      });

      test('keeps whoever is there however much the log forgets, and forgets who left', async () => {
        const small = await factory({ retention: { events: 10, hours: 1, bytes: 1_000_000 } });
        const process = small.start();
        await process.set('w', say('ada'), tab('c1'));
        await process.set('w', say('bob'), tab('c2'));
        await process.leave('w', ROOM, 'bob');
        for (let i = 0; i < 40; i++) await process.set('w', say('cleo', 'ONLINE', `step ${i}`), tab('c3'));
        await expect.poll(() => listed(process)).toEqual(['ada ONLINE', 'cleo ONLINE step 39']);
        await closeTab(process, 'c1');
        small.advance(LEASE / 3);
        await process.sweep();
        // The tab that bob left by does not bring him back.
        expect(await listed(process)).toEqual(['ada OFFLINE', 'cleo ONLINE step 39']);
        await small.end();
        expect(small.errors).toEqual([]);
      });
    });
  });

  describeHolds(name, factory);
  describeProcesses(name, factory);
  describeRaces(name, factory);
  describeFaults(name, factory);
  describeHistories(name, factory);
}
