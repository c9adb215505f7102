import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import type { Position } from '../../src/events/position.ts';
import { PastPages } from '../../src/hub/past-pages.ts';
import { Ring, RingMemory } from '../../src/hub/ring.ts';
import { sizeOf } from '../../src/hub/size.ts';
import type { LogName } from '../../src/store/store.ts';
import { content } from '../store/sample.ts';

const at = (epoch: string, offset: number): Position => ({ epoch, offset, chain: `${offset}` });
const entryAt = (position: Position): Entry => ({
  ...content().facts,
  position,
  recordedAt: '2026-01-01T00:00:00.000Z',
  revision: 0,
});
const entriesOf = (epoch: string, first: number, last: number): Entry[] =>
  Array.from({ length: last - first + 1 }, (_, index) => entryAt(at(epoch, first + index)));
const SIZE = sizeOf(entryAt(at('a', 1)));

describe('the newest entries', () => {
  it('of all logs are kept together, as far as they fit', () => {
    const memory = new RingMemory(4 * SIZE);
    const [a, b] = [new Ring(at('a', 0), memory), new Ring(at('b', 0), memory)];
    for (const entry of entriesOf('a', 1, 3)) a.push(entry);
    for (const entry of entriesOf('b', 1, 3)) b.push(entry);
    expect([a.floor.offset, b.floor.offset]).toEqual([2, 0]);
    expect([a.bytes, b.bytes]).toEqual([SIZE, 3 * SIZE]);
    expect(a.after(at('a', 1), 10)).toBeUndefined();
    expect(a.after(at('a', 2), 10)).toMatchObject([{ position: { offset: 3 } }]);
  });

  it('leave their room to others when nobody needs them any more', () => {
    const memory = new RingMemory(4 * SIZE);
    const [a, b] = [new Ring(at('a', 0), memory), new Ring(at('b', 0), memory)];
    for (const entry of entriesOf('a', 1, 5)) a.push(entry);
    memory.forget(a);
    for (const entry of entriesOf('b', 1, 4)) b.push(entry);
    expect(b.floor.offset).toBe(0);
    b.push(entryAt(at('b', 5)));
    expect(b.floor.offset).toBe(1);
  });
});

describe('pages of the past', () => {
  const [a, b]: LogName[] = ['a', 'b'].map((workspace) => ({ workspace, stream: 'events' }));

  it('of all logs are kept together, as far as they fit', () => {
    const pages = new PastPages(5 * SIZE);
    pages.keep(a!, at('a', 0), entriesOf('a', 1, 3));
    pages.keep(b!, at('b', 0), entriesOf('b', 1, 3));
    expect(pages.after(a!, at('a', 0))).toBeUndefined();
    expect(pages.after(b!, at('b', 1))).toMatchObject([
      { position: { offset: 2 } },
      { position: { offset: 3 } },
    ]);
  });

  it('are for those of their log alone, until they are forgotten', () => {
    const pages = new PastPages(5 * SIZE);
    pages.keep(a!, at('a', 0), entriesOf('a', 1, 3));
    expect(pages.after(b!, at('a', 0))).toBeUndefined();
    pages.forget(b!);
    expect(pages.after(a!, at('a', 0))).toHaveLength(3);
    pages.forget(a!);
    expect(pages.after(a!, at('a', 0))).toBeUndefined();
  });
});
