import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { Cluster, Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryLeases, type Claim, type LeaseTable, type MemberRef } from '../../src/presence/leases.ts';
import { RedisLeases } from '../../src/presence/redis-leases.ts';
import { RedisServer } from '../support/redis.ts';
import { connected, keepRedisWorlds, leasesOf } from './redis-world.ts';

keepRedisWorlds();

const ada: MemberRef = { workspace: 'w', room: 'lobby', userId: 'ada' };
const bob: MemberRef = { workspace: 'w', room: 'lobby', userId: 'bob' };
const unavailable = { code: 'STORE_UNAVAILABLE' };

describe('leases in Redis', () => {
  let prefix: string;
  let clock: number;
  const now = (): number => clock;
  const start = (): RedisLeases => leasesOf({ prefix, now });

  beforeEach(() => {
    prefix = `test-${randomUUID()}`;
    clock = Date.UTC(2026, 0, 1);
  });

  test('go by the clock of Redis, whatever the process takes the time to be', async () => {
    const leases = leasesOf({ prefix });
    using redis = ending(await connected());
    const timeOf = async (): Promise<number> => {
      // Texts, whatever their type says.
      const [seconds = NaN, microseconds = NaN] = (await redis.client.time()).map(Number);
      return seconds * 1_000 + Math.floor(microseconds / 1_000);
    };
    const before = await timeOf();
    const { expiresAt, seenAt } = await leases.hold({ member: ada, holder: 'c' }, 30_000);
    expect(seenAt).toBeGreaterThanOrEqual(before);
    expect(seenAt).toBeLessThanOrEqual(await timeOf());
    expect(expiresAt).toBe(seenAt + 30_000);
    expect(await leases.seen([bob, ada])).toEqual([undefined, seenAt]);
  });

  test('are swept by processes that never heard of the workspace, also after Redis lost everything', async () => {
    const [one, two] = [start(), start()];
    await one.hold({ member: ada, holder: 'c' }, 1_000);
    clock += 1_000;
    expect(await two.expired(10)).toEqual([ada]);
    using redis = ending(await connected());
    await redis.client.del(await redis.client.keys(`${prefix}:*`));
    expect(await two.expired(10)).toEqual([]);
    expect(await one.renew([{ member: ada, holder: 'c' }], 1_000)).toMatchObject({ gone: [{ member: ada }] });
    await one.hold({ member: ada, holder: 'c' }, 1_000);
    clock += 1_000;
    expect(await two.expired(10)).toEqual([ada]);
  });

  test('of many workspaces are found up to the limit, and then the rest', async () => {
    const leases = start();
    const members = Array.from({ length: 12 }, (_, index) => ({
      ...ada,
      workspace: `w${index % 3}`,
      userId: `u${index}`,
    }));
    await leases.adopt(
      members.map((member) => ({ member, seenAt: clock })),
      1_000,
    );
    clock += 1_000;
    const found: MemberRef[] = [];
    for (let page = await leases.expired(5); page.length > 0; page = await leases.expired(5)) {
      expect(page.length).toBeLessThanOrEqual(5);
      for (const member of page) await (await leases.claim(member, 1_000))!.settle();
      found.push(...page);
    }
    expect(found).toHaveLength(members.length);
    expect(new Set(found.map((member) => JSON.stringify(member)))).toEqual(
      new Set(members.map((member) => JSON.stringify(member))),
    );
  });

  test('keep all names apart, whatever they are made of', async () => {
    const leases = start();
    const names = [
      'w',
      'w}',
      '{w}',
      '}{',
      '',
      ' ',
      'w/x',
      'é',
      '%00e9',
      '\ud800',
      '\udfff',
      '\ufffd',
      '😀',
      '\0',
      'W',
      '["w"]',
    ];
    const members = names.flatMap((workspace) =>
      names.map((userId) => ({ workspace, room: userId, userId })),
    );
    for (const [index, member] of members.entries()) {
      clock += 1;
      expect(await leases.hold({ member, holder: `h${index}` }, 60_000)).toMatchObject({ seenAt: clock });
    }
    const seen = await leases.seen(members);
    expect(new Set(seen).size).toBe(members.length);
    clock += 60_000;
    const found = await leases.expired(1_000);
    expect(found).toHaveLength(members.length);
    expect(found).toEqual(expect.arrayContaining(members));
    // Holders are told apart as well.
    const holders = names.map((holder) => ({ member: ada, holder }));
    await leases.hold(holders[0]!, 1_000);
    expect((await leases.renew(holders, 1_000)).gone).toEqual(holders.slice(1));
  });

  test('have one hash tag in each workspace', async () => {
    const leases = start();
    for (const workspace of ['a}b', 'c']) {
      await leases.hold({ member: { ...ada, workspace }, holder: 'c' }, 1_000);
    }
    using redis = ending(await connected());
    const keys = await redis.client.keys(`${prefix}:*{*`);
    expect(keys).toHaveLength(6);
    expect(new Set(keys.map((key) => /\{.*?\}/.exec(key)?.[0]))).toEqual(
      new Set(['{presence/a%007db}', '{presence/c}']),
    );
  });

  test('do not pile up: a hold that ran out is dropped after a minute of another one', async () => {
    const leases = start();
    const old = { member: ada, holder: 'old' };
    const other = { member: ada, holder: 'new' };
    await leases.hold(old, 1_000);
    clock += 60_000;
    await leases.hold(other, 30_000);
    clock += 999;
    await leases.renew([other], 30_000);
    expect((await leases.renew([old], 1_000)).gone).toEqual([]);
    clock += 61_000;
    await leases.renew([other], 30_000);
    expect((await leases.renew([old], 1_000)).gone).toEqual([old]);
    using redis = ending(await connected());
    const rows = await redis.client.hvals(`${prefix}:{presence/w}:leases`);
    expect(rows.map((row) => Object.keys((JSON.parse(row) as { holds: object }).holds))).toEqual([['"new"']]);
  });

  test('leave nothing behind where everybody left', async () => {
    const leases = start();
    await leases.hold({ member: ada, holder: 'c' }, 1_000);
    await (await leases.evict(ada, 5_000)).settle();
    using redis = ending(await connected());
    const keys = await redis.client.keys(`${prefix}:*`);
    // The number of the last call goes by itself.
    const lasting = await Promise.all(keys.map((key) => redis.client.pttl(key)));
    expect(keys.filter((_, index) => lasting[index] === -1)).toEqual([`${prefix}:presence`]);
  });

  describe('take calls in their order', () => {
    test('without waiting for one before the next', async () => {
      const leases = start();
      const hold = { member: ada, holder: 'c' };
      const [held, claim, again, renewed, seen] = await Promise.all([
        leases.hold(hold, 1_000),
        leases.evict(ada, 1_000),
        leases.hold(hold, 2_000),
        leases.renew([hold], 3_000),
        leases.seen([ada]),
      ]);
      expect(held.contested).toBe(false);
      expect(again.contested).toBe(true);
      expect(renewed).toEqual({ contested: [], gone: [] });
      expect(seen).toEqual([clock]);
      expect(await claim.stands()).toBe(false);
      clock += 2_999;
      expect(await leases.expired(1)).toEqual([]);
      clock += 1;
      expect(await leases.expired(1)).toEqual([ada]);
    });

    test('and refuse one that arrives behind a later one', async () => {
      using redis = ending(await connected());
      const leases = new RedisLeases({ redis: redis.client, prefix, now });
      const others = start();
      // As the bytes of a connection that was given up, or a redirection in a cluster, can do it.
      const scripts = redis.client as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;
      const send = scripts['tidings_leases']!.bind(redis.client);
      let arrive = (): void => undefined;
      const arrived = new Promise<void>((resolve) => (arrive = resolve));
      scripts['tidings_leases'] = async (...values) => {
        scripts['tidings_leases'] = send;
        await arrived;
        return send(...values);
      };
      const late = leases.evict(ada, 1_000);
      const held = leases.hold({ member: ada, holder: 'c' }, 1_000);
      const others$ = others.hold({ member: bob, holder: 'c' }, 1_000);
      await Promise.all([held, others$]);
      arrive();
      await expect(late).rejects.toMatchObject(unavailable);
      expect((await leases.renew([{ member: ada, holder: 'c' }], 1_000)).gone).toEqual([]);
    });
  });

  test('are what leases in memory are, whatever is called', async () => {
    const members = [ada, bob];
    const step = fc.record({
      do: fc.constantFrom(
        'hold',
        'hold',
        'renew',
        'adopt',
        'claim',
        'claim',
        'evict',
        'stands',
        'settle',
        'forget',
        'giveBack',
      ),
      member: fc.constantFrom(...members),
      holder: fc.constantFrom('x', 'y'),
      ms: fc.constantFrom(0, 10, 20, 50),
      later: fc.constantFrom(0, 0, 10, 20, 50),
    });
    type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

    class Play {
      readonly #leases: LeaseTable;
      readonly #claims: Claim[] = [];
      constructor(leases: LeaseTable) {
        this.#leases = leases;
      }

      async take({ do: what, member, holder, ms }: Step): Promise<unknown> {
        const claim = this.#claims.at(-1);
        switch (what) {
          case 'hold':
            return this.#leases.hold({ member, holder }, ms);
          case 'renew':
            return this.#leases.renew(
              [
                { member: bob, holder },
                { member, holder },
              ],
              ms,
            );
          case 'adopt':
            return this.#leases.adopt([{ member, seenAt: 7 }], ms);
          case 'claim':
          case 'evict': {
            const made = await this.#leases[what](member, ms);
            if (made !== undefined) this.#claims.push(made);
            return made?.seenAt;
          }
          case 'stands':
            return Promise.all(this.#claims.map((each) => each.stands()));
          case 'settle':
            return claim?.settle(ms);
          case 'forget':
            return claim?.settle();
          case 'giveBack':
            return claim?.giveBack();
        }
      }

      async end(): Promise<unknown> {
        const expired = await this.#leases.expired(10);
        return [await this.#leases.seen(members), expired.map(({ userId }) => userId).toSorted()];
      }
    }

    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const memory = new Play(new MemoryLeases({ now }));
        prefix = `test-${randomUUID()}`;
        const redis = new Play(start());
        for (const next of steps) {
          clock += next.later;
          expect(await redis.take(next)).toEqual(await memory.take(next));
        }
        expect(await redis.end()).toEqual(await memory.end());
      }),
      { numRuns: 100 },
    );
  });
});

