import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pulse } from '../../src/transport/pulse.ts';

const PING_MS = 12_000;
const WRITE_DEADLINE_MS = 30_000;

describe('the pulse of a connection', () => {
  /** What it is told when everything before a ping has arrived: the number of the ping. */
  let arrived: number[];
  let pings: string[];
  let marks: number;
  /** What the kernel says. */
  let raw: { bytesWritten: number; writableLength: number };
  let socket: EventEmitter & { readonly terminate: () => void };
  let isCutOff: boolean;
  let pulse: Pulse;

  beforeEach(() => {
    vi.useFakeTimers();
    [arrived, pings, marks, isCutOff] = [[], [], 0, false];
    raw = { bytesWritten: 0, writableLength: 0 };
    const terminate = (): void => {
      isCutOff = true;
      pulse.stop();
    };
    socket = Object.assign(new EventEmitter(), { terminate });
    const connection = {
      socket,
      outlet: { write: (_encoder: unknown, payload: string) => void pings.push(payload) },
      mark: () => {
        const mark = ++marks;
        return () => arrived.push(mark);
      },
    };
    pulse = new Pulse(connection as never, raw, { pingMs: PING_MS, writeDeadlineMs: WRITE_DEADLINE_MS });
  });
  afterEach(() => {
    pulse.stop();
    vi.useRealTimers();
  });

  const beat = (): void => void vi.advanceTimersByTime(PING_MS);
  const answer = (payload: string): void => void socket.emit('pong', Buffer.from(payload));

  it('goes on as long as its pings are answered', () => {
    for (const payload of ['1', '2', '3']) {
      beat();
      answer(payload);
    }
    expect({ pings, arrived, isCutOff }).toEqual({
      pings: ['1', '2', '3'],
      arrived: [1, 2, 3],
      isCutOff: false,
    });
  });

  it('ends with the first ping that is not answered', () => {
    beat();
    expect(isCutOff).toBe(false);
    beat();
    expect(isCutOff).toBe(true);
  });

  it('waits for the write deadline where a ping is behind much that the kernel has taken', () => {
    raw.bytesWritten = 100_000;
    beat();
    for (let waited = PING_MS; waited < WRITE_DEADLINE_MS; waited += PING_MS) {
      beat();
      expect(isCutOff).toBe(false);
    }
    beat();
    expect(isCutOff).toBe(true);
  });

  it('goes on when such a ping is answered late', () => {
    raw.bytesWritten = 100_000;
    for (const _ of ['the ping', 'nothing', 'nothing']) beat();
    answer('1');
    for (const _ of ['another ping', 'too late']) {
      expect(isCutOff).toBe(false);
      beat();
    }
    expect({ pings, arrived, isCutOff }).toEqual({ pings: ['1', '2'], arrived: [1], isCutOff: true });
  });

  it('waits as long as bytes go out, and then for the write deadline', () => {
    Object.assign(raw, { bytesWritten: 1_000_000, writableLength: 900_000 });
    beat();
    while (raw.writableLength > 100_000) {
      raw.writableLength -= 100_000;
      beat();
      expect(isCutOff).toBe(false);
    }
    for (let waited = PING_MS; waited < WRITE_DEADLINE_MS; waited += PING_MS) beat();
    expect(isCutOff).toBe(false);
    beat();
    expect(isCutOff).toBe(true);
  });

  it('takes an answer without its payload, or an unasked one, for a sign of life that proves nothing', () => {
    answer('');
    beat();
    answer('');
    beat();
    answer('1');
    expect(arrived).toEqual([]);
    answer('2');
    expect(arrived).toEqual([2]);
    answer('2');
    expect({ arrived, isCutOff }).toEqual({ arrived: [2], isCutOff: false });
  });
});
