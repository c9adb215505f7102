/** Deliveries to connections that take as much as the test lets them. */
import { parse } from 'graphql';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { projectScope } from '../../src/auth/access.ts';
import { encodeCursor } from '../../src/events/position.ts';
import { Hub } from '../../src/hub/hub.ts';
import { operationOf } from '../../src/hub/operation.ts';
import type { Route, RouteStart } from '../../src/hub/route.ts';
import type { EncodedResult, Sink } from '../../src/hub/sink.ts';
import type { Subscription } from '../../src/hub/subscription.ts';
import { schema } from '../../src/schema/schema.ts';
import { EmbeddedEventStore } from '../../src/store/embedded/embedded-store.ts';
import type { EventStore, LogName } from '../../src/store/store.ts';
import { batch, change } from '../store/sample.ts';
import { keepEverything } from '../store/support.ts';
import { altered } from '../support/altered-store.ts';
import { until } from '../support/until.ts';

const log: LogName = { workspace: 'default', stream: 'events' };

interface Result {
  readonly data: {
    readonly issueUpdated: { readonly issueId: string; readonly issue: { readonly title: string } };
  };
  readonly extensions?: unknown;
}

/** Has room for so many results, then none until it is given more. */
class Connection implements Sink {
  readonly results: Result[] = [];
  room: number;
  #onRoom: () => void = () => undefined;

  constructor(room: number) {
    this.room = room;
  }

  get isCongested(): boolean {
    return this.room <= 0;
  }

  get titles(): string[] {
    return this.results.map(({ data }) => data.issueUpdated.issue.title);
  }

  next({ payload }: EncodedResult): void {
    this.room--;
    this.results.push(JSON.parse(payload) as Result);
  }

  whenDrained(listener: () => void): void {
    this.#onRoom = listener;
  }

  drain(): void {
    this.room = Infinity;
    this.#onRoom();
  }
}

describe('subscriptions of congested connections', () => {
  let directory: string;
  let store: EmbeddedEventStore;
  let hub: Hub;
  /** Called before the store's answer. */
  let onEntities: () => Promise<void> | void;
  /** Behind which offsets the log was read. */
  let reads: number[];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidings-congested-'));
    store = await EmbeddedEventStore.open({ directory, retention: () => keepEverything });
    [onEntities, reads] = [() => undefined, []];
    const watched: EventStore = altered(store, {
      entities: async (...args) => {
        await onEntities();
        return store.entities(...args);
      },
      read: async (name, after, limit) => {
        if (after !== 'oldest') reads.push(after.offset);
        return store.read(name, after, limit);
      },
    });
    hub = new Hub({
      store: watched,
      schema,
      present: (result) => result,
      onError: (error) => expect.fail(String(error)),
      // Everything is read from the log, and there is room for one that waits.
      ringBytes: 1,
      backlogBytes: 1,
    });
  });
  afterEach(async () => {
    hub.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function subscribe(
    sink: Sink,
    start: Partial<RouteStart>,
    fields = 'issueId issue { title }',
  ): Subscription {
    const route: Route = {
      log,
      kinds: ['issue.updated'],
      topics: ['all'],
      wanted: null,
      matches: () => true,
      scope: projectScope('alpha'),
      snapshotOf: 'issue',
      start: { after: null, snapshot: false, delivery: 'EVERY', ...start },
    };
    const document = parse(`subscription { issueUpdated(projectId: "alpha") { ${fields} } }`);
    return hub.subscribe(operationOf({ schema, document }), route, sink, () => undefined);
  }
  const waits = async (subscription: Subscription): Promise<void> =>
    until(() => subscription.state().phase === 'congested');
  const isLive = async (subscription: Subscription): Promise<void> =>
    until(() => subscription.state().phase === 'live');

  it('with LATEST gather again what they had no room for, and get the newest of each entity once', async () => {
    const after = encodeCursor(await store.head(log));
    await store.append(log, batch(...['a', 'b', 'c'].map((id) => change(id, { title: id }))));
    const [first, second] = [new Connection(1), new Connection(1)];
    const lettingGo = subscribe(first, { after, delivery: 'LATEST' });
    await waits(lettingGo);
    const kept = subscribe(second, { after, delivery: 'LATEST' });
    await waits(kept);
    expect([lettingGo, kept].map((each) => each.state().position?.offset)).toEqual([1, 1]);
    await store.append(log, batch(change('b', { on: 1, title: 'newer b' })));
    for (const [connection, subscription, position] of [
      [first, lettingGo, 1],
      [second, kept, 3],
    ] as const) {
      reads = [];
      connection.drain();
      await isLive(subscription);
      expect(connection.titles).toEqual(['a', 'c', 'newer b']);
      expect(reads[0]).toBe(position);
    }
  });

  it('are not told of a snapshot that begins anew where they have got nothing of the one before', async () => {
    await store.append(log, batch(change('a'), change('b')));
    const [first, second] = [new Connection(1), new Connection(1)];
    onEntities = () => void (first.room = 0);
    const early = subscribe(first, { snapshot: true });
    await waits(early);
    onEntities = () => undefined;
    await waits(subscribe(second, { snapshot: true }));
    first.drain();
    await isLive(early);
    expect(first.results).toMatchObject(
      ['a', 'b'].map((issueId) => ({ data: { issueUpdated: { issueId } } })),
    );
    expect(first.results.filter(({ extensions }) => extensions !== undefined)).toEqual([]);
  });

  it('begin one after the other with snapshots for which there is no room at the same time', async () => {
    await store.append(log, batch(change('a')));
    let [reading, most] = [0, 0];
    onEntities = async () => {
      most = Math.max(most, ++reading);
      await new Promise(setImmediate);
      reading--;
    };
    const selections = [
      'issueId issue { title }',
      'issue { title } issueId',
      'issueId issue { title } cursor',
    ];
    const subscriptions = selections.map((fields) => {
      const connection = new Connection(Infinity);
      return { connection, subscription: subscribe(connection, { snapshot: true }, fields) };
    });
    for (const { connection, subscription } of subscriptions) {
      await isLive(subscription);
      expect(connection.results).toMatchObject([{ data: { issueUpdated: { issueId: 'a' } } }]);
    }
    expect(most).toBe(1);
  });

  it('read no snapshot for whoever has left before there was room for it', async () => {
    await store.append(log, batch(change('a')));
    let [asked, letThrough] = [0, (): void => undefined];
    onEntities = async () => {
      asked++;
      await new Promise<void>((resolve) => (letThrough = resolve));
    };
    const reading = subscribe(new Connection(Infinity), { snapshot: true });
    await until(() => asked === 1);
    const leaving = subscribe(new Connection(Infinity), { snapshot: true }, 'issueId');
    const last = subscribe(new Connection(Infinity), { snapshot: true }, 'issueId cursor');
    await until(() => [leaving, last].every((each) => each.state().phase === 'catchingUp'));
    leaving.stop();
    letThrough();
    await isLive(reading);
    await until(() => asked === 2);
    letThrough();
    await isLive(last);
    expect(asked).toBe(2);
  });
});
