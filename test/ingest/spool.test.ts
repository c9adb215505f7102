import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TidingsError, type ErrorCode } from '../../src/errors.ts';
import { decodeItem, encodeItem, type SpooledItem } from '../../src/ingest/spool-file.ts';
import { Spool, type SpoolOptions } from '../../src/ingest/spool.ts';
import { until } from '../support/until.ts';

const item = (name: string): SpooledItem => ({ about: { name }, body: Buffer.from(`body of ${name}`) });
const names = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => `item ${from + index}`);

/** Where items go: away, or there. */
class Target {
  readonly received: string[] = [];
  isAway = false;
  readonly #refusals = new Map<string, { readonly error: Error; times: number }>();
  attempts = 0;
  #onAttempt: (() => void) | undefined;

  readonly take = async ({ about, body }: SpooledItem): Promise<void> => {
    this.attempts++;
    this.#onAttempt?.();
    const name = about['name'] ?? '';
    if (this.isAway) throw new TidingsError('STORE_UNAVAILABLE');
    const refusal = this.#refusals.get(name);
    if (refusal !== undefined && refusal.times-- > 0) throw refusal.error;
    expect(body.toString()).toBe(`body of ${name}`);
    this.received.push(name);
  };

  refuse(name: string, error: Error, times = Infinity): void {
    this.#refusals.set(name, { error, times });
  }

  async attempted(times: number): Promise<void> {
    while (this.attempts < times) await new Promise<void>((resolve) => (this.#onAttempt = resolve));
  }
}

describe('the spool', () => {
  let directory: string;
  let target: Target;
  let log: { level: string; fields: object; message: string }[];
  const opened: Spool[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tidings-spool-'));
    target = new Target();
    log = [];
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((spool) => spool.close()));
    rmSync(directory, { recursive: true });
  });

  async function start(options: Partial<SpoolOptions> = {}): Promise<Spool> {
    const tell = (level: string) => (fields: object, message: string) =>
      void log.push({ level, fields, message });
    const spool = await Spool.open({
      directory: join(directory, 'spool'),
      maxBytes: 1_000_000,
      replay: target.take,
      lock: () => ({ release: () => undefined }),
      log: { info: tell('info'), warn: tell('warn'), error: tell('error') },
      retryMs: 1,
      ...options,
    });
    opened.push(spool);
    spool.start();
    return spool;
  }

  const files = (): string[] =>
    readdirSync(join(directory, 'spool')).filter((name) => name.endsWith('.item'));
  const pathOf = (name: string): string => join(directory, 'spool', name);
  const nameOf = (number: number): string => `${String(number).padStart(16, '0')}.item`;
  /** Leaves an item behind as if the clock had been ahead then; the next one gets the next number. */
  const addInFuture = async (name: string): Promise<number> => {
    const spool = await start();
    await spool.add(item(name));
    await spool.close();
    const number = Date.now() + 1e9;
    renameSync(pathOf(files()[0]!), pathOf(nameOf(number)));
    return number;
  };
  const setAside = (): string[] => readdirSync(join(directory, 'spool', 'set-aside'));

  test('keeps items while the target is away, and passes them on in order, once, when it is back', async () => {
    const spool = await start();
    expect(spool.isEmpty).toBe(true);
    target.isAway = true;
    for (const name of names(50)) await spool.add(item(name));
    expect(spool.size.items).toBe(50);
    expect(files()).toHaveLength(50);
    await target.attempted(3);
    target.isAway = false;
    await until(() => spool.isEmpty);
    expect(target.received).toEqual(names(50));
    expect(files()).toEqual([]);
    expect(spool.size).toEqual({ items: 0, bytes: 0 });
    expect(log.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn items go to the spool',
      'info the spool is empty',
    ]);
  });

  test('gives items that are handed in at once their places in the order of the calls', async () => {
    const spool = await start();
    target.isAway = true;
    await Promise.all(names(200).map((name) => spool.add(item(name))));
    target.isAway = false;
    await until(() => spool.isEmpty);
    expect(target.received).toEqual(names(200));
  });

  test('lets what comes while it empties go behind the rest', async () => {
    const late: Promise<void>[] = [];
    const replay = async (taken: SpooledItem): Promise<void> => {
      expect(spool.isEmpty).toBe(false);
      if (late.length < 20) late.push(spool.add(item(`item ${20 + late.length}`)));
      await target.take(taken);
    };
    const spool = await start({ replay });
    await Promise.all(names(20).map((name) => spool.add(item(name))));
    await until(() => spool.isEmpty);
    await Promise.all(late);
    expect(target.received).toEqual(names(40));
  });

