import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Tarpit } from '../../src/transport/tarpit.ts';

const KEPT_MS = 5_000;
const ROOM = 256;

let tarpit: Tarpit;
beforeEach(() => {
  vi.useFakeTimers();
  tarpit = new Tarpit(KEPT_MS);
});
afterEach(() => {
  vi.useRealTimers();
});
const taken = (count = 1): PassThrough[] => {
  const sockets = Array.from({ length: count }, () => new PassThrough());
  for (const socket of sockets) tarpit.take(socket);
  return sockets;
};
const pass = async (ms: number): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms));
const ended = (sockets: readonly PassThrough[]): number =>
  sockets.filter(({ destroyed }) => destroyed).length;

it('keeps a connection for its time', async () => {
  const sockets = taken(ROOM);
  await pass(KEPT_MS - 1);
  expect(ended(sockets)).toBe(0);
  await pass(1);
  expect(ended(sockets)).toBe(ROOM);
});

it('keeps whoever is one too many for half a second, until there is room again', async () => {
  const first = taken(ROOM);
  const beyond = taken(10);
  await pass(499);
  expect(ended(beyond)).toBe(0);
  await pass(1);
  expect([ended(beyond), ended(first)]).toEqual([10, 0]);
  first[0]!.destroy();
  await pass(0);
  const late = taken(2);
  await pass(500);
  expect(late.map(({ destroyed }) => destroyed)).toEqual([false, true]);
});

it('does not begin anew with a connection that it has', async () => {
  const [socket] = taken();
  await pass(KEPT_MS - 1);
  tarpit.take(socket!);
  await pass(1);
  expect(socket!.destroyed).toBe(true);
});

it('lets go of all when it closes, and keeps nobody for long from then on', async () => {
  const before = taken(3);
  tarpit.close();
  expect(ended(before)).toBe(3);
  const after = taken();
  await pass(500);
  expect(ended(after)).toBe(1);
});
