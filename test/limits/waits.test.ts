import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serviceViewer, type Viewer } from '../../src/auth/viewer.ts';
import { Limits, type LimitSettings } from '../../src/limits/limits.ts';
import { unlimited } from '../support/limits.ts';
import { StillTime } from '../support/still-time.ts';

const ada: Viewer = { ...serviceViewer('default'), userId: 'ada' };

it('who has flooded a connection waits no longer than that where the clock is put back', async () => {
  let now = 1_800_000_000_000;
  const settings = { ...unlimited, messages: 1, messageBurst: 1 };
  const limits = new Limits({ settings, redis: null, now: () => now, onLimited: () => undefined });
  const address = '192.0.2.1';
  const bucket = limits.messages(address);
  while (bucket.take() !== 'abuse');
  await expect(limits.connection(address)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  now -= 3_600_000;
  await expect(limits.connection(address)).resolves.toBeTypeOf('function');
  await limits.close();
});

/** Who was refused what for now, and how whoever it is asks for it again. */
const refusals: readonly [string, Partial<LimitSettings>, (limits: Limits) => Promise<unknown>][] = [
  ['an address connects', { newConnectionsPerAddress: 1 }, async (limits) => limits.connection('192.0.2.1')],
  ['anybody connects', { newConnections: 1 }, async (limits) => limits.connection('192.0.2.1')],
  ['a stream begins', { newConnections: 1 }, async (limits) => limits.stream(ada, '192.0.2.1')],
  ['a token publishes', { publishes: 1 }, async (limits) => limits.publish(ada, 1)],
];

it.each(refusals)('%s before it was told to: that is answered late', async (_what, own, ask) => {
  const woken: (() => void)[] = [];
  const limits = new Limits({
    settings: { ...unlimited, ...own },
    redis: null,
    now: () => 1_800_000_000_000,
    onLimited: () => undefined,
    sleep: async (ms) => {
      expect(ms).toBeGreaterThanOrEqual(500);
      expect(ms).toBeLessThanOrEqual(1_000);
      return new Promise<void>((resolve) => woken.push(resolve));
    },
  });
  const refusal = expect.objectContaining({ details: { retryAfter: 1 } });
  await ask(limits);
  // The first is told at once.
  await expect(ask(limits)).rejects.toEqual(refusal);
  expect(woken).toEqual([]);
  let answered = 0;
  const early = Array.from({ length: 1_000 }, async () => ask(limits).finally(() => (answered += 1)));
  for (const each of early) each.catch(() => undefined);
  // As many as may wait do: more are refused at once.
  await expect(ask(limits)).rejects.toEqual(refusal);
  expect([woken.length, answered]).toEqual([1_000, 0]);
  for (const wake of woken.splice(0)) wake();
  for (const each of early) await expect(each).rejects.toEqual(refusal);
  await limits.close();
});

it.each(refusals)('%s again where the clock was put back: in a second it may', async (_what, own, ask) => {
  using time = new StillTime();
  const limits = new Limits({
    settings: { ...unlimited, ...own },
    redis: null,
    now: Date.now,
    onLimited: () => undefined,
    sleep: async () => undefined,
  });
  await ask(limits);
  time.leap(-3_600_000);
  await expect(ask(limits)).rejects.toMatchObject({ details: { retryAfter: 1 } });
  await time.pass(1_000);
  await ask(limits);
  await limits.close();
});

describe('what a token publishes', () => {
  let time: StillTime;
  beforeEach(() => (time = new StillTime()));
  afterEach(() => time[Symbol.dispose]());

  const publishing = (publishes: number) => {
    const sleepers: { readonly ms: number; readonly wake: () => void }[] = [];
    const limits = new Limits({
      settings: { ...unlimited, publishes },
      redis: null,
      now: Date.now,
      onLimited: () => undefined,
      sleep: async (ms) => new Promise<void>((wake) => sleepers.push({ ms, wake })),
    });
    const order: string[] = [];
    const publish = async (name: string, events: number, viewer = ada): Promise<void> => {
      await limits.publish(viewer, events);
      order.push(name);
    };
    return { sleepers, order, publish };
  };

  it('is let in evenly over the second, in order, once a tenth of it came at once', async () => {
    const { sleepers, order, publish } = publishing(1_000);
    await publish('first', 60);
    await publish('second', 40);
    await publish('third', 100);
    const waiting = [publish('fourth', 100), publish('fifth', 1)];
    await publish('of somebody else', 100, { ...ada, userId: 'bob' });
    expect(sleepers.map(({ ms }) => ms)).toEqual([100, 200]);
    // Time is over for all of it, but the event loop is late.
    time.leap(500);
    waiting.push(publish('sixth', 1));
    // And timers don't always ring in the order in which they were to.
    for (const { wake } of sleepers.splice(0).toReversed()) wake();
    await Promise.all(waiting);
    await publish('seventh', 1);
    expect(order).toEqual([
      'first',
      'second',
      'third',
      'of somebody else',
      'fourth',
      'fifth',
      'sixth',
      'seventh',
    ]);
  });

  it('keeps nobody waiting a second later, however large the batch was', async () => {
    const { sleepers, order, publish } = publishing(20);
    await publish('batch', 500);
    await time.pass(1_000);
    void publish('next', 1);
    await time.until(() => sleepers.length + order.length === 2);
    expect(order).toEqual(['batch', 'next']);
  });

  it('is let in as evenly where a second is no multiple of what it may hold', async () => {
    const { sleepers, order, publish } = publishing(607);
    for (let event = 0; event < 200; event++) void publish(`event ${event}`, 1);
    await time.until(() => sleepers.length + order.length === 200);
    // A tenth of it, and the one that comes when that is full.
    expect(order.length).toBe(61);
  });
});
