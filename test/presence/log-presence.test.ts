import { afterEach, describe, expect, test, vi } from 'vitest';
import { MemoryLeases } from '../../src/presence/leases.ts';
import { LogPresence } from '../../src/presence/log-presence.ts';
import { describePresence } from './conformance.ts';
import { keepMemoryWorlds, memoryWorld } from './memory-world.ts';

keepMemoryWorlds();

describePresence('leases in memory, embedded store', memoryWorld);

test('leases in memory do not pile up while another hold lives', async () => {
  let clock = 0;
  const leases = new MemoryLeases({ now: () => clock });
  const member = { workspace: 'w', room: 'r', userId: 'ada' };
  const old = { member, holder: 'old' };
  await leases.hold(old, 1_000);
  clock = 1_000;
  await leases.hold({ member, holder: 'new' }, 1_000);
  expect(await leases.expired(10)).toEqual([]);
  expect(await leases.renew([old], 1_000)).toEqual({ contested: [], gone: [old] });
});

describe('the sweep', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('runs by itself, one at a time, until presence is closed', async () => {
    const world = await memoryWorld();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const leases = new MemoryLeases({ now: world.now });
    let sweeps = 0;
    let finish = (): void => undefined;
    leases.expired = async () => {
      sweeps++;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return [];
    };
    const onError = (error: unknown): unknown => world.errors.push(error);
    const presence = new LogPresence({ store: world.store, leases, now: world.now, onError });
    vi.advanceTimersByTime(999);
    await expect.poll(() => sweeps).toBe(0);
    vi.advanceTimersByTime(1);
    await expect.poll(() => sweeps).toBe(1);
    vi.advanceTimersByTime(5_000);
    const closing = presence.close();
    finish();
    await closing;
    expect(sweeps).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    await world.end();
    expect(world.errors).toEqual([]);
  });
});
