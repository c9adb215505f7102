/** What a body takes of the memory and of the time while it arrives, in whatever pieces: Node gives each chunk of it by itself. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { Bodies } from '../../src/transport/bodies.ts';
import { until } from '../support/until.ts';

it('that arrives byte by byte takes not many times its size', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const taken = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = taken();
  const request = Object.assign(new Readable({ read: () => undefined }), { headers: {} });
  const reading = new Bodies(1_000_000).read(request as unknown as IncomingMessage, 1_000_000);
  const text = 'one by one'.repeat(30_000);
  for (const character of text) request.push(Buffer.from(character));
  await until(() => request.readableLength === 0);
  expect(taken() - before).toBeLessThan(10_000_000);
  request.push(null);
  expect(String(await reading)).toBe(text);
});

it('that is refused for want of room is not asked about any more', async () => {
  const request = Object.assign(new Readable({ read: () => undefined }), { headers: {} });
  let asked = 0;
  const check = async (): Promise<void> => void (asked += 1);
  const reading = new Bodies(1_000).read(request as unknown as IncomingMessage, 1_000_000, {
    above: 500,
    check,
  });
  request.push(Buffer.alloc(2_000));
  await expect(reading).rejects.toMatchObject({ code: 'OVERLOADED' });
  expect(asked).toBe(0);
  request.destroy();
});
