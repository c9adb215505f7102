import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StatsDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { launch } from './chromium.ts';

describe('GraphiQL in a browser', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  /** Everything that the page asked for, WebSockets among it. */
  const requests: string[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    // No key: development mode.
    [server, browser] = await Promise.all([TestServer.start({ environment: { JWT_SECRET: '' } }), launch()]);
    page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
    page.on('request', (request) => requests.push(request.url()));
    page.on('websocket', (socket) => requests.push(socket.url()));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(server.graphqlUrl);
    await page.locator('.graphiql-execute-button').waitFor();
  });
  afterAll(async () => {
    await browser.close();
    await server[Symbol.asyncDispose]();
  });

  /** Waits for a text in a part of the page. Its editors write spaces that do not break. */
  const shows = async (selector: string, text: string): Promise<void> => {
    const read = async (): Promise<string> =>
      (await page.locator(selector).allInnerTexts()).join('\n').replaceAll('\u00a0', ' ');
    await until(async () => (await read()).includes(text));
  };

  it('opens with a subscription, and with the token of development mode in its headers', async () => {
    await shows('.graphiql-query-editor', 'subscription Everything');
    await shows('.graphiql-editor-tool', '"Authorization": "Bearer ');
    await shows('.graphiql-editor-tool', server.gateway.developmentToken!);
  });

  it('shows in its result what a mutation publishes, over a WebSocket', async () => {
    const token = server.gateway.developmentToken!;
    const socket = page.waitForEvent('websocket');
    await page.locator('.graphiql-execute-button').click();
    expect((await socket).url()).toBe(server.webSocketUrl);
    await until(
      async () => (await server.run(StatsDocument, undefined, { token })).stats.subscriptions[0]?.count === 1,
    );
    await server.run(UpsertProjectDocument, { input: { id: 'moon', name: 'To the moon' } }, { token });
    await shows('.graphiql-response', '"type": "PROJECT_CREATED"');
    await shows('.graphiql-response', '"projectId": "moon"');
    // For people to look at.
    const directory = join(tmpdir(), 'tidings-screenshots');
    await mkdir(directory, { recursive: true });
    await page.screenshot({ path: join(directory, 'graphiql.png') });
  });

  it('knows the schema', async () => {
    await page.locator('button[aria-label="Show Documentation Explorer"]').click();
    await shows('.graphiql-doc-explorer', 'subscription: Subscription');
  });

  it('opens with the query in its URL, where it keeps what is written for a reload', async () => {
    await page.goto(`${server.graphqlUrl}?query=${encodeURIComponent('{ serverInfo { developmentMode } }')}`);
    await shows('.graphiql-query-editor', '{ serverInfo { developmentMode } }');
    await page.locator('.graphiql-execute-button').click();
    await shows('.graphiql-response', '"developmentMode": true');
  });

  it('asks nobody but the server for anything, and runs without an error', () => {
    const { host } = new URL(server.url);
    const hosts = requests.map((url) => new URL(url.replace(/^blob:/, '')).host);
    expect(new Set(hosts)).toEqual(new Set([host]));
    expect(requests).toContain(server.webSocketUrl);
    expect(problems).toEqual([]);
  });
});