  test('keeps every byte of a body, also of a large one', async () => {
    const bodies: Buffer[] = [];
    const spool = await start({ maxBytes: 1e8, replay: async ({ body }) => void bodies.push(body) });
    const given = [
      randomBytes(25 * 1_024 * 1_024),
      Buffer.alloc(0),
      Buffer.from('\n{"\0\n'),
      Buffer.from([0xff, 0xfe]),
    ];
    await Promise.all(given.map((body) => spool.add({ about: { name: 'é\n"\ud800' }, body })));
    await until(() => spool.isEmpty);
    expect(bodies.map((body, index) => body.equals(given[index]!))).toEqual([true, true, true, true]);
  });

  describe('goes on after its process has ended', () => {
    test('with everything that waited, in order', async () => {
      target.isAway = true;
      const before = await start();
      for (const name of names(10)) await before.add(item(name));
      await before.close();
      const after = await start();
      expect(after.size).toEqual({
        items: 10,
        bytes: files().reduce((sum, name) => sum + statSync(pathOf(name)).size, 0),
      });
      for (const name of names(5, 10)) await after.add(item(name));
      target.isAway = false;
      await until(() => after.isEmpty);
      expect(target.received).toEqual(names(15));
    });

    test('however its clock was set meanwhile', async () => {
      target.isAway = true;
      await addInFuture('item 0');
      const after = await start();
      await after.add(item('item 1'));
      target.isAway = false;
      await until(() => after.isEmpty);
      expect(target.received).toEqual(names(2));
    });

    test('at any byte of the last item', async () => {
      target.isAway = true;
      const before = await start();
      for (const name of names(3)) await before.add(item(name));
      await before.close();
      const kept = files().map((name) => ({ name, content: readFileSync(pathOf(name)) }));
      const last = kept.at(-1)!;
      target.isAway = false;
      for (let length = 0; length < last.content.length; length++) {
        for (const { name, content } of kept) writeFileSync(pathOf(name), content);
        // While it was written, as a crash leaves it; and under its own name, as only a broken disk can.
        writeFileSync(pathOf(`${last.name}.tmp`), last.content.subarray(0, length));
        truncateSync(pathOf(last.name), length);
        const spool = await start();
        await until(() => spool.isEmpty);
        await spool.close();
        expect(target.received.splice(0)).toEqual(names(2));
        expect(readdirSync(join(directory, 'spool'))).toEqual(['set-aside']);
        expect(setAside()).toEqual([last.name]);
      }
      expect(log.filter(({ level }) => level === 'error')).toHaveLength(last.content.length);
    });

    test('killed again and again while it writes: nothing that was acknowledged is lost, and all is in order', async () => {
      const script = fileURLToPath(new URL('spool-child.ts', import.meta.url));
      const acknowledged: number[] = [];
      const KILLS = 4;
      for (let round = 0; round < KILLS; round++) {
        const first = String(round * 1_000_000);
        const args = ['--import', 'tsx', script, join(directory, 'spool'), first];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        const exited = once(child, 'exit');
        let untilKill = 10 + Math.floor(Math.random() * 200);
        for await (const line of createInterface({ input: child.stdout })) {
          if (line !== 'open') acknowledged.push(Number(line));
          if (--untilKill === 0) child.kill('SIGKILL');
        }
        await exited;
      }
      const found: number[] = [];
      const replay = async ({ about, body }: SpooledItem): Promise<void> => {
        const number = Number(about['number']);
        expect(body.equals(Buffer.alloc((number * 997) % 20_000, number % 256))).toBe(true);
        found.push(number);
      };
      const spool = await start({ maxBytes: 1e9, replay });
      await until(() => spool.isEmpty);
      console.log(`${KILLS} kills: ${acknowledged.length} acknowledged, ${found.length} found`);
      expect(new Set(found).size).toBe(found.length);
      expect(found).toEqual(found.toSorted((a, b) => a - b));
      expect(acknowledged.filter((number) => !found.includes(number))).toEqual([]);
      expect(setAside()).toEqual([]);
    });
  });

