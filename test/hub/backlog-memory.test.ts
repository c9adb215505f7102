import { expect, it } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import { BacklogMemory, type Held, type Holder } from '../../src/hub/backlog-memory.ts';
import { content } from '../store/sample.ts';

const MIB = 1_024 * 1_024;

const entry: Entry = {
  ...content().facts,
  position: { epoch: 'e', offset: 1, chain: '1' },
  recordedAt: '2026-01-01T00:00:00.000Z',
  revision: 0,
};
const nobody: Holder = { letGo: () => expect.fail('it was told to let go') };
const held = (bytes: number): Held => ({ bytes });

it('bounds what waits also where one of the snapshots that waited was empty', () => {
  const lost: string[] = [];
  const holder = (name: string): Holder => ({ letGo: () => void lost.push(name) });
  const memory = new BacklogMemory(150);
  const empty = holder('empty');
  memory.waits(empty, held(0));
  memory.forget(empty);
  memory.waits(holder('first'), held(100));
  memory.waits(holder('second'), held(100));
  expect(lost).toEqual(['first']);
});

/** Reads a snapshot of some pages, each of which comes when it is let through. */
function readIn(memory: BacklogMemory, pages: number) {
  const begun: (() => void)[] = [];
  const read = memory.whileReading(async (readPage) => {
    for (let page = 0; page < pages; page++)
      await readPage(
        async () =>
          new Promise<{ entries: Entry[] }>((resolve) => begun.push(() => resolve({ entries: [entry] }))),
      );
  });
  return {
    read,
    get begun() {
      return begun.length;
    },
    letThrough: () => begun.at(-1)!(),
  };
}
const turn = async () => new Promise((resolve) => setImmediate(resolve));

it('reads so many pages of snapshots at a time, and the next ones when those have come', async () => {
  const memory = new BacklogMemory(17 * MIB);
  const [first, second, third] = [readIn(memory, 1), readIn(memory, 1), readIn(memory, 1)];
  await turn();
  expect([first, second, third].map(({ begun }) => begun)).toEqual([1, 1, 0]);
  second.letThrough();
  await second.read;
  await turn();
  expect(third.begun).toBe(1);
  first.letThrough();
  third.letThrough();
  await Promise.all([first.read, third.read]);
});

it('lets whoever has read the longest come to an end, where the others have no room', async () => {
  const memory = new BacklogMemory(1);
  const [first, second] = [readIn(memory, 2), readIn(memory, 1)];
  for (let page = 1; page <= 2; page++) {
    await turn();
    expect([first.begun, second.begun]).toEqual([page, 0]);
    first.letThrough();
  }
  await first.read;
  await turn();
  expect(second.begun).toBe(1);
  second.letThrough();
  await second.read;
});

it('begins to read when what was read has been written, or waits for its connection', async () => {
  for (const leave of ['forget', 'waits'] as const) {
    const memory = new BacklogMemory(17 * MIB);
    const snapshot = held(10 * MIB);
    memory.writes(nobody, snapshot);
    const [first, second] = [readIn(memory, 1), readIn(memory, 1)];
    await turn();
    expect([first.begun, second.begun]).toEqual([1, 0]);
    memory[leave](nobody, snapshot);
    await turn();
    expect(second.begun).toBe(1);
    for (const { letThrough } of [first, second]) letThrough();
    await Promise.all([first.read, second.read]);
  }
});
