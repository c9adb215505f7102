import { Writable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { defaultLimits } from '../../src/gateway/limits.ts';
import { Outlet, type Encoder } from '../../src/transport/outlet.ts';
import { until } from '../support/until.ts';

const HIGH_WATER_MARK = 100_000;
const asIs: Encoder<string> = { encode: (text) => text };
/** Of items that nobody wants any more. */
const dropped: Encoder<string> = { encode: () => '' };
const tenfold: Encoder<string> = { encode: (text) => text.repeat(10) };

it('an outlet is congested by default beyond 64 KiB, and drained when 16 KiB are left', async () => {
  const takes: (() => void)[] = [];
  const stream = new Writable({ write: (_chunk, _encoding, done) => void takes.push(done) });
  const own = new Outlet(stream, defaultLimits, { isOpen: true, cutOff: () => expect.fail('cut off') });
  for (let count = 0; count < 64; count++) own.write(asIs, 'x'.repeat(1_024), 1_024);
  expect(own.isCongested).toBe(false);
  own.write(asIs, 'x', 1);
  expect(own.isCongested).toBe(true);
  let isDrained = false;
  own.whenDrained(() => (isDrained = true));
  const left: number[] = [];
  for (let waiting = 64 * 1_024 + 1; waiting > 0; waiting -= 14 * 1_024) {
    await until(() => takes.length > 0);
    if (isDrained) left.push(waiting);
    takes.shift()!();
  }
  // It leaves 14 KiB at a time: from 22 KiB and a byte to 8.
  expect(left).toEqual([8 * 1_024 + 1]);
});

describe('an outlet', () => {
  /** What the peer was given. */
  let given: string;
  /** Takes what it was given last; undefined while it was given nothing. */
  let take: (() => void) | undefined;
  let isQuick: boolean;
  let drained: number;
  let outlet: Outlet;

  beforeEach(() => {
    [given, take, isQuick, drained] = ['', undefined, false, 0];
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        given += chunk.toString('latin1');
        if (isQuick) return done();
        take = () => {
          take = undefined;
          done();
        };
      },
    });
    const pacing = { highWaterMark: HIGH_WATER_MARK, writeDeadlineMs: 60_000 };
    outlet = new Outlet(stream, pacing, { isOpen: true, cutOff: () => expect.fail('cut off') });
  });

  const onDrained = (): void => outlet.whenDrained(() => drained++);
  /** The peer takes everything, as it comes. */
  const takeAll = async (bytes: number): Promise<void> => {
    isQuick = true;
    take?.();
    await until(() => given.length === bytes);
  };

  it('is congested from its high-water mark on, until most of what waits was taken', async () => {
    for (let count = 0; count < 21; count++) outlet.write(asIs, 'x'.repeat(5_000), 5_000);
    expect(outlet.isCongested).toBe(true);
    onDrained();
    // It gives about 14 KiB at a time.
    for (const bytes of [15_000, 30_000]) {
      await until(() => given.length === bytes);
      expect([outlet.isCongested, drained]).toEqual([bytes === 15_000, 0]);
      take?.();
    }
    await takeAll(105_000);
    await until(() => drained === 1);
    expect(outlet.isCongested).toBe(false);
  });

  it.each([
    ['more', { encoder: asIs, bytes: 1_000, count: 14_400, chunks: 1, isCongested: false }],
    ['fewer', { encoder: tenfold, bytes: 1, count: 110_000, chunks: 5, isCongested: true }],
  ])(
    'counts what was added, although items are said to take %s bytes than they do',
    async (_what, { encoder, bytes, count, chunks, isCongested }) => {
      for (let index = 0; index < count; index++) outlet.write(encoder, 'x', bytes);
      for (let chunk = 1; chunk <= chunks; chunk++) {
        await until(() => take !== undefined);
        if (chunk < chunks) take?.();
      }
      // By now less than the mark waits of the first, and more of the second.
      expect(outlet.isCongested).toBe(isCongested);
      onDrained();
      await takeAll(count * encoder.encode('x').length);
      await until(() => drained === 1);
      expect(outlet.isCongested).toBe(false);
    },
  );

  it('writes nothing of what nobody wants any more, and is drained of it', async () => {
    outlet.write(asIs, 'first', 5);
    await until(() => given === 'first');
    outlet.write(dropped, 'x', HIGH_WATER_MARK);
    expect(outlet.isCongested).toBe(true);
    onDrained();
    take?.();
    await until(() => drained === 1);
    expect([given, outlet.isCongested]).toEqual(['first', false]);
    // Also where there is nothing else.
    outlet.write(dropped, 'x', HIGH_WATER_MARK + 1);
    expect(outlet.isCongested).toBe(false);
    outlet.write(asIs, ' last', 5);
    await until(() => given === 'first last');
  });

  it('keeps the order of whatever number of items, slow and quick', async () => {
    const items = Array.from({ length: 5_000 }, (_, index) => `${index} `.padStart(100));
    for (const item of items.slice(0, 2_500)) outlet.write(asIs, item, item.length);
    await until(() => take !== undefined);
    for (const item of items.slice(2_500)) outlet.write(asIs, item, item.length);
    await takeAll(items.length * 100);
    expect(given).toBe(items.join(''));
  });
});
