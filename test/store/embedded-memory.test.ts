import { describe, expect, it } from 'vitest';
import { topic } from '../../src/events/topics.ts';
import { Memory } from '../../src/store/embedded/memory.ts';
import type { EntityPage, EntityRecord, EntityWrite } from '../../src/store/store.ts';
import { change } from './sample.ts';

const LOG = 1;
const SIZE = 100;
const query = { type: 'issue', topic: 'all', limit: 10 } as const;

const entryOf = (id: string, revision: number) => ({
  ...change(id).facts,
  position: { epoch: 'e', offset: revision, chain: `${revision}` },
  recordedAt: '2026-01-01T00:00:00.000Z',
  revision,
});
const recordOf = (revision: number): EntityRecord => ({ entry: entryOf('a', revision), deleted: false });
const pageOf = (revision: number): EntityPage => {
  const entry = entryOf('a', revision);
  return { entries: [entry], hasMore: false, at: entry.position };
};
const never = async (): Promise<never> => {
  throw new Error('it was read');
};

/** A memory with a store behind it that answers when it is told to. */
function setUp() {
  const memory = new Memory();
  const write = (revision: number, options: Partial<EntityWrite> = {}) =>
    memory.wrote(LOG, { ...change('a').write!, ...options }, entryOf('a', revision), SIZE);
  const ask = <Value>(value: Value, isKept = true) => {
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const read = async () => answered.then(() => ({ value, size: SIZE, isKept }));
    return { read, answer };
  };
  const entity = async (read: Parameters<Memory['entity']>[1]) => memory.entity([LOG, query.type, 'a'], read);
  const page = async (read: Parameters<Memory['page']>[3]) => memory.page(LOG, query, () => undefined, read);
  return { write, ask, entity, page };
}

describe('what the embedded store remembers', () => {
  it('is what was read, and then what was written', async () => {
    const { write, ask, entity, page } = setUp();
    const state = ask(recordOf(1));
    const list = ask(pageOf(1));
    const reading = Promise.all([entity(state.read), page(list.read)]);
    state.answer();
    list.answer();
    await reading;
    expect([await entity(never), await page(never)]).toEqual([recordOf(1), pageOf(1)]);
    write(2);
    expect(await entity(never)).toEqual(recordOf(2));
    await expect(page(never)).rejects.toThrow('it was read');
  });

  it.each([
    ['written', {}],
    ['deleted', { deleted: true, lifetime: 'log' }],
    ['purged with another', { id: 'x', purge: 'project:x' }],
  ] as const)('is not what was read before it was %s, when that comes late', async (_what, options) => {
    const { write, ask, entity, page } = setUp();
    const state = ask(recordOf(1));
    const list = ask(pageOf(1));
    const reading = Promise.all([entity(state.read), page(list.read)]);
    write(2, options);
    state.answer();
    list.answer();
    await reading;
    await expect(page(never)).rejects.toThrow('it was read');
    if ('lifetime' in options || 'purge' in options)
      await expect(entity(never)).rejects.toThrow('it was read');
    else expect(await entity(never)).toEqual(recordOf(2));
  });

  it('is nothing that goes with the log', async () => {
    const { write, ask, entity, page } = setUp();
    const state = ask(recordOf(1), false);
    const list = ask(pageOf(1), false);
    const reading = Promise.all([entity(state.read), page(list.read)]);
    state.answer();
    list.answer();
    await reading;
    await expect(page(never)).rejects.toThrow('it was read');
    await expect(entity(never)).rejects.toThrow('it was read');
    write(2);
    write(3, { lifetime: 'log' });
    await expect(entity(never)).rejects.toThrow('it was read');
  });

  it('is bounded, also of pages on which there is nothing', async () => {
    const memory = new Memory();
    const { position } = entryOf('a', 1);
    const nothing = { value: { entries: [], hasMore: false, at: position }, size: 0, isKept: true };
    const ask = async (count: number, read: () => Promise<typeof nothing>) =>
      memory.page(LOG, { ...query, topic: topic('repo', `${count}`) }, () => undefined, read);
    const last = 30_000;
    for (let count = 0; count <= last; count++) await ask(count, async () => nothing);
    expect(await ask(last, never)).toEqual(nothing.value);
    await expect(ask(0, never)).rejects.toThrow('it was read');
  });

  it('is no page of before one that was read, when that shows what is not acknowledged yet', async () => {
    const memory = new Memory();
    const ask = async (name: string, read: () => Promise<EntityPage>, acknowledged = 1) =>
      memory.page(
        LOG,
        { ...query, topic: topic('repo', name) },
        () => entryOf('a', acknowledged).position,
        async () => ({ value: await read(), size: SIZE, isKept: true }),
      );
    await ask('a', async () => pageOf(1));
    await ask('b', async () => pageOf(2));
    await expect(ask('a', never)).rejects.toThrow('it was read');
    expect(await ask('a', never, 2)).toEqual({ ...pageOf(1), at: entryOf('a', 2).position });
  });

  it('is read again after a read that failed', async () => {
    const { ask, entity } = setUp();
    await expect(entity(never)).rejects.toThrow('it was read');
    const state = ask(recordOf(1));
    state.answer();
    expect(await entity(state.read)).toEqual(recordOf(1));
    expect(await entity(never)).toEqual(recordOf(1));
  });
});
