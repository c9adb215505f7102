import { request } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnnounceDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { launch } from './chromium.ts';
import { DashboardPage } from './dashboard-page.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => browser.close());

describe('the dashboard of a server with keys', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const heading = async (dashboard: DashboardPage, name: string): Promise<void> =>
    dashboard.page.getByRole('alert').getByRole('heading', { name }).waitFor();

  it('asks for a token, refuses a wrong one, and opens with a good one', async () => {
    const dashboard = await DashboardPage.open(browser, server.url);
    await heading(dashboard, 'Sign in');
    expect(await dashboard.page.getByRole('region', { name: 'Events' }).count()).toBe(0);
    await dashboard.signIn('no token at all');
    await heading(dashboard, 'The server does not accept this token');
    // As it is copied from a header.
    await dashboard.signIn(`Bearer ${tokenFor({ scope: 'read' })}`);
    await dashboard.isLive();
    expect(await dashboard.panel('This server').count()).toBe(0);

    await dashboard.page.reload();
    await dashboard.isLive();
    await dashboard.page.getByRole('button', { name: 'Sign out' }).click();
    await heading(dashboard, 'Sign in');
    await dashboard.close();
  });

  it('says that a token has expired, and goes on from there with a new one', async () => {
    await using proxy = await TcpProxy.start(server.url);
    const dashboard = await DashboardPage.open(browser, proxy.url);
    await dashboard.signIn(tokenFor());
    await dashboard.isLive();
    await server.run(AnnounceDocument, { input: { message: 'before' } });
    await dashboard.shows('Events', 'before');
    await dashboard.page.evaluate(
      (token) => sessionStorage.setItem('tidings-token', token),
      tokenFor({}, -1),
    );
    proxy.cut();
    await heading(dashboard, 'Your token has expired');
    // What was shown stays, and a person can type at once.
    expect(await dashboard.told()).toEqual(['before']);
    const input = dashboard.page.getByLabel('Access token');
    expect(await input.evaluate((element) => element.matches(':focus'))).toBe(true);
    await server.run(AnnounceDocument, { input: { message: 'meanwhile' } });
    await dashboard.signIn(tokenFor());
    await dashboard.shows('Events', 'meanwhile');
    await server.run(AnnounceDocument, { input: { message: 'after' } });
    expect(await dashboard.tells(3)).toEqual(['before', 'meanwhile', 'after']);
    await dashboard.close();
  });

  it('says so too when the token expires while somebody looks', async () => {
    const dashboard = await DashboardPage.open(browser, server.url, { token: tokenFor({}, 2) });
    await heading(dashboard, 'Your token has expired');
    await dashboard.close();
  });

  it('shows nothing of one user to the next', async () => {
    const dashboard = await DashboardPage.open(browser, server.url);
    await dashboard.signIn(tokenFor());
    await dashboard.isLive();
    await server.run(AnnounceDocument, { input: { message: 'for the first one' } });
    await dashboard.shows('Events', 'for the first one');
    await dashboard.page.getByRole('button', { name: 'Sign out' }).click();
    await heading(dashboard, 'Sign in');
    expect(await dashboard.panel('Events').count()).toBe(0);
    await dashboard.signIn(tokenFor({ sub: 'somebody else', workspace: 'elsewhere' }));
    await dashboard.shows('Events', 'Nothing has happened so far.');
    await dashboard.close();
  });

  it('shows nothing any more to whose token was revoked', async () => {
    const dashboard = await DashboardPage.open(browser, server.url, { token: tokenFor({ sub: 'mallory' }) });
    await dashboard.isLive();
    await server.run(AnnounceDocument, { input: { message: 'not for everybody' } });
    await dashboard.shows('Events', 'not for everybody');
    await server.run('mutation { revoke(input: { userId: "mallory" }) { __typename } }');
    await heading(dashboard, 'The server does not accept this token');
    expect(await dashboard.panel('Events').count()).toBe(0);
    await dashboard.close();
  });

  it('says when a token is for something else', async () => {
    const dashboard = await DashboardPage.open(browser, server.url, {
      token: tokenFor({ scope: 'publish' }),
    });
    await heading(dashboard, 'The server does not accept this token');
    await dashboard.close();
  });
});

it('shows the projects that anybody may read without a token, and no others', async () => {
  await using server = await TestServer.start({ environment: { ANONYMOUS_PROJECTS: 'open' } });
  const dashboard = await DashboardPage.open(browser, server.url);
  await dashboard.isLive();
  await dashboard.page.getByText('Anonymous').waitFor();
  await server.run(UpsertProjectDocument, { input: { id: 'secret', name: 'Secret' } });
  await server.run(UpsertProjectDocument, { input: { id: 'open', name: 'Open' } });
  expect(await dashboard.tells(1)).toEqual(['Open · active']);
  // There is nothing to be seen as: the room can only be looked at.
  await dashboard.shows('Present', 'Nobody is here.');
  expect(await dashboard.page.getByRole('button', { name: 'Enter' }).count()).toBe(0);

  await dashboard.page.getByRole('button', { name: 'Sign in' }).click();
  await dashboard.signIn(tokenFor());
  await until(async () => (await dashboard.choice('Project').innerText()).includes('Secret'));
  await dashboard.close();
});

describe('the dashboard of a server in development mode', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start({ environment: { JWT_SECRET: '' } });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  it('opens without typing anything', async () => {
    const dashboard = await DashboardPage.open(browser, server.url);
    await dashboard.isLive();
    await dashboard.page.getByText('developer', { exact: true }).waitFor();
    await dashboard.shows('This server', 'Log head');
    await dashboard.close();
  });

  it('gives its token to names of this machine only', async () => {
    const pageFor = async (host: string): Promise<string> =>
      new Promise((resolve, reject) => {
        request(server.url, { headers: { host } }, (response) => {
          let text = '';
          response.on('data', (chunk) => (text += String(chunk)));
          response.on('end', () => resolve(text));
        })
          .on('error', reject)
          .end();
      });
    const { developmentToken } = server.gateway;
    expect(await pageFor('localhost:4000')).toContain(developmentToken);
    expect(await pageFor('127.0.0.1')).toContain(developmentToken);
    const foreign = await pageFor('rebound.example');
    expect(foreign).toContain('<title>Tidings</title>');
    expect(foreign).not.toContain(developmentToken);
  });
});
