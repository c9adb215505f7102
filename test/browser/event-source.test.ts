import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AnnounceDocument } from '../generated/operations.ts';
import { scrape, valueOf } from '../ops/exposition.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { launch } from './chromium.ts';

const announcements = 'subscription ($after: Cursor) { announcement(after: $after) { cursor message } }';

/** What a page's EventSource has told so far. */
interface Heard {
  readonly messages: string[];
  readonly ids: string[];
  readonly cursors: string[];
  /** Where it was told to be without an event. */
  readonly places: string[];
  readonly completes: number;
  readonly opens: number;
  readonly readyState: number;
}

describe('a page in a browser', () => {
  let server: TestServer;
  let browser: Browser;
  let proxy: TcpProxy;
  let context: BrowserContext;

  beforeAll(async () => {
    [server, browser] = await Promise.all([TestServer.start(), launch()]);
  });
  beforeEach(async () => {
    proxy = await TcpProxy.start(server.url);
    // The server's plain answers let no script of theirs connect anywhere; here they stand in for a page of its own.
    context = await browser.newContext({ bypassCSP: true });
  });
  afterEach(async () => {
    await context.close();
    await proxy[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await browser.close();
    await server[Symbol.asyncDispose]();
  });

  const announce = async (message: string): Promise<string> =>
    (await server.run(AnnounceDocument, { input: { message } })).announce.cursor;

  const visit = async (url: string): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };
  const openSession = async (page: Page, token = tokenFor()): Promise<number> =>
    page.evaluate(
      async (bearer) =>
        (await fetch('/session', { method: 'POST', headers: { authorization: `Bearer ${bearer}` } })).status,
      token,
    );
  /** Opens an EventSource that is heard of with `heard`. */
  const listen = async (page: Page, query: string, variables: unknown = {}): Promise<void> => {
    const search = new URLSearchParams({ query, variables: JSON.stringify(variables) });
    await page.evaluate(`
      const source = new EventSource('/graphql?${search}');
      globalThis.heard = { messages: [], ids: [], cursors: [], places: [], completes: 0, opens: 0, get readyState() { return source.readyState; } };
      source.onopen = () => heard.opens++;
      source.addEventListener('next', ({ data, lastEventId }) => {
        const result = JSON.parse(data).data;
        heard.messages.push(result.announcement?.message ?? data);
        heard.cursors.push(result.announcement?.cursor);
        heard.ids.push(lastEventId);
      });
      source.addEventListener('message', ({ lastEventId }) => heard.places.push(lastEventId));
      source.addEventListener('complete', () => heard.completes++);
    `);
  };
  const heard = async (page: Page): Promise<Heard> =>
    page.evaluate('({ ...heard, readyState: heard.readyState })');
  const hears = async (page: Page, count: number): Promise<void> =>
    until(async () => (await heard(page)).messages.length >= count);

  describe('of the server', () => {
    it('gets nothing from its EventSource without a session', async () => {
      const page = await visit(`${proxy.url}/health`);
      await listen(page, announcements);
      await until(async () => (await heard(page)).readyState === 2);
      expect(await heard(page)).toMatchObject({ opens: 0, messages: [] });
    });

    it('gets events by a session, misses nothing and repeats nothing when its connection is cut', async () => {
      const page = await visit(`${proxy.url}/health`);
      expect(await openSession(page)).toBe(204);
      expect(await page.evaluate('document.cookie')).toBe('');
      const asked: (string | undefined)[] = [];
      page.on('request', (request) => {
        if (request.url().includes('/graphql'))
          void request.allHeaders().then((all) => asked.push(all['last-event-id']));
      });
      await listen(page, announcements, { after: await announce('start') });
      await announce('one');
      await announce('two');
      await hears(page, 2);
      const { ids } = await heard(page);
      proxy.refuse();
      await announce('while away 1');
      await announce('while away 2');
      await until(() => proxy.refused > 0);
      proxy.accept();
      await hears(page, 4);
      await announce('after');
      await hears(page, 5);
      const all = await heard(page);
      expect(all.messages).toEqual(['one', 'two', 'while away 1', 'while away 2', 'after']);
      expect(all.ids).toEqual(all.cursors);
      expect(all.opens).toBe(2);
      expect(asked.at(0)).toBeUndefined();
      expect(asked.at(-1)).toBe(ids.at(-1));
    });

    it('misses nothing, although its connection is cut before it has got anything', async () => {
      const page = await visit(`${proxy.url}/health`);
      await openSession(page);
      await listen(page, announcements);
      await until(async () => (await heard(page)).places.length > 0);
      proxy.refuse();
      await announce('while away');
      await until(() => proxy.refused > 0);
      proxy.accept();
      await hears(page, 1);
      expect((await heard(page)).messages).toEqual(['while away']);
    });

    it('does not ask again for a stream that is over', async () => {
      const page = await visit(`${proxy.url}/health`);
      await openSession(page);
      const statuses: number[] = [];
      page.on('response', (response) => {
        if (response.url().includes('/graphql')) statuses.push(response.status());
      });
      await listen(page, '{ viewer { userId } }');
      await until(async () => (await heard(page)).readyState === 2);
      expect(statuses).toEqual([200, 204]);
      expect(await heard(page)).toMatchObject({
        messages: ['{"data":{"viewer":{"userId":"tester"}}}'],
        completes: 1,
      });
    });

    it('loses its access with its session', async () => {
      const page = await visit(`${proxy.url}/health`);
      await openSession(page);
      const ask = async (): Promise<number> =>
        page.evaluate(
          `fetch('/graphql?query={viewer{userId}}', { headers: { accept: 'application/json' } }).then((each) => each.status)`,
        );
      expect(await ask()).toBe(200);
      await page.evaluate(`fetch('/session', { method: 'DELETE' }).then((each) => each.status)`);
      expect(await ask()).toBe(401);
    });
  });

  describe('of a foreign origin', () => {
    let foreign: Server;
    beforeAll(async () => {
      foreign = createServer((_request, response) => {
        response
          .writeHead(200, { 'content-type': 'text/html' })
          .end('<!doctype html><title>elsewhere</title>');
      });
      foreign.listen(0);
      await once(foreign, 'listening');
    });
    afterAll(() => {
      foreign.closeAllConnections();
      foreign.close();
    });

    // Another port is another origin, but the same site: its requests carry even SameSite=Strict cookies.
    it.each(['127.0.0.1', 'localhost'])(
      'gets nothing, although the browser has a session: from %s',
      async (host) => {
        const own = await visit(`${server.url}/health`);
        expect(await openSession(own)).toBe(204);
        expect(
          await own.evaluate(`fetch('/graphql?query={viewer{userId}}').then((each) => each.status)`),
        ).toBe(200);

        const executed = async (): Promise<number> =>
          valueOf(await scrape(server.url), 'tidings_operations_total');
        const refused = async (): Promise<number> =>
          valueOf(await scrape(server.url), 'tidings_refusals_total');
        const before = { executed: await executed(), refused: await refused() };
        const page = await visit(`http://${host}:${(foreign.address() as AddressInfo).port}/`);
        const tried = await page.evaluate(
          async ({ url, token }) => {
            const attempt = async (path: string, init: RequestInit): Promise<string> =>
              fetch(`${url}${path}`, init).then(
                async (response) => `${response.type} ${response.status} ${await response.text()}`,
                (error: unknown) => String(error),
              );
            const query = '/graphql?query={viewer{userId}}';
            const mutation = JSON.stringify({
              query: 'mutation { announce(input: { message: "forged" }) { cursor } }',
            });
            const source = new EventSource(`${url}${query}`, { withCredentials: true });
            const events = new Promise<string>((resolve) => {
              source.addEventListener('next', () => resolve('got something'));
              source.addEventListener('error', () => resolve('error'));
            });
            const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
            const opened = new Promise<string>((resolve) => {
              socket.addEventListener('open', () => resolve('open'));
              socket.addEventListener('close', ({ code }) => resolve(`closed ${code}`));
            });
            return {
              plain: await attempt(query, {}),
              withCookie: await attempt(query, { credentials: 'include' }),
              withToken: await attempt(query, { headers: { authorization: `Bearer ${token}` } }),
              json: await attempt('/graphql', {
                method: 'POST',
                headers: { 'content-type': 'application/json' },
                body: mutation,
                credentials: 'include',
              }),
              text: await attempt('/graphql', {
                method: 'POST',
                body: mutation,
                credentials: 'include',
                mode: 'no-cors',
              }),
              opaque: await attempt(query, { credentials: 'include', mode: 'no-cors' }),
              session: await attempt('/session', { method: 'POST', mode: 'no-cors' }),
              events: await events,
              socket: await opened,
            };
          },
          { url: server.url, token: tokenFor() },
        );
        const failed = 'TypeError: Failed to fetch';
        expect(tried).toEqual({
          plain: failed,
          withCookie: failed,
          withToken: failed,
          json: failed,
          // Their answers are not for other origins, not even unread.
          text: failed,
          opaque: failed,
          session: failed,
          events: 'error',
          socket: 'closed 1006',
        });
        // What the page may not see was not done either: what got as far as the server, it refused.
        expect(await executed()).toBe(before.executed);
        expect(await refused()).toBeGreaterThan(before.refused);
        const { events } = await server.run<{ events: { nodes: { message?: string }[] } }, unknown>(
          '{ events(first: 500) { nodes { ... on Announcement { message } } } }',
        );
        expect(events.nodes.map(({ message }) => message)).not.toContain('forged');
      },
    );
  });
});
