import { expect, it } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import { sizeOf } from '../../src/hub/ring.ts';
import { WaitingSnapshots } from '../../src/hub/waiting-snapshots.ts';
import { content } from '../store/sample.ts';

const entry: Entry = {
  ...content().facts,
  position: { epoch: 'e', offset: 1, chain: '1' },
  recordedAt: '2026-01-01T00:00:00.000Z',
  revision: 0,
};

it('bounds what waits also where one of the snapshots that waited was empty', () => {
  const lost: string[] = [];
  const holder = (name: string) => ({ loseSnapshot: () => void lost.push(name) });
  const waiting = new WaitingSnapshots(1.5 * sizeOf(entry));
  const empty = holder('empty');
  waiting.add(empty, []);
  waiting.remove(empty);
  waiting.add(holder('first'), [entry]);
  waiting.add(holder('second'), [entry]);
  expect(lost).toEqual(['first']);
});