  describe('sets aside what will never get through', () => {
    test('and goes on with the rest', async () => {
      const spool = await start();
      target.isAway = true;
      for (const name of names(5)) await spool.add(item(name));
      target.refuse('item 1', new TidingsError('INVALID_INPUT'));
      target.refuse('item 4', new TidingsError('FORBIDDEN'));
      const [, second, , , fifth] = files();
      target.isAway = false;
      await until(() => spool.isEmpty);
      expect(target.received).toEqual(['item 0', 'item 2', 'item 3']);
      expect(setAside()).toEqual([second, fifth]);
      expect(decodeItem(readFileSync(pathOf(`set-aside/${second!}`)))).toEqual(item('item 1'));
      expect(log.filter(({ level }) => level === 'error')).toMatchObject([
        { fields: { about: { name: 'item 1' }, err: { code: 'INVALID_INPUT' } } },
        { fields: { about: { name: 'item 4' }, err: { code: 'FORBIDDEN' } } },
      ]);
      // Nor does it come again.
      await spool.close();
      expect((await start()).isEmpty).toBe(true);
    });

    test.each([
      new TypeError('a bug'),
      new TidingsError('CONFLICT'),
      new TidingsError('INTERNAL_SERVER_ERROR'),
    ])('after some attempts, where it may be but a moment: %s', async (error) => {
      const spool = await start();
      target.refuse('item 0', error, 9);
      target.refuse('item 2', error, 10);
      for (const name of names(4)) await spool.add(item(name));
      await until(() => spool.isEmpty);
      expect(target.received).toEqual(['item 0', 'item 1', 'item 3']);
      expect(setAside()).toHaveLength(1);
    });

    test.each<ErrorCode>(['STORE_UNAVAILABLE', 'STORE_FULL'])(
      'but nothing for the sake of %s',
      async (code) => {
        const spool = await start();
        target.refuse('item 0', new TidingsError(code), 30);
        await spool.add(item('item 0'));
        await until(() => spool.isEmpty);
        expect(target.attempts).toBe(31);
        expect(target.received).toEqual(['item 0']);
      },
    );
  });

  describe('refuses', () => {
    const unavailable = { code: 'STORE_UNAVAILABLE' };

    test('what would exceed its bound, until there is room again', async () => {
      const one = encodeItem(item('item 0')).reduce((sum, part) => sum + part.length, 0);
      const spool = await start({ maxBytes: 3 * one });
      target.isAway = true;
      for (const name of names(3)) await spool.add(item(name));
      await expect(spool.add(item('item 3'))).rejects.toMatchObject(unavailable);
      target.isAway = false;
      await until(() => spool.isEmpty);
      await spool.add(item('item 4'));
      await until(() => spool.isEmpty);
      expect(target.received).toEqual([...names(3), 'item 4']);
    });

    test('what the disk does not take, and only that', async () => {
      target.isAway = true;
      const ahead = await addInFuture('item 0');
      const spool = await start();
      mkdirSync(pathOf(`${nameOf(ahead + 1)}.tmp`));
      const results = await Promise.allSettled(names(2, 1).map((name) => spool.add(item(name))));
      expect(results).toMatchObject([{ status: 'rejected', reason: unavailable }, { status: 'fulfilled' }]);
      target.isAway = false;
      await until(() => spool.isEmpty);
      expect(target.received).toEqual(['item 0', 'item 2']);
    });

    test('everything when it is closed', async () => {
      const spool = await start();
      target.isAway = true;
      const adding = spool.add(item('item 0'));
      const closing = spool.close();
      await expect(spool.add(item('item 1'))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
      await adding;
      await closing;
      expect(files()).toHaveLength(1);
    });

    test('to begin in a directory that cannot be written', async () => {
      writeFileSync(join(directory, 'spool'), 'a file');
      await expect(start()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining(`The spool in ${join(directory, 'spool')} can't be used: `),
      });
    });

    test('to begin in a directory that another one has', async () => {
      const lock = (): never => {
        throw new Error('another server uses it');
      };
      await expect(start({ lock })).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining("can't be used: another server uses it"),
      });
    });
  });

  test('ends when the item under way has got through', async () => {
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let hasEnded = false;
    const replay = async (taken: SpooledItem): Promise<void> => {
      await target.take(taken);
      await finished;
      expect(hasEnded).toBe(false);
    };
    const released: string[] = [];
    const lock = (path: string) => ({ release: () => void released.push(path) });
    const spool = await start({ replay, lock });
    for (const name of names(2)) await spool.add(item(name));
    await target.attempted(1);
    const closing = spool.close().then(() => (hasEnded = true));
    finish();
    await closing;
    expect(target.received).toEqual(['item 0']);
    expect(files()).toHaveLength(1);
    expect(released).toEqual([join(directory, 'spool')]);
  });

  test('does not wait for a target that is away to end', async () => {
    target.isAway = true;
    const spool = await start({ retryMs: 1_000_000 });
    await spool.add(item('item 0'));
    await target.attempted(1);
    await spool.close();
    expect(files()).toHaveLength(1);
  });
});

describe('an item as a file', () => {
  const file = Buffer.concat(encodeItem({ about: { event: 'push' }, body: Buffer.from('{"a":1}\n') }));

  test('can be read by people as well', () => {
    expect(file.toString()).toBe('tidings-spool-1 13d7d619 25\n{"event":"push"}\n{"a":1}\n');
  });

  test('shows every damage', () => {
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeItem(file.subarray(0, length))).toThrow('damaged');
    }
    for (let bit = 0; bit < file.length * 8; bit++) {
      const altered = Buffer.from(file);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeItem(altered)).toThrow('damaged');
    }
    expect(() => decodeItem(Buffer.concat([file, Buffer.from('x')]))).toThrow('damaged');
  });
});
