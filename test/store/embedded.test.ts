import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedEventStore, type EmbeddedStoreOptions } from '../../src/store/embedded/embedded-store.ts';
import type { Topic } from '../../src/events/topics.ts';
import type { EventStore, LogName, Retention } from '../../src/store/store.ts';
import { describeEventStore, type StoreHarness } from './conformance.ts';
import { expectConsistent } from './embedded-tables.ts';
import { batch, change, content, contents, keyed } from './sample.ts';
import {
  Clock,
  DAY_MS,
  Heard,
  HOUR_MS,
  idsOf,
  keepEverything,
  offsetsOf,
  readAll,
  until,
} from './support.ts';

class EmbeddedHarness implements StoreHarness {
  readonly clock = new Clock();
  readonly directory = mkdtempSync(join(tmpdir(), 'tidings-store-'));
  readonly #opened: EventStore[] = [];

  open(retention: (log: LogName) => Retention = () => keepEverything): Promise<EmbeddedEventStore> {
    return this.openWith({ retention });
  }

  async openWith(options: Partial<EmbeddedStoreOptions>): Promise<EmbeddedEventStore> {
    const { directory, clock } = this;
    const store = await EmbeddedEventStore.open({
      directory,
      retention: () => keepEverything,
      now: clock.now,
      ...options,
    });
    this.#opened.push(store);
    return store;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#opened.map((store) => store.close()));
    expectConsistent(join(this.directory, 'events.db'));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

describeEventStore('the embedded store', async () => new EmbeddedHarness());

describe('the embedded store alone', () => {
  const log: LogName = { workspace: 'default', stream: 'events' };
  let harness: EmbeddedHarness;
  let children: ChildProcess[];

  beforeEach(() => {
    harness = new EmbeddedHarness();
    children = [];
  });
  afterEach(async () => {
    await Promise.all(children.map(kill));
    await harness.dispose();
  });

  /** A process that appends to the directory's store, when it has written so many lines: `open`, then acknowledgements. */
  async function childWithLines(count: number): Promise<{ child: ChildProcess; lines: readonly string[] }> {
    const script = fileURLToPath(new URL('embedded-child.ts', import.meta.url));
    const loader = new URL('../../scripts/typescript-in-workers.mjs', import.meta.url).href;
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--import', loader, script, harness.directory],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    children.push(child);
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    while (lines.length < count) await once(reader, 'line');
    return { child, lines };
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  describe('its directory', () => {
    it('is created, and holds one file of data when the store is closed', async () => {
      const directory = join(harness.directory, 'a', 'b');
      const store = await harness.openWith({ directory });
      await store.append(log, batch(content()));
      await store.close();
      expect(readdirSync(directory).toSorted()).toEqual(['events.db', 'lock']);
    });

    it('belongs to one store at a time within a process', async () => {
      const store = await harness.open();
      await expect(harness.open()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining(`${harness.directory} can't be used: another process`),
      });
      await store.append(log, batch(content()));
      await store.close();
      expect(await readAll(await harness.open(), log)).toHaveLength(1);
    });

    it('belongs to one process at a time, until that is gone, killed or not', async () => {
      const { child } = await childWithLines(1);
      await expect(harness.open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await kill(child);
      await harness.open();
    });

    it('is told where it can not be used', async () => {
      const file = join(harness.directory, 'file');
      writeFileSync(file, '');
      await expect(harness.openWith({ directory: file })).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining(file),
      });
    });

    it('is told where something else is in it, and then free for others', async () => {
      mkdirSync(harness.directory, { recursive: true });
      writeFileSync(join(harness.directory, 'events.db'), 'no database '.repeat(1_000));
      await expect(harness.open()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: `The store in ${harness.directory} can't be used: file is not a database.`,
      });
      rmSync(join(harness.directory, 'events.db'));
      await harness.open();
    });

    it('is not touched where a newer version wrote it', async () => {
      await (await harness.open()).close();
      const database = new Database(join(harness.directory, 'events.db'));
      database.exec('PRAGMA user_version = 3');
      database.close();
      await expect(harness.open()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('written by a newer Tidings (schema 3, this one knows 2)'),
      });
    });

    it('is brought up to date where an older version wrote it', async () => {
      const store = await harness.open();
      await store.append(log, batch(content()));
      await store.close();
      const database = new Database(join(harness.directory, 'events.db'));
      database.exec('DROP TABLE record; PRAGMA user_version = 1');
      database.close();
      const { records } = await harness.open();
      await records.put('a', new Map([['b', 'c']]), HOUR_MS);
      expect(await records.get('a', 'b')).toBe('c');
    });
  });

