import jwt from 'jsonwebtoken';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeCursor } from '../../src/events/position.ts';
import { storeUnavailable } from '../../src/store/store.ts';
import {
  AnnounceDocument,
  ReportWorkflowDocument,
  StatsDocument,
  UpsertProjectDocument,
} from '../generated/operations.ts';
import {
  eventsOf,
  nextNamed,
  openStream,
  readEvents,
  type StreamEvent,
  type StreamRequest,
} from '../support/event-stream.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';

const announcements = 'subscription ($after: Cursor) { announcement(after: $after) { cursor message } }';
const viewer = '{ viewer { userId } }';
const foreign = encodeCursor({ epoch: 'aaaaaaaaaa', offset: 1, chain: 'abc' });

const resultOf = ({ data }: StreamEvent) =>
  JSON.parse(data ?? 'null') as {
    data?: Record<string, unknown>;
    errors?: { extensions: Record<string, unknown> }[];
  };
/** What the client's listeners are given. */
const isNamed = ({ event }: StreamEvent): boolean => event !== undefined;
const messageOf = (event: StreamEvent): unknown =>
  (resultOf(event).data!['announcement'] as { message: string }).message;

describe('over server-sent events', () => {
  let server: TestServer;
  const leaving: AbortController[] = [];

  beforeAll(async () => {
    server = await TestServer.start({
      limits: { pingMs: 50, highWaterMark: 64 * 1_024 },
      environment: { ALLOWED_ORIGINS: 'https://app.example.com' },
    });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
  });
  afterEach(() => {
    for (const abort of leaving.splice(0)) abort.abort();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const announce = async (message: string): Promise<string> =>
    (await server.run(AnnounceDocument, { input: { message } })).announce.cursor;
  const stats = async () => (await server.run(StatsDocument)).stats;
  const streams = async (): Promise<number> =>
    (await stats()).connections.find(({ name }) => name === 'sse')!.count;

  const open = async (
    asked: Partial<StreamRequest> & { query: string },
    url = server.graphqlUrl,
  ): Promise<Response> => {
    const abort = new AbortController();
    leaving.push(abort);
    return openStream(url, { token: tokenFor(), ...asked }, abort.signal);
  };
  const get = async (
    search: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> => {
    const abort = new AbortController();
    leaving.push(abort);
    return fetch(`${server.graphqlUrl}?${new URLSearchParams(search)}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${tokenFor()}`, ...headers },
      signal: abort.signal,
    });
  };
  /** All events of a stream that ends. */
  const all = async (response: Response): Promise<StreamEvent[]> => {
    const events: StreamEvent[] = [];
    for await (const event of eventsOf(response.body!)) events.push(event);
    return events;
  };

  describe('a subscription', () => {
    it('is a stream of events with their cursors as ids, on one line each and with plain line feeds', async () => {
      const after = await announce('start');
      const response = await open({ query: announcements, variables: { after } });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      expect(response.headers.get('cache-control')).toContain('no-cache');
      expect(response.headers.get('x-accel-buffering')).toBe('no');
      const cursor = await announce('two\nlines\r\n\u2028 and 🎉');
      const data = JSON.stringify({
        data: { announcement: { cursor, message: 'two\nlines\r\n\u2028 and 🎉' } },
      });
      const expected = `retry: 1000\n\nevent: next\nid: ${cursor}\ndata: ${data}\n\n`;
      // What comes with time, in between.
      const withoutBeats = (text: string): string => text.replaceAll(/^(:|id: .*\ndata:)\n\n/gm, '');
      let text = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        if (withoutBeats(text).length >= expected.length) break;
      }
      expect(withoutBeats(text)).toBe(expected);
    });

    it('may be asked for by POST and by GET', async () => {
      const after = await announce('start');
      const [byPost] = await readEvents(server.graphqlUrl, {
        query: announcements,
        variables: { after: await announce('before') },
        token: tokenFor(),
        count: 0,
      });
      expect(byPost).toBeUndefined();
      for (const response of [
        await open({ query: announcements, variables: { after } }),
        await get({ query: announcements, variables: JSON.stringify({ after }) }),
        await get({
          query: `query Other ${viewer} ${announcements.replace('(', 'Mine (')}`,
          operationName: 'Mine',
          variables: JSON.stringify({ after }),
        }),
      ]) {
        const events = eventsOf(response.body!);
        expect((await events.next()).value).toEqual({ retry: '1000' });
        expect(messageOf(await nextNamed(events))).toBe('before');
      }
    });

    it('is a stream also where the client names JSON beside it, and its queries are JSON then', async () => {
      const both = 'application/graphql-response+json, application/json, text/event-stream, multipart/mixed';
      const ask = async (query: string, accept = both): Promise<string | null> => {
        const headers = {
          authorization: `Bearer ${tokenFor()}`,
          'content-type': 'application/json',
          accept,
        };
        const abort = new AbortController();
        leaving.push(abort);
        const response = await fetch(server.graphqlUrl, {
          method: 'POST',
          headers,
          body: JSON.stringify({ query }),
          signal: abort.signal,
        });
        return response.headers.get('content-type');
      };
      expect(await ask('subscription { announcement { cursor } }')).toMatch(/^text\/event-stream/);
      expect(await ask(viewer)).toMatch(/json/);
      // Named, to say that it is not wanted.
      expect(await ask(viewer, 'application/json;q=0, text/event-stream')).toMatch(/^text\/event-stream/);
    });

    it('says at its start where that is, and is kept alive with comments', async () => {
      const { headCursor } = await stats();
      const response = await open({ query: announcements });
      let text = '';
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += new TextDecoder().decode(chunk);
        if (text.endsWith('\ndata:\n\n:\n\n:\n\n')) break;
      }
      // It may take a heartbeat or two to find out where it is.
      expect(text).toMatch(new RegExp(`^retry: 1000\n\n(:\n\n)*id: ${headCursor}\ndata:\n\n:\n\n:\n\n$`));
    });

    it('says where it is, although nothing happens that it asks for', async () => {
      const after = await announce('start');
      const response = await open({
        query: 'subscription ($after: Cursor) { riskAlert(after: $after) { cursor } }',
        variables: { after },
      });
      const cursor = await announce('something else');
      const events = eventsOf(response.body!);
      let place: StreamEvent | undefined;
      while (place?.id !== cursor) place = (await events.next()).value as StreamEvent;
      expect(place).toEqual({ id: cursor, data: '' });
    });

    it('ends with its request', async () => {
      await until(async () => (await streams()) === 0);
      await open({ query: announcements });
      await open({ query: announcements });
      expect(await streams()).toBe(2);
      for (const abort of leaving.splice(0)) abort.abort();
      await until(async () => (await streams()) === 0 && (await stats()).subscriptions.length === 0);
    });

    it('ends with its connection, which leaves nothing of what was to come behind it there', async () => {
      await until(async () => (await streams()) === 0);
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      const path = `/graphql?${new URLSearchParams({ query: announcements })}`;
      const headers = `Host: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${tokenFor()}`;
      socket.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n\r\n`.repeat(3));
      await once(socket, 'data');
      expect(await streams()).toBe(1);
      socket.destroy();
      await until(async () => (await streams()) === 0);
      expect((await stats()).subscriptions).toEqual([]);
    });
  });

  describe('a client that comes back', () => {
    it('goes on behind its Last-Event-ID, which is newer than the cursor in its request', async () => {
      const after = await announce('start');
      const seen = await announce('seen');
      await announce('missed');
      for (const response of [
        await open({ query: announcements, variables: { after }, lastEventId: seen }),
        await get({ query: announcements, variables: JSON.stringify({ after }) }, { 'last-event-id': seen }),
        await get({ query: announcements }, { 'last-event-id': seen }),
      ]) {
        const events = eventsOf(response.body!);
        expect(messageOf(await nextNamed(events))).toBe('missed');
      }
    });

    it('misses nothing and repeats nothing, wherever its connection ended', async () => {
      let lastEventId = await announce('start');
      const messages = Array.from({ length: 40 }, (_, index) => `event ${index}`);
      const publishing = (async () => {
        for (const message of messages) await announce(message);
      })();
      const seen: unknown[] = [];
      for (let count = 1; seen.length < messages.length; count = (count % 5) + 1) {
        const part = await readEvents(server.graphqlUrl, {
          query: announcements,
          token: tokenFor(),
          lastEventId,
          count: Math.min(count, messages.length - seen.length),
        });
        seen.push(...part.map(messageOf));
        lastEventId = part.at(-1)!.id!;
      }
      await publishing;
      expect(seen).toEqual(messages);
    });

    it('although its stream was over is told to stop', async () => {
      const response = await get({ query: announcements }, { 'last-event-id': 'finished' });
      expect(response.status).toBe(204);
      expect(await response.text()).toBe('');
    });
  });

  describe('an operation that ends at once', () => {
    it('is one result and complete: a query or mutation', async () => {
      const query = await all(await get({ query: viewer }));
      expect(query).toEqual([
        { retry: '1000' },
        { event: 'next', data: '{"data":{"viewer":{"userId":"tester"}}}' },
        { event: 'complete', id: 'finished', data: '' },
      ]);
      const mutation = await all(
        await open({ query: 'mutation { announce(input: { message: "over SSE" }) { duplicate } }' }),
      );
      expect(resultOf(mutation[1]!)).toEqual({ data: { announce: { duplicate: false } } });
      expect(mutation[2]?.event).toBe('complete');
    });

    it('is no mutation by GET', async () => {
      const { headCursor } = await stats();
      const response = await get({ query: 'mutation { announce(input: { message: "by GET" }) { cursor } }' });
      expect(response.status).toBe(405);
      expect((await stats()).headCursor).toBe(headCursor);
    });

    it.each<[string, Partial<StreamRequest> & { query: string }, string]>([
      ['a syntax error', { query: 'subscription {' }, 'GRAPHQL_PARSE_FAILED'],
      ['an unknown field', { query: 'subscription { nonsense }' }, 'GRAPHQL_VALIDATION_FAILED'],
      ['a wrong variable', { query: announcements, variables: { after: 1 } }, 'INVALID_INPUT'],
      ['a malformed cursor', { query: announcements, variables: { after: 'nonsense' } }, 'BAD_CURSOR'],
      ['a malformed Last-Event-ID', { query: announcements, lastEventId: 'nonsense' }, 'BAD_CURSOR'],
      ['a cursor of another log', { query: announcements, variables: { after: foreign } }, 'CURSOR_EXPIRED'],
      ['a Last-Event-ID of another log', { query: announcements, lastEventId: foreign }, 'CURSOR_EXPIRED'],
      ['no access', { query: announcements, token: tokenFor({ scope: 'publish' }) }, 'FORBIDDEN'],
      ['a nesting beyond all measure', { query: `{${'a{'.repeat(20_000)}` }, 'QUERY_TOO_COMPLEX'],
    ])('is one result with the error and complete, never an HTTP error: %s', async (_name, asked, code) => {
      const response = await open(asked);
      expect(response.status).toBe(200);
      const events = (await all(response)).filter(isNamed);
      expect(events.map(({ event }) => event)).toEqual(['next', 'complete']);
      const { errors, data } = resultOf(events[0]!);
      expect(data ?? null).toBeNull();
      expect(errors?.[0]?.extensions['code']).toBe(code);
      if (code === 'CURSOR_EXPIRED') {
        expect(errors?.[0]?.extensions).toEqual({
          code,
          reason: 'epoch',
          headCursor: (await stats()).headCursor,
        });
      }
      expect(events[1]?.id).toBe('finished');
    });
  });

  it('nobody gets anything without a token', async () => {
    for (const token of ['', 'nonsense', tokenFor({}, -10)]) {
      const response = await open({ query: announcements, token });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    }
  });

  it('a page of an allowed origin may read, one of another may not', async () => {
    const allowed = await get({ query: viewer }, { origin: 'https://app.example.com' });
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    const other = await get({ query: viewer }, { origin: 'https://evil.example' });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('the stream of a token that expires ends with UNAUTHENTICATED and complete', async () => {
    let skew = 0;
    await using own = await TestServer.start({ now: () => Date.now() + skew });
    const token = tokenFor({}, 60);
    const { exp } = jwt.decode(token) as { exp: number };
    skew = exp * 1_000 - 300 - Date.now();
    const events = (await all(await open({ query: announcements, token }, own.graphqlUrl))).filter(isNamed);
    expect(events.map(({ event }) => event)).toEqual(['next', 'complete']);
    expect(resultOf(events[0]!).errors?.[0]?.extensions).toEqual({ code: 'UNAUTHENTICATED' });
  });

  it('a stream that ends for a reason that passes has no complete, so that its client comes back', async () => {
    const own = await TestServer.start();
    const response = await open({ query: announcements }, own.graphqlUrl);
    const [events] = await Promise.all([all(response), own[Symbol.asyncDispose]()]);
    expect(events.filter(isNamed)).toEqual([]);
  });

  it('a stream that begins while the store is away goes on when that is back', async () => {
    let failures = 0;
    let isAway = true;
    await using away = await TestServer.start({
      limits: { retryMs: 5 },
      aroundStore: (store) =>
        new Proxy(store, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name);
            if (name === 'watch' && isAway) {
              return async () => {
                failures++;
                throw storeUnavailable();
              };
            }
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        }),
    });
    const tell = async (message: string): Promise<string> =>
      (await away.run(AnnounceDocument, { input: { message } })).announce.cursor;
    const after = await tell('before');
    const stream = readEvents(away.graphqlUrl, {
      query: announcements,
      variables: { after },
      token: away.token(),
      count: 1,
    });
    await until(() => failures > 2);
    await tell('meanwhile');
    isAway = false;
    expect((await stream).map(messageOf)).toEqual(['meanwhile']);
  });

  describe('a reader that is too slow', () => {
    const progress = 'subscription { workflowProgress(projectId: "p") { percent logs } }';

    /** A stream of which nothing is read until `resume`. */
    const openSlowly = async (url: string, query: string): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const sending = request(url, {
          method: 'POST',
          agent: false,
          headers: {
            accept: 'text/event-stream',
            'content-type': 'application/json',
            authorization: `Bearer ${tokenFor()}`,
          },
        });
        sending.on('response', (response) => {
          response.pause();
          resolve(response);
        });
        sending.on('error', reject);
        sending.end(JSON.stringify({ query }));
      });

    /** Reads on and on. */
    const collect = (body: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>): number[] => {
      const percents: number[] = [];
      const reading = (async () => {
        for await (const event of eventsOf(body as ReadableStream<Uint8Array>)) {
          if (event.event !== 'next') continue;
          percents.push((resultOf(event).data!['workflowProgress'] as { percent: number }).percent);
        }
      })();
      reading.catch(() => undefined);
      return percents;
    };

    const live = async (of: TestServer, count: number): Promise<void> =>
      until(async () => (await of.run(StatsDocument)).stats.subscriptions[0]?.count === count);

    it.each([
      ['few and large', 160_000],
      ['many and small', 32_000],
    ])(
      'is parked, costs others nothing, and gets everything in order when it reads again: events that are %s',
      async (_name, size) => {
        await until(async () => (await streams()) === 0);
        const slow = await openSlowly(server.graphqlUrl, progress);
        const seenQuickly = collect((await open({ query: progress })).body!);
        await live(server, 2);
        const logs = Array.from({ length: size / 8_000 }, () => 'x'.repeat(8_000));
        const report = async (index: number) =>
          server.run(ReportWorkflowDocument, {
            input: { id: 'w', projectId: 'p', percent: index / 10, logs },
          });
        let total = 0;
        // More than the kernel's buffers take, and then some.
        for (let beyond = 0; beyond < 3;) {
          await Promise.all(Array.from({ length: 10 }, async (_, more) => report(total + more)));
          total += 10;
          await until(() => seenQuickly.length === total);
          if ((await stats()).parked === 1) beyond++;
        }
        expect(new Set(seenQuickly).size).toBe(total);
        // Reading is all it takes.
        const seenSlowly = collect(slow);
        await until(() => seenSlowly.length === total);
        expect(seenSlowly).toEqual(seenQuickly);
        slow.destroy();
      },
      60_000,
    );

    it('is cut off when it takes nothing for a whole write deadline', async () => {
      await using own = await TestServer.start({
        limits: { highWaterMark: 64 * 1_024, writeDeadlineMs: 100 },
      });
      await own.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
      const slow = await openSlowly(own.graphqlUrl, progress);
      slow.on('error', () => undefined);
      await live(own, 1);
      const state = async () => (await own.run(StatsDocument)).stats;
      const logs = Array.from({ length: 20 }, () => 'x'.repeat(8_000));
      const report = async () =>
        own.run(ReportWorkflowDocument, { input: { id: 'w', projectId: 'p', percent: 1, logs } });
      while ((await state()).connections.some(({ count }) => count > 0)) await report();
      expect((await state()).subscriptions).toEqual([]);
    });
  });
});
