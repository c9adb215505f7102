/** Random histories against a model: what is listed and written is exactly what the holds that live make of it. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PresenceMember } from '../../src/presence/presence.ts';
import {
  GRACE,
  LEASE,
  listed,
  logOf,
  request,
  ROOM,
  say,
  tab,
  type PresenceProcess,
  type PresenceWorld,
  type PresenceWorldFactory,
} from './world.ts';

const users = ['ada', 'bob', 'cleo'] as const;
const user = fc.constantFrom(...users);
const status = fc.constantFrom<PresenceMember['status']>('ONLINE', 'ONLINE', 'AWAY', 'BUSY', 'OFFLINE');
const activity = fc.constantFrom(null, null, 'x', 'y');
/** Tabs are numbered; each time that one is closed another one opens in its place. */
const slot = fc.nat({ max: 2 });

type Step =
  | {
      readonly do: 'set';
      readonly user: string;
      readonly status: PresenceMember['status'];
      readonly activity: string | null;
      readonly tab: number | null;
    }
  | { readonly do: 'leave'; readonly user: string }
  | { readonly do: 'close'; readonly tab: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'sweep' }
  | { readonly do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('set' as const), user, status, activity, tab: fc.option(slot) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), user }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('close' as const), tab: slot }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.oneof(fc.constantFrom(GRACE, LEASE, GRACE - 1, LEASE - 1), fc.nat({ max: 2 * LEASE })),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ do: 'sweep' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
);

/** A member as the model has it. */
class Model {
  /** By holder: until when. */
  readonly holds = new Map<string, number>();
  readonly told: string[] = [];

  say(text: string): void {
    if (text !== (this.told.at(-1) ?? 'OFFLINE')) this.told.push(text);
  }

  sweep(now: number): void {
    if ([...this.holds.values()].every((until) => until <= now)) this.say('OFFLINE');
  }
}

/** A test's own workspace, played on one process at a time. */
class Play {
  readonly #world: PresenceWorld;
  readonly #workspace: string;
  readonly #tabs = ['0', '0', '0'];
  #opened = 0;
  #process: PresenceProcess;
  readonly #models = new Map(users.map((name): [string, Model] => [name, new Model()]));

  constructor(world: PresenceWorld, workspace: string) {
    this.#world = world;
    this.#workspace = workspace;
    this.#process = world.start();
  }

  async take(next: Step): Promise<void> {
    const world = this.#world;
    const models = [...this.#models.values()];
    switch (next.do) {
      case 'set': {
        const model = this.#models.get(next.user)!;
        const holder = next.tab === null ? request() : tab(this.#tab(next.tab));
        await this.#process.set(this.#workspace, say(next.user, next.status, next.activity), holder);
        if (next.status === 'OFFLINE') model.holds.clear();
        else if (next.tab === null) model.holds.set('http', world.now() + LEASE);
        else model.holds.set(this.#tab(next.tab), Infinity);
        const isSilent = next.status === 'OFFLINE' || next.activity === null;
        model.say(isSilent ? next.status : `${next.status} ${next.activity}`);
        return;
      }
      case 'leave': {
        const model = this.#models.get(next.user)!;
        const wasThere = await this.#process.leave(this.#workspace, ROOM, next.user);
        expect(wasThere).toBe((model.told.at(-1) ?? 'OFFLINE') !== 'OFFLINE');
        model.holds.clear();
        model.say('OFFLINE');
        return;
      }
      case 'close': {
        const name = this.#tab(next.tab);
        this.#process.release(name);
        for (const { holds } of models) if (holds.has(name)) holds.set(name, world.now() + GRACE);
        this.#tabs[next.tab] = String(++this.#opened);
        return;
      }
      case 'advance':
        world.advance(next.ms);
        return;
      case 'restart':
        world.killAll();
        this.#process = world.start();
        await this.#process.touch(this.#workspace);
        // What backends know of the holds of the dead differs; after a lease none lives.
        world.advance(LEASE);
        for (const { holds } of models) holds.clear();
        this.#tabs.fill(String(++this.#opened));
        await this.take({ do: 'sweep' });
        return;
      case 'sweep':
        await this.#process.sweep();
        for (const model of models) model.sweep(world.now());
        return;
    }
  }

  async check(): Promise<void> {
    const expected = [...this.#models].filter(([, { told }]) => told.length > 0);
    expect(await listed(this.#process, this.#workspace)).toEqual(
      expected.map(([name, { told }]) => `${name} ${told.at(-1)}`),
    );
  }

  async checkLog(): Promise<void> {
    const entries = await logOf(this.#world, this.#workspace);
    for (const [name, { told }] of this.#models) {
      const events = entries.filter(({ data }) => data.userId === name).map(({ data }) => data);
      expect(
        events.map((data) => (data.activity === null ? data.status : `${data.status} ${data.activity}`)),
      ).toEqual(told);
      const seen = events.map(({ lastSeenAt }) => lastSeenAt);
      expect(seen).toEqual(seen.toSorted());
    }
  }

  #tab(index: number): string {
    return `${this.#workspace} tab ${index} ${this.#tabs[index]}`;
  }
}

export function describeHistories(name: string, factory: PresenceWorldFactory): void {
  describe(`histories of presence, ${name}`, () => {
    test('a member is there if and only if a hold of it lives, and each change is told once', async () => {
      const world = await factory();
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const play = new Play(world, `w${runs++}`);
          for (const next of steps) {
            await play.take(next);
            await play.check();
          }
          await play.checkLog();
          world.killAll();
        }),
        { numRuns: 60 },
      );
      await world.end();
      expect(world.errors).toEqual([]);
    });
  });
}