describe('leases in a Redis of their own', () => {
  const settings = {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 5_000,
    retryStrategy: () => 20,
  };

  test('fail with STORE_UNAVAILABLE while it is away, in every call, and go on when it is back', async () => {
    await using server = await RedisServer.start({ config: ['appendonly yes', 'appendfsync always'] });
    using redis = ending(new Redis(server.url, settings));
    redis.client.on('error', () => undefined);
    const ready = (): Promise<void> => new Promise((resolve) => redis.client.once('ready', () => resolve()));
    await ready();
    const leases = new RedisLeases({ redis: redis.client });
    const hold = { member: ada, holder: 'c' };
    await leases.hold(hold, 60_000);
    const claim = await leases.evict(bob, 60_000);
    const closed = new Promise<void>((resolve) => redis.client.once('close', () => resolve()));
    await server.kill();
    await closed;
    const results = await Promise.allSettled([
      leases.hold(hold, 1),
      leases.renew([hold], 1),
      leases.adopt([{ member: ada, seenAt: 0 }], 1),
      leases.seen([ada]),
      leases.expired(1),
      leases.claim(ada, 1),
      leases.evict(ada, 1),
      claim.stands(),
      claim.settle(1),
      claim.giveBack(),
    ]);
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: unavailable });
    const back = ready();
    await server.restart();
    await back;
    expect(await claim.stands()).toBe(true);
    expect(await leases.renew([hold], 1_000)).toEqual({ contested: [], gone: [] });
  });

  test('tell when it has no room', async () => {
    await using server = await RedisServer.start({ config: ['maxmemory 1'] });
    using redis = ending(new Redis(server.url));
    const leases = new RedisLeases({ redis: redis.client });
    await expect(leases.hold({ member: ada, holder: 'c' }, 1)).rejects.toMatchObject({ code: 'STORE_FULL' });
  });

  test('touch one slot of a cluster at a time', async () => {
    const config = ['cluster-enabled yes', 'cluster-announce-ip 127.0.0.1'];
    await using server = await RedisServer.start({ config });
    using node = ending(new Redis(server.url));
    await node.client.cluster('ADDSLOTSRANGE', 0, 16_383);
    // A node that has just begun waits for two seconds.
    const patience = { timeout: 15_000, interval: 20 };
    await expect.poll(async () => node.client.cluster('INFO'), patience).toContain('cluster_state:ok');
    using redis = ending(new Cluster([server.url]));
    const leases = new RedisLeases({ redis: redis.client });
    const members = ['a', 'b', 'c', 'd'].map((workspace) => ({ ...ada, workspace }));
    const holds = members.map((member) => ({ member, holder: 'c' }));
    await Promise.all(holds.map((hold) => leases.hold(hold, 0)));
    expect(await leases.renew(holds, 0)).toEqual({ contested: [], gone: [] });
    const expired = await leases.expired(10);
    expect(expired.toSorted((a, b) => (a.workspace < b.workspace ? -1 : 1))).toEqual(members);
    for (const member of members) await (await leases.claim(member, 1_000))!.settle();
    expect(await leases.expired(10)).toEqual([]);
  });
});

test('leases do not hide that their keys hold something else', async () => {
  using redis = ending(await connected());
  const prefix = `test-${randomUUID()}`;
  await redis.client.set(`${prefix}:{presence/w}:leases`, 'something else');
  const leases = new RedisLeases({ redis: redis.client, prefix });
  await expect(leases.hold({ member: ada, holder: 'c' }, 1)).rejects.toThrow('WRONGTYPE');
});

/** Disconnects at the end of its block, also of a test that fails. */
function ending<Client extends Redis | Cluster>(client: Client): { readonly client: Client } & Disposable {
  return { client, [Symbol.dispose]: () => client.disconnect() };
}
