/** What becomes of subscriptions when an event of the log can't be shown as they ask for it. Nothing here writes such ones; a store makes them up. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import type { Page } from '../../src/store/store.ts';
import { AnnounceDocument, StatsDocument } from '../generated/operations.ts';
import { altered } from '../support/altered-store.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { drivers, type Operation, type Result } from './drivers.ts';

/** What is another than it was written in an event with one of these messages. */
const oddities: Readonly<Record<string, object>> = {
  'a resolver throws': { changed: null },
  'a value has another type than its field': { data: { message: 'odd', severity: 'swordfish' } },
  'a filter throws': { data: null },
  'only a newer server knows its kind': { kind: 'release.published' },
};
const oddly = (entry: Entry): Entry => ({
  ...entry,
  ...oddities[(entry.data as { message: string }).message],
});
const withOddities = (page: Page): Page => ({ ...page, entries: page.entries.map(oddly) });

/** What fails where it is asked for. */
const selected: Readonly<Record<string, string>> = {
  'a resolver throws': 'changedFields',
  'a value has another type than its field': 'severity',
};

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({
    aroundStore: (store) =>
      altered(store, {
        watch: async (log, onAppended) => store.watch(log, (entries) => onAppended(entries.map(oddly))),
        read: async (...args) => withOddities(await store.read(...args)),
        readBefore: async (...args) => withOddities(await store.readBefore(...args)),
      }),
  });
});
afterAll(async () => server[Symbol.asyncDispose]());

const announce = async (message: string): Promise<string> =>
  (await server.run(AnnounceDocument, { input: { message } })).announce.cursor;
const areLive = async (count: number): Promise<void> =>
  until(async () => (await server.run(StatsDocument)).stats.live === count);
const codesOf = ({ errors = [] }: Result): unknown[] => errors.map(({ extensions }) => extensions['code']);
const dataOf = async (operation: Operation): Promise<unknown> => (await operation.next()).data;

describe.each(drivers)('a subscription over $name', (driver) => {
  describe.each(Object.entries(selected))('where %s', (oddity, field) => {
    const asks = `subscription ($after: Cursor) { announcement(after: $after) { message ${field} } }`;

    it('gets INTERNAL_SERVER_ERROR for that event, and goes on; others get the event', async () => {
      using peer = await driver.connect(server.graphqlUrl, tokenFor());
      const after = await announce('before');
      const concerned = peer.start(asks);
      const other = peer.start('subscription { announcement { reason } }');
      await areLive(2);
      await announce(oddity);
      await announce('next');
      // Whoever catches up is told the same.
      for (const operation of [concerned, peer.start(asks, { after })]) {
        const told = await operation.next();
        expect(told.data).toBeNull();
        expect(codesOf(told)).toEqual(['INTERNAL_SERVER_ERROR']);
        expect(JSON.stringify(told)).toContain(`"path":["announcement","${field}"]`);
        expect(JSON.stringify(told)).not.toMatch(/swordfish|reading 'map'/);
        expect(await dataOf(operation)).toMatchObject({ announcement: { message: 'next' } });
      }
      for (let count = 0; count < 2; count++)
        expect(await dataOf(other)).toEqual({ announcement: { reason: 'REPORTED' } });
    });
  });

  it('ends with INTERNAL_SERVER_ERROR where nobody can tell whether it wants an event; others go on', async () => {
    using peer = await driver.connect(server.graphqlUrl, tokenFor());
    const concerned = peer.start('subscription { announcement(minSeverity: INFO) { message } }');
    const other = peer.start('subscription { events { type } }');
    await areLive(2);
    await announce('a filter throws');
    const how = await concerned.ended;
    // Over HTTP it may come back for what follows; the drivers don't tell why they were sent away.
    if (how === 'over') expect(concerned.rest.flatMap(codesOf)).toEqual(['INTERNAL_SERVER_ERROR']);
    else expect(concerned.rest).toEqual([]);
    await announce('next');
    for (let count = 0; count < 2; count++)
      expect(await dataOf(other)).toEqual({ events: { type: 'ANNOUNCEMENT' } });
    const again = peer.start('subscription { announcement(minSeverity: INFO) { message } }');
    await areLive(2);
    await announce('live again');
    expect(await dataOf(again)).toEqual({ announcement: { message: 'live again' } });
  });

  it('passes over events that only a newer server knows, live and where it catches up', async () => {
    using peer = await driver.connect(server.graphqlUrl, tokenFor());
    const asks = 'subscription ($after: Cursor) { events(after: $after) { type } }';
    const after = await announce('before');
    const live = peer.start(asks);
    await areLive(1);
    await announce('only a newer server knows its kind');
    await announce('next');
    for (const operation of [live, peer.start(asks, { after })]) {
      expect(await operation.next()).toEqual({ data: { events: { type: 'ANNOUNCEMENT' } } });
      await areLive(2);
      expect(operation.rest).toEqual([]);
    }
  });
});

it('history passes over events that only a newer server knows', async () => {
  const after = await announce('before');
  for (const message of ['only a newer server knows its kind', 'next']) await announce(message);
  const asks = (page: string): string => `query ($cursor: Cursor!) { events(${page}) { nodes { type } } }`;
  const answer = { events: { nodes: [{ type: 'ANNOUNCEMENT' }] } };
  expect(await server.run(asks('after: $cursor'), { cursor: after })).toEqual(answer);
  const before = await announce('behind');
  expect(await server.run(asks('last: 1, before: $cursor'), { cursor: before })).toEqual(answer);
});
