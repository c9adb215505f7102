import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import { Feed } from '../../src/hub/feed.ts';
import { PastPages } from '../../src/hub/past-pages.ts';
import { RingMemory } from '../../src/hub/ring.ts';
import { EmbeddedEventStore } from '../../src/store/embedded/embedded-store.ts';
import type { EventStore, LogName } from '../../src/store/store.ts';
import { batch, change, content, contents } from '../store/sample.ts';
import { keepEverything } from '../store/support.ts';
import { until } from '../support/until.ts';

const log: LogName = { workspace: 'default', stream: 'events' };

describe('a feed', () => {
  let directory: string;
  let store: EventStore;
  let feed: Feed;
  let passed: number[];
  let heads: number;
  /** What the store would have told the feed, where the test tells it instead. */
  let told: (readonly Entry[])[];
  /** The store that it gets another one's answers from. */
  let restored: EventStore | undefined;
  /** What happens between a read of the head, or of entries, and its answer. */
  let onRead: (method: 'head' | 'read') => Promise<void> | void;
  let resets: number;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidings-feed-'));
    store = await EmbeddedEventStore.open({ directory, retention: () => keepEverything });
    [passed, heads, told, resets] = [[], 0, [], 0];
    [restored, onRead] = [undefined, () => undefined];
  });
  afterEach(async () => {
    feed.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const open = async (isDeaf: boolean): Promise<void> => {
    const watched: EventStore = new Proxy<EventStore>(store, {
      get(target, name) {
        if (name === 'head') heads++;
        if (name === 'watch' && isDeaf) {
          const watch: EventStore['watch'] = async (each) =>
            target.watch(each, (entries) => void told.push(entries));
          return watch;
        }
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'head' && name !== 'read') return value.bind(target) as unknown;
        return async (...args: unknown[]): Promise<unknown> => {
          const from = restored ?? target;
          const answer: unknown = await Reflect.apply(Reflect.get(from, name), from, args);
          await onRead(name);
          return answer;
        };
      },
    });
    feed = await Feed.open({
      store: watched,
      log,
      checkMs: 60_000,
      retryMs: 10,
      rings: new RingMemory(1e6),
      pages: new PastPages(1e6),
      onEntry: ({ position }) => passed.push(position.offset),
      onReset: () => resets++,
      onError: () => undefined,
    });
    heads = 0;
  };

  it('recognises what follows as it is told, and does not look at the log', async () => {
    await open(false);
    const odd = change('42', { title: 'Grüße, 世界 🎉 \uD800 \u0000 \u2028 "quoted" \\ </script>' });
    const metadata: unknown = JSON.parse(
      '{ "b": -0.1, "10": null, "9": [1e21, 1e-7], "__proto__": { "a": [] } }',
    );
    const absent = { x: undefined, y: [undefined] };
    const data = { ...odd.facts.data, metadata, absent } as never;
    await store.append(log, batch({ ...odd, facts: { ...odd.facts, data } }, content()));
    await store.append(log, batch(...contents(20)));
    await until(() => passed.length === 22);
    expect(passed).toEqual(Array.from({ length: 22 }, (_, index) => index + 1));
    expect([heads, feed.logReads]).toEqual([0, 0]);
  });

  it('looks at the log once more, at whatever moment of a look it is told so', async () => {
    await open(true);
    for (let moment = 0; moment < 30; moment++) {
      const behind = passed.length;
      onRead = async () => {
        onRead = () => undefined;
        await store.append(log, batch(content()));
        let tellIn = moment;
        const tell = (): void => (tellIn-- > 0 ? queueMicrotask(tell) : feed.accept([]));
        queueMicrotask(tell);
      };
      await feed.look();
      await until(() => passed.length === behind + 1);
    }
    expect(resets).toBe(0);
  });

  it('gives nothing of a log that turns out to be another one while it is read', async () => {
    const { position: start } = (await store.append(log, batch(content('old')))).appended[0]!;
    await store.append(log, batch(...contents(3)));
    await open(true);
    const other = mkdtempSync(join(tmpdir(), 'tidings-feed-'));
    const another = await EmbeddedEventStore.open({ directory: other, retention: () => keepEverything });
    try {
      onRead = async () => {
        onRead = () => undefined;
        restored = another;
        await feed.look();
      };
      expect(await feed.after(start)).toEqual([]);
      expect(resets).toBe(1);
      // Nor has it kept anything of it.
      await expect((async () => feed.after(start))()).rejects.toThrow('position lost');
    } finally {
      await another.close();
      rmSync(other, { recursive: true, force: true });
    }
  });

  it('looks at the log where it is told that something may be missing', async () => {
    await open(true);
    await store.append(log, batch(...contents(3)));
    feed.accept([]);
    await until(() => passed.length === 3);
    expect(feed.logReads).toBe(1);
  });

  it('passes nothing on that is not of its history, and looks at the log instead', async () => {
    await open(true);
    await store.append(log, batch(content('one'), content('two')));
    await until(() => told.length === 1);
    const [one, two] = told[0] as [Entry, Entry];
    feed.accept([{ ...one, position: { ...one.position, chain: '0123456789ab' } }]);
    await until(() => passed.length === 2);
    expect(heads).toBe(2);
    // The same offsets again: as they were, and with another chain.
    feed.accept([one, two]);
    expect(heads).toBe(2);
    feed.accept([{ ...one, position: { ...one.position, chain: '0123456789ab' } }]);
    await until(() => heads === 3);
    expect([passed, resets]).toEqual([[1, 2], 0]);
  });
});
