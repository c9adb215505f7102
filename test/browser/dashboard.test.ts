import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AnnounceDocument, ReportWorkflowDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { at, pullRequestEvent, repository, sender } from '../ingest/github.ts';
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

const announce = async (server: TestServer, message: string): Promise<void> => {
  await server.run(AnnounceDocument, { input: { message } });
};

describe('the dashboard shows', () => {
  let server: TestServer;
  let dashboard: DashboardPage;
  beforeAll(async () => {
    server = await TestServer.start();
    dashboard = await DashboardPage.open(browser, server.url, { token: tokenFor() });
    await dashboard.isLive();
  });
  afterAll(async () => {
    await dashboard.close();
    await server[Symbol.asyncDispose]();
  });

  it('says what is missing where there is nothing yet', async () => {
    await dashboard.shows('Events', 'Nothing has happened so far.');
    await dashboard.shows('Pull requests', 'No pull request is open.');
    await dashboard.shows('Workflows', 'Nothing runs.');
    await dashboard.shows('Agents', 'No agent has reported yet.');
    await dashboard.shows('Alerts and risks', 'All is well');
    await dashboard.shows('AI suggestions', 'No suggestion yet.');
    await dashboard.shows('Present', 'Rooms belong to projects');
  });

  it('what happened before it was opened, and then what follows, once each', async () => {
    await using other = await TestServer.start();
    await announce(other, 'before');
    await announce(other, 'just before');
    const page = await DashboardPage.open(browser, other.url, { token: tokenFor() });
    await page.isLive();
    await announce(other, 'after');
    expect(await page.tells(3)).toEqual(['before', 'just before', 'after']);
    await page.close();
  });

  it('a pull request of a webhook, and its changes in its place', async () => {
    await server.deliver('pull_request', pullRequestEvent('opened'));
    await dashboard.shows('Events', '#7 Add search · open');
    const row = dashboard.panel('Pull requests').getByRole('listitem');
    expect(await row.innerText()).toMatch(/#7\s+Add search\s+open\s+mona/);
    await server.deliver('pull_request_review', {
      ...pullRequestEvent('submitted'),
      review: { id: 1, state: 'approved', user: { login: 'rob' }, submitted_at: at(5), commit_id: null },
    });
    await dashboard.shows('Pull requests', 'approved');
    await server.deliver(
      'pull_request',
      pullRequestEvent('closed', { state: 'closed', merged: true, merged_at: at(9), updated_at: at(9) }),
    );
    await dashboard.shows('Pull requests', 'merged');
    expect(await row.count()).toBe(1);
    expect(await row.getByRole('link').getAttribute('href')).toBe('https://github.com/acme/app/pull/7');
  });

  it('how far workflows are, what agents do, and what needs somebody', async () => {
    await server.run(UpsertProjectDocument, { input: { id: 'moon', name: 'To the moon' } });
    const workflow = { id: 'build', projectId: 'moon', name: 'Build', totalSteps: 4 };
    await server.run(ReportWorkflowDocument, { input: { ...workflow, step: 1, currentStep: 'Compile' } });
    const bar = dashboard.panel('Workflows').getByRole('progressbar', { name: 'Progress of Build' });
    await until(async () => (await bar.getAttribute('value')) === '25');
    await server.run(ReportWorkflowDocument, { input: { ...workflow, status: 'COMPLETED' } });
    await dashboard.shows('Workflows', 'completed');
    expect(await bar.getAttribute('value')).toBe('100');

    await server.run(`mutation {
      agent: reportAgentStatus(input: { id: "coder", projectId: "moon", status: BUSY, availability: 20 }) { cursor }
      low: raiseRisk(input: { projectId: "moon", severity: LOW, message: "It may rain" }) { cursor }
      high: triggerAlert(input: { projectId: "moon", rule: "heat", severity: CRITICAL, message: "It burns" }) { cursor }
      ai: publishAiSuggestion(input: {
        projectId: "moon", targetType: PROJECT, targetId: "moon", category: "plan", title: "Go higher"
        severity: HIGH, confidence: 0.9
      }) { cursor }
    }`);
    await dashboard.shows('Agents', '20 % free');
    await dashboard.shows('AI suggestions', 'Go higher');
    await dashboard.shows('Alerts and risks', 'It burns');
    // The most urgent one is first, although it came before.
    const rows = await dashboard.panel('Alerts and risks').getByRole('listitem').allInnerTexts();
    expect(rows.map((text) => text.split('\n')[0])).toEqual(['It burns', 'It may rain']);
  });

  it('only what the filters let through', async () => {
    await dashboard.choice('Kind').selectOption({ label: 'Workflows: all' });
    await until(async () => (await dashboard.told()).length === 2);
    expect(await dashboard.told()).toEqual(['Build · 25 %, Compile', 'Build · completed']);
    await dashboard.choice('Kind').selectOption({ label: 'All kinds' });

    await dashboard.choice('Project').selectOption({ label: 'To the moon' });
    await dashboard.shows('Pull requests', 'No pull request is open.');
    expect((await dashboard.told()).some((line) => line.includes('Add search'))).toBe(false);
    await dashboard.choice('Project').selectOption({ label: 'All projects' });
    await dashboard.shows('Pull requests', 'Add search');
  });

  it('nothing new while it is paused, and says how much waits', async () => {
    const before = await dashboard.told();
    await dashboard.page.getByRole('button', { name: 'Pause' }).click();
    await announce(server, 'while it was paused');
    await dashboard.page.getByRole('button', { name: 'Resume (1 new)' }).waitFor();
    expect(await dashboard.told()).toEqual(before);
    await dashboard.page.getByRole('button', { name: 'Resume (1 new)' }).click();
    await dashboard.shows('Events', 'while it was paused');
  });

  it('who is in a room, and the viewer too if it wants to', async () => {
    await dashboard.choice('Project').selectOption({ label: 'To the moon' });
    const enter =
      'mutation { setPresence(input: { room: "project:moon", activity: "counting down" }) { expiresAt } }';
    await server.run(enter, undefined, { token: tokenFor({ sub: 'pilot' }) });
    await dashboard.shows('Present', 'counting down');
    await dashboard.page.getByRole('button', { name: 'Enter' }).click();
    await dashboard.shows('Present', 'tester (you)');
    await dashboard.page.getByRole('button', { name: 'Leave' }).click();
    await dashboard.panel('Present').getByText('tester (you)').waitFor({ state: 'detached' });
    await dashboard.choice('Project').selectOption({ label: 'All projects' });
  });

  it('an admin what the server does', async () => {
    await dashboard.shows('This server', 'websocket');
    await dashboard.shows('This server', 'events');
    await dashboard
      .panel('This server')
      .getByRole('img', { name: /^Events per second, now/ })
      .waitFor();
  });

  it('no markup that somebody publishes, and no link but to the web', async () => {
    const trap = '<img src=x onerror="document.title = 1">';
    await announce(server, trap);
    await dashboard.shows('Events', trap);
    await server.deliver('pull_request', {
      ...pullRequestEvent('opened', { number: 8, title: 'Trap', html_url: 'javascript:document.title=2' }),
      repository: repository(),
      sender,
    });
    await dashboard.shows('Events', 'Trap');
    expect(await dashboard.panel('Pull requests').getByRole('link', { name: 'Trap' }).count()).toBe(0);
    expect(await dashboard.page.title()).toBe('Tidings');
  });

  it('asks nobody but the server for anything, and runs without an error', () => {
    const hosts = new Set(dashboard.requests.map((url) => new URL(url).host));
    expect(hosts).toEqual(new Set([new URL(server.url).host]));
    expect(dashboard.requests.filter((url) => url.startsWith('ws'))).toEqual([server.webSocketUrl]);
    expect(dashboard.problems).toEqual([]);
  });
});

describe('the dashboard goes on', () => {
  let directory: string;
  let server: TestServer;
  let proxy: TcpProxy;
  let dashboard: DashboardPage;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidings-test-'));
    server = await TestServer.start({ directory });
    proxy = await TcpProxy.start(server.url);
    dashboard = await DashboardPage.open(browser, proxy.url, { token: tokenFor() });
    await dashboard.isLive();
    await announce(server, 'one');
    await announce(server, 'two');
    await dashboard.tells(2);
  });
  afterEach(async () => {
    await dashboard.close();
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  const reconnecting = async (): Promise<void> =>
    dashboard.connection.filter({ hasText: 'Reconnecting' }).waitFor();

  it('after the server was started again, without loss or doubles', async () => {
    await server.gateway.stop();
    await reconnecting();
    proxy.refuse();
    server = await TestServer.start({ directory });
    await announce(server, 'while it was away');
    await until(() => proxy.refused > 0);
    proxy.accept(server.url);
    await dashboard.isLive(/^Live, resumed after \d+ s$/);
    await announce(server, 'after');
    expect(await dashboard.tells(4)).toEqual(['one', 'two', 'while it was away', 'after']);
    expect(dashboard.problems).toEqual([]);
  });

  it('when the network went without a word, as soon as the browser has it back', async () => {
    proxy.hold();
    await announce(server, 'into the silence');
    await dashboard.page.context().setOffline(true);
    await reconnecting();
    proxy.cut();
    proxy.release();
    await dashboard.page.context().setOffline(false);
    await dashboard.isLive(/^Live, resumed/);
    await announce(server, 'after');
    expect(await dashboard.tells(4)).toEqual(['one', 'two', 'into the silence', 'after']);
  });

  it('when the network went without a word, and the browser knows nothing of it', async () => {
    proxy.hold();
    await announce(server, 'into the silence');
    // Found out by a ping that nobody answers.
    await reconnecting();
    proxy.cut();
    proxy.release();
    await dashboard.isLive(/^Live, resumed/);
    await announce(server, 'after');
    expect(await dashboard.tells(4)).toEqual(['one', 'two', 'into the silence', 'after']);
  });

  it('from now, and says so, when the log is another one', async () => {
    await server[Symbol.asyncDispose]();
    await reconnecting();
    await rm(directory, { recursive: true });
    server = await TestServer.start({ directory });
    await server.run(UpsertProjectDocument, { input: { id: 'moon', name: 'To the moon' } });
    proxy.accept(server.url);
    await dashboard.shows('Events', /The log could not be continued/);
    await dashboard.isLive();
    await announce(server, 'after');
    const told = await dashboard.tells(4);
    expect(told.toSpliced(2, 1)).toEqual(['one', 'two', 'after']);
    const projects = await dashboard.choice('Project').innerText();
    expect(projects).toContain('To the moon');
  });
});
