import { EventSource } from 'eventsource';
import { print } from 'graphql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AnnouncementsDocument, type AnnouncementsSubscription } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { announce, outlivesARestart, resumesByItself, type Follow } from './behaviour.ts';

/** EventSource has no place for headers but its fetch; browsers use the session's cookie. */
function open(graphqlUrl: string, query: string, variables: Record<string, unknown> = {}): EventSource {
  const search = new URLSearchParams({ query, variables: JSON.stringify(variables) });
  return new EventSource(`${graphqlUrl}?${search}`, {
    fetch: async (url, init) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${tokenFor()}` } }),
  });
}

describe('an EventSource', () => {
  let server: TestServer;
  const sources: EventSource[] = [];

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterEach(() => {
    for (const source of sources.splice(0)) source.close();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const follow: Follow = (proxy, { after, onAnnouncement }) => {
    const source = open(proxy.graphqlUrl, print(AnnouncementsDocument), { after });
    source.addEventListener('next', ({ data, lastEventId }) => {
      const { announcement } = (JSON.parse(String(data)) as { data: AnnouncementsSubscription }).data;
      onAnnouncement(announcement);
      expect(lastEventId).toBe(announcement.cursor);
    });
    return () => source.close();
  };
  // It waits for the second that the server asks it to.
  resumesByItself(follow, { cuts: 2 });
  outlivesARestart(follow);

  it('misses nothing, although its connection breaks before it has got anything', async () => {
    await using proxy = await TcpProxy.start(server.url);
    const source = open(proxy.graphqlUrl, 'subscription { announcement { message } }');
    sources.push(source);
    const seen: unknown[] = [];
    const places: string[] = [];
    source.addEventListener('next', ({ data }) => seen.push(JSON.parse(String(data))));
    source.addEventListener('message', ({ lastEventId }) => places.push(lastEventId));
    await until(() => places.length > 0);
    proxy.refuse();
    await announce(server, 'while away');
    await until(() => proxy.refused > 0);
    proxy.accept();
    await until(() => seen.length > 0);
    expect(seen).toEqual([{ data: { announcement: { message: 'while away' } } }]);
  });

  it('asks no more for a stream that is over', async () => {
    const source = open(server.graphqlUrl, '{ viewer { userId } }');
    sources.push(source);
    const seen: string[] = [];
    source.addEventListener('next', ({ data }) => seen.push(String(data)));
    source.addEventListener('complete', () => seen.push('complete'));
    const codes: unknown[] = [];
    source.addEventListener('error', (event) => codes.push(event.code));
    await until(() => source.readyState === EventSource.CLOSED);
    expect(seen).toEqual(['{"data":{"viewer":{"userId":"tester"}}}', 'complete']);
    expect(codes.at(-1)).toBe(204);
  });

  it('is told what is wrong with its operation, and then asks no more', async () => {
    await announce(server, 'something to miss');
    const source = open(server.graphqlUrl, print(AnnouncementsDocument), { after: 'nonsense' });
    sources.push(source);
    const seen: unknown[] = [];
    source.addEventListener('next', ({ data }) => seen.push(JSON.parse(String(data))));
    source.addEventListener('complete', () => seen.push('complete'));
    await until(() => source.readyState === EventSource.CLOSED);
    expect(seen).toMatchObject([{ errors: [{ extensions: { code: 'BAD_CURSOR' } }] }, 'complete']);
  });
});