  it('has no row of records that are over', async () => {
    const store = await harness.openWith({ maintenanceMs: 20 });
    const many = new Map(Array.from({ length: 1_200 }, (_, index) => [`${index}`, '']));
    await store.records.put('a', many, HOUR_MS);
    await store.records.put('a', new Map([['longer', '']]), HOUR_MS + 1);
    harness.clock.advance(HOUR_MS);
    const database = new Database(join(harness.directory, 'events.db'), { readonly: true });
    const rows = database.prepare('SELECT key FROM record').pluck();
    await until(() => rows.all().length <= 1);
    expect(rows.all()).toEqual(['"longer"']);
    database.close();
  });

  it('loses nothing that it acknowledged when the process is killed', async () => {
    const { child, lines } = await childWithLines(400);
    await kill(child);
    const acknowledged = lines.filter((line) => line !== 'open');
    const entries = await readAll(await harness.open(), log);
    const stored = entries.map(({ position }) => `${position.offset} ${position.chain}`);
    expect(stored).toEqual(expect.arrayContaining(acknowledged));
    expect(entries.map(({ position }) => position.offset)).toEqual(entries.map((_, index) => index + 1));
    // Whole batches, of two.
    expect(entries.length % 2).toBe(0);
  });

  describe('a thread that dies', () => {
    /** The threads that a store starts: its writer and its reader. */
    async function openWithThreads(onError: (error: Error) => void) {
      const threads: Worker[] = [];
      const listener = (worker: Worker): void => void threads.push(worker);
      process.on('worker', listener);
      const store = await harness.openWith({ onError });
      process.off('worker', listener);
      const [writer, reader] = threads as [Worker, Worker];
      return { store, writer, reader };
    }

    for (const name of ['writer', 'reader'] as const) {
      it(`makes every call fail, none hang, and frees the directory at closing: the ${name}`, async () => {
        const errors: Error[] = [];
        const { store, ...threads } = await openWithThreads((error) => errors.push(error));
        await store.append(log, batch(content()));
        const pending =
          name === 'writer' ? store.append(log, batch(content())) : store.read(log, 'oldest', 1);
        const dead = expect(pending).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        await threads[name].terminate();
        await dead;
        expect(errors.map(({ message }) => message)).toEqual([
          `the store's ${name} thread ended with code 1`,
        ]);
        await expect(store.append(log, batch(content()))).rejects.toMatchObject({
          code: 'STORE_UNAVAILABLE',
        });
        await expect(store.head(log)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        await store.close();
        const after = await harness.open();
        expect((await after.head(log)).offset).toBeGreaterThan(0);
        await after.append(log, batch(content()));
      });
    }
  });

  describe('an append that can not be written', () => {
    // Two texts that are one in UTF-8, and something that no thread is sent: both against the contract.
    const twice: Topic[] = ['repo:\ud800', 'repo:\ud801'];
    const uncloneable = (() => 'repo:x') as unknown as Topic;

    it.each([
      ['SQLite refuses', twice],
      ['does not reach the writer', [uncloneable]],
    ])('fails alone: what %s', async (_, topics) => {
      const store = await harness.openWith({ retention: () => ({ ...keepEverything, events: 50 }) });
      const results = await Promise.allSettled(
        Array.from({ length: 60 }, async (_item, index) =>
          store.append(
            log,
            index % 4 === 3
              ? keyed(`${index}`, change(`new ${index}`), content(), change('refused', { topics }))
              : keyed(`${index}`, change('a', { on: Math.ceil((index * 3) / 4) }), content(`${index}`)),
          ),
        ),
      );
      for (const [index, result] of results.entries()) {
        if (index % 4 === 3) expect(result).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE' } });
        else expect(result).toMatchObject({ status: 'fulfilled' });
      }
      const written = results.flatMap((result) =>
        result.status === 'fulfilled' ? offsetsOf(result.value) : [],
      );
      expect(written).toEqual(Array.from({ length: 90 }, (_item, index) => index + 1));
      expect((await store.entity(log, 'issue', 'a'))?.entry.revision).toBe(45);
      expect(await store.entity(log, 'issue', 'new 3')).toBeUndefined();
      expect(await store.recall(log, ['3'])).toBeUndefined();
      await store.append(log, batch(content('goes on')));
      expect((await readAll(store, log)).at(-1)).toMatchObject({ position: { offset: 91 } });
    });
  });

  describe('without room', () => {
    const large = (on: number) => keyed(`${on}`, content('x'.repeat(20_000)), change('a', { on }));

    /** Appends until it is refused; returns how often that went well. */
    async function fill(store: EventStore): Promise<number> {
      for (let count = 0; ; count++) {
        try {
          await store.append(log, large(count));
        } catch (error) {
          expect(error).toMatchObject({ code: 'STORE_FULL' });
          return count;
        }
      }
    }

    it('refuses appends as STORE_FULL, all or nothing, and goes on reading', async () => {
      const store = await harness.openWith({ maxBytes: 500_000 });
      const written = await fill(store);
      const results = await Promise.allSettled([
        store.append(log, large(written)),
        store.append(log, batch(change('b'), content('x'.repeat(900_000)))),
      ]);
      for (const result of results) expect(result).toMatchObject({ reason: { code: 'STORE_FULL' } });
      await store.ping();
      const entries = await readAll(store, log);
      expect(entries).toHaveLength(2 * written);
      expect(await store.head(log)).toEqual(entries.at(-1)!.position);
      expect(await store.entity(log, 'issue', 'a')).toMatchObject({ entry: { revision: written } });
      expect(await store.entity(log, 'issue', 'b')).toBeUndefined();
      expect(await store.recall(log, [`${written}`])).toBeUndefined();
    });

    it('does not remember a log that it had no room for', async () => {
      const retention = (): Retention => ({ ...keepEverything, hours: 1 });
      const store = await harness.openWith({ maxBytes: 500_000, maintenanceMs: 1, retention });
      const written = await fill(store);
      const unlucky: LogName = { workspace: 'unlucky', stream: 'events' };
      // In one turn, so that they share the commit that fails.
      const results = await Promise.allSettled([store.append(log, large(written)), store.head(unlucky)]);
      for (const result of results) expect(result).toMatchObject({ reason: { code: 'STORE_FULL' } });
      // Maintenance does not stumble over it.
      harness.clock.advance(HOUR_MS + 1);
      await until(async () => (await store.size(log)).events === 0);
      const head = await store.head(unlucky);
      expect(head.offset).toBe(0);
      await store.close();
      expect(await (await harness.open()).head(unlucky)).toEqual(head);
    });

    it('works again when old events have made room', async () => {
      const store = await harness.openWith({
        maxBytes: 500_000,
        maintenanceMs: 1,
        retention: () => ({ ...keepEverything, hours: 1 }),
      });
      const written = await fill(store);
      harness.clock.advance(HOUR_MS + 1);
      await until(async () => (await store.size(log)).events === 0);
      const result = await store.append(log, large(written));
      expect(offsetsOf(result)).toEqual([2 * written + 1, 2 * written + 2]);
    });

    it('works again when it is given more', async () => {
      const small = await harness.openWith({ maxBytes: 500_000 });
      const written = await fill(small);
      await small.close();
      const store = await harness.open();
      await store.append(log, large(written));
      expect(await readAll(store, log)).toHaveLength(2 * written + 2);
    });

    it('refuses more than 64 MiB that wait for the disk', async () => {
      const store = await harness.open();
      const title = 'x'.repeat(16 * 1_024 * 1_024 - 1_024);
      const results = await Promise.allSettled(
        Array.from({ length: 6 }, () => store.append(log, batch(content(title)))),
      );
      expect(results.map(({ status }) => status)).toEqual([
        ...Array<string>(4).fill('fulfilled'),
        'rejected',
        'rejected',
      ]);
      expect(results[4]).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE' } });
      await store.append(log, batch(content(title)));
      expect((await store.head(log)).offset).toBe(5);
    });
  });

  describe('while nobody writes', () => {
    it('trims what has become too old, log by log, many steps if need be', async () => {
      const store = await harness.openWith({
        maintenanceMs: 1,
        retention: () => ({ ...keepEverything, hours: 1 }),
      });
      const logs = ['a', 'b', 'c'].map((workspace): LogName => ({ workspace, stream: 'events' }));
      await Promise.all(logs.map((each) => store.append(each, batch(...contents(900)))));
      await store.append(log, batch(change('kept'), change('passing', { lifetime: 'log' })));
      harness.clock.advance(HOUR_MS + 1);
      for (const each of [...logs, log]) await until(async () => (await store.size(each)).events === 0);
      expect(await idsOf(store, log, { type: 'issue', topic: 'all', limit: 10 })).toEqual(['kept']);
    });

    it('trims, when opened, what a shorter retention does not cover', async () => {
      const before = await harness.open();
      await before.append(log, batch(...contents(1_200)));
      await before.close();
      const after = await harness.open(() => ({ ...keepEverything, events: 10 }));
      await until(async () => (await after.size(log)).events === 10);
      expect((await after.head(log)).offset).toBe(1_200);
    });

    it('forgets idempotency keys that are past their time', async () => {
      const store = await harness.openWith({ maintenanceMs: 1 });
      await store.append(log, keyed(['old', 'older'], content()));
      harness.clock.advance(DAY_MS);
      await store.append(log, keyed('new', content()));
      harness.clock.advance(6 * DAY_MS + 1);
      const database = new Database(join(harness.directory, 'events.db'));
      const keys = database.prepare('SELECT key FROM receipt').raw();
      await until(() => keys.all([]).length === 1);
      expect(keys.all([])).toEqual([['"new"']]);
      database.close();
    });
  });

  it('reports a watcher that throws, and tells the others', async () => {
    const errors: Error[] = [];
    const store = await harness.openWith({ onError: (error) => errors.push(error) });
    const heard = new Heard();
    await store.watch(log, () => {
      throw new Error('from a watcher');
    });
    await store.watch(log, heard.listener);
    await store.append(log, batch(content()));
    expect(heard.offsets).toEqual([1]);
    expect(errors.map(({ message }) => message)).toEqual(['from a watcher']);
  });

  it('tells watchers before the appender sees its result, in the order of the log', async () => {
    const store = await harness.open();
    const heard = new Heard();
    await store.watch(log, heard.listener);
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const { appended } = await store.append(log, batch(...contents(1 + (index % 3))));
        expect(heard.entries.at(-1)!.position.offset).toBeGreaterThanOrEqual(
          appended.at(-1)!.position.offset,
        );
      }),
    );
    expect(heard.offsets).toEqual(heard.offsets.map((_, index) => index + 1));
  });

  it('keeps workspaces and keys apart that UTF-8 would not', async () => {
    const store = await harness.open();
    const names = ['\uD800', '\uD801', '\uDC00', '\uFFFD'];
    for (const [index, workspace] of names.entries()) {
      for (const key of names) {
        const { duplicate } = await store.append(
          { workspace, stream: 'events' },
          keyed(key, content(`${index}`)),
        );
        expect(duplicate).toBe(false);
      }
    }
    await store.close();
    const again = await harness.open();
    for (const [index, workspace] of names.entries()) {
      const entries = await readAll(again, { workspace, stream: 'events' });
      expect(entries.map(({ data }) => ('title' in data ? data.title : ''))).toEqual(
        Array(4).fill(`${index}`),
      );
    }
  });
});
