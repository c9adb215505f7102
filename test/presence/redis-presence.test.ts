import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { LogPresence } from '../../src/presence/log-presence.ts';
import { presenceLog } from '../../src/presence/presence.ts';
import { RedisEventStore } from '../../src/store/redis/redis-store.ts';
import { describePresence } from './conformance.ts';
import { keepRedisWorlds, leasesOf, redisUrl, redisWorld } from './redis-world.ts';
import { listed, say, tab } from './world.ts';

keepRedisWorlds();

describePresence('leases and log in Redis', redisWorld);

describe('when one of three servers is killed', () => {
  const LEASE_MS = 900;
  const SWEEP_MS = 100;
  const crowd = Array.from({ length: 20 }, (_, index) => `user-${String(index).padStart(2, '0')}`);
  const disposals: (() => unknown)[] = [];
  afterEach(async () => {
    for (const dispose of disposals.splice(0).toReversed()) await dispose();
  });

  /** By Redis' clock and in its own time, as in production; only faster. */
  async function survivor(prefix: string): Promise<{ presence: LogPresence; store: RedisEventStore }> {
    const retention = { events: 10_000, hours: 1, bytes: 1e9 };
    const store = await RedisEventStore.open({ redis: redisUrl(), prefix, retention: () => retention });
    const presence = new LogPresence({
      store,
      leases: leasesOf({ prefix }),
      now: Date.now,
      onError: (error) => {
        throw error;
      },
      leaseMs: LEASE_MS,
      sweepMs: SWEEP_MS,
    });
    disposals.push(
      () => store.close(),
      () => presence.close(),
    );
    return { presence, store };
  }

  async function victim(prefix: string): Promise<ChildProcess> {
    const script = fileURLToPath(new URL('redis-child.ts', import.meta.url));
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', script, redisUrl(), prefix, String(LEASE_MS), String(SWEEP_MS), ...crowd],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    disposals.push(() => child.kill('SIGKILL'));
    await once(createInterface({ input: child.stdout }), 'line');
    return child;
  }

  test('its members go OFFLINE, once each, within lease and sweep, and nobody else does', async () => {
    const prefix = `test-${randomUUID()}`;
    const one = await survivor(prefix);
    const two = await survivor(prefix);
    await one.presence.set('w', say('ada'), tab('c1'));
    // The other one has nobody: it learns of the workspace from Redis alone.
    await two.presence.touch('w');
    const log = presenceLog('w');
    const gone: { userId: string; afterMs: number }[] = [];
    let killedAt = NaN;
    let onEnough = (): void => undefined;
    const enough = new Promise<void>((resolve) => (onEnough = resolve));
    await one.store.watch(log, (entries) => {
      for (const { data } of entries as readonly { data: { userId: string; status: string } }[]) {
        if (data.status !== 'OFFLINE') continue;
        gone.push({ userId: data.userId, afterMs: performance.now() - killedAt });
        if (gone.length === crowd.length) onEnough();
      }
    });
    const child = await victim(prefix);
    expect(await listed(two.presence)).toEqual(['ada ONLINE', ...crowd.map((user) => `${user} ONLINE`)]);

    const exited = once(child, 'exit');
    killedAt = performance.now();
    child.kill('SIGKILL');
    await exited;
    await enough;
    for (const { presence } of [one, two, one, two]) await presence.sweep();
    const { entries } = await one.store.read(log, 'oldest', 1_000);
    const told = entries.map(({ data }) => data as unknown as { userId: string; status: string });
    const offline = told.filter(({ status }) => status === 'OFFLINE').map(({ userId }) => userId);
    const times = gone.map(({ afterMs }) => Math.round(afterMs));
    console.log(
      `${offline.length} went OFFLINE, ${Math.min(...times)} to ${Math.max(...times)} ms after the kill`,
    );
    expect(offline.toSorted()).toEqual(crowd);
    expect(told).toHaveLength(1 + 2 * crowd.length);
    // The rest is what a busy machine takes.
    expect(Math.max(...times)).toBeLessThan(LEASE_MS + SWEEP_MS + 1_000);
  });
});
