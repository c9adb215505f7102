import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryLeases, type LeaseTable } from '../../src/presence/leases.ts';
import { LogPresence } from '../../src/presence/log-presence.ts';
import { keepMemoryWorlds, memoryWorld, NEVER } from './memory-world.ts';
import { CLAIM, GRACE, LEASE, request, ROOM, say, tab, told } from './world.ts';

keepMemoryWorlds();

/** Lets calls reach what they call, and answers come back, in any order; but reach it in the order of the calls if `inOrder`. */
function scheduled<Target extends object>(target: Target, scheduler: fc.Scheduler, inOrder: boolean): Target {
  let last: Promise<unknown> = Promise.resolve();
  return new Proxy(target, {
    get: (_, name) => {
      const method: unknown = target[name as keyof Target];
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]): Promise<unknown> => {
        const reached = (inOrder ? last : Promise.resolve()).then(() =>
          scheduler.schedule(Promise.resolve()),
        );
        last = reached;
        await reached;
        const [answer] = await Promise.allSettled([method.apply(target, args) as unknown]);
        await scheduler.schedule(Promise.resolve());
        if (answer.status === 'rejected') throw answer.reason;
        return isClaim(answer.value) ? scheduled(answer.value, scheduler, false) : answer.value;
      };
    },
  });
}

/** It is called as the table is. */
function isClaim(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'settle' in value;
}

describe('under concurrency', () => {
  const users = ['ada', 'bob'];
  const call = fc.record({
    process: fc.nat({ max: 1 }),
    user: fc.constantFrom(...users),
    what: fc.constantFrom('set', 'set', 'say more', 'request', 'leave', 'close', 'sweep', 'sweep'),
    /** The clock goes on by this before the call. */
    later: fc.constantFrom(0, 0, 0, 1_000, GRACE, LEASE / 3, LEASE),
  });

  type Call = typeof call extends fc.Arbitrary<infer Value> ? Value : never;

  async function play(processes: number, calls: readonly Call[], scheduler: fc.Scheduler) {
    const world = await memoryWorld();
    const leases = new MemoryLeases({ now: world.now });
    const running = Array.from({ length: processes }, (_, index) => {
      const presence = new LogPresence({
        store: scheduled(world.store, scheduler, false),
        leases: scheduled<LeaseTable>(leases, scheduler, true),
        now: world.now,
        onError: (error) => world.errors.push(error),
        sweepMs: NEVER,
      });
      return { presence, index, tabs: new Map<string, number>() };
    });
    const make = async ({ process, user, what }: Call): Promise<unknown> => {
      const { presence, index, tabs } = running[process % processes]!;
      const generation = tabs.get(user) ?? 0;
      const name = `${index} ${user} ${generation}`;
      if (what === 'sweep') return presence.sweep();
      if (what === 'leave') return presence.leave('w', ROOM, user);
      if (what === 'request') return presence.set('w', say(user), request());
      if (what !== 'close')
        return presence.set('w', say(user, 'ONLINE', what === 'set' ? null : 'more'), tab(name));
      tabs.set(user, generation + 1);
      presence.release(name);
    };
    const made: Promise<unknown>[] = [];
    for (const next of calls) {
      world.advance(next.later);
      made.push(make(next));
      await scheduler.waitNext(0);
    }
    await scheduler.waitFor(Promise.all(made));
    const settle = async (): Promise<void> => {
      // Twice: what the first sweep of a process finds can depend on what the other's does.
      for (const { presence } of [...running, ...running]) await scheduler.waitFor(presence.sweep());
    };
    await settle();
    // The table forgets who left a while after that was written.
    for (let written = -1; written < (await told(world)).length;) {
      written = (await told(world)).length;
      world.advance(CLAIM);
      await settle();
    }
    const refs = users.map((userId) => ({ workspace: 'w', room: ROOM, userId }));
    const held = (await leases.seen(refs)).map((seenAt) => seenAt !== undefined);
    const log = await told(world);
    const last = users.map((user) => log.findLast((line) => line.startsWith(user)) ?? `${user} OFFLINE`);
    expect(last.map((line) => !line.endsWith('OFFLINE'))).toEqual(held);
    for (const { tabs, presence, index } of running) {
      for (const user of users) presence.release(`${index} ${user} ${tabs.get(user) ?? 0}`);
    }
    await settle();
    world.advance(LEASE);
    await settle();
    const end = await told(world);
    for (const user of users) {
      const lines = end.filter((line) => line.startsWith(user));
      const away = [`${user} OFFLINE`, ...lines].map((line) => line.endsWith('OFFLINE'));
      expect(away.at(-1), 'no ghosts').toBe(true);
      expect(
        away.some((is, at) => is && away[at + 1] === true),
        'OFFLINE once',
      ).toBe(false);
      if (processes === 1) {
        expect(
          lines.every((line, at) => line !== lines[at - 1]),
          'only changes',
        ).toBe(true);
      }
    }
    for (const { presence } of running) await scheduler.waitFor(presence.close());
    expect(world.errors).toEqual([]);
    await world.end();
  }

  for (const processes of [1, 2]) {
    test(`who is held is there, and nobody else, whatever comes between (${processes} processes)`, async () => {
      const calls = fc.array(call, { minLength: 2, maxLength: 14 });
      await fc.assert(
        fc.asyncProperty(calls, fc.scheduler(), (made, scheduler) => play(processes, made, scheduler)),
        { numRuns: 60 },
      );
    });
  }
});
