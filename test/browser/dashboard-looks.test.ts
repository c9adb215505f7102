import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { launch } from './chromium.ts';
import { DashboardPage } from './dashboard-page.ts';

/** Where people find the screenshots. */
const screenshots = join(tmpdir(), 'tidings-screenshots');

let directory: string;
let demo: Demo;
let browser: Browser;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidings-demo-'));
  demo = await Demo.start({ directory, port: '0', logLevel: 'error', pace: async () => undefined });
  browser = await launch();
  await mkdir(screenshots, { recursive: true });
});
afterAll(async () => {
  await browser.close();
  await demo.gateway.stop();
  await rm(directory, { recursive: true });
});

const panels = [
  'Events',
  'Pull requests',
  'Workflows',
  'Alerts and risks',
  'AI suggestions',
  'Agents',
  'Present',
  'This server',
];

const views: [string, BrowserContextOptions][] = [
  ['light', { viewport: { width: 1_440, height: 900 }, colorScheme: 'light' }],
  ['dark', { viewport: { width: 1_440, height: 900 }, colorScheme: 'dark' }],
  ['tablet', { viewport: { width: 820, height: 1_100 }, colorScheme: 'dark' }],
  ['phone', { viewport: { width: 390, height: 844 }, colorScheme: 'light', isMobile: true, hasTouch: true }],
];

it('shows a round of the demo on screens of all sizes, in light and dark', async () => {
  const watching = await Promise.all(
    views.map(async ([name, options]) => {
      const dashboard = await DashboardPage.open(browser, demo.gateway.url, options);
      await dashboard.isLive();
      return { name, dashboard };
    }),
  );
  await demo.playRound();
  for (const { name, dashboard } of watching) {
    await dashboard.shows('Events', 'Demo project · paused');
    await dashboard
      .panel('This server')
      .getByRole('img', { name: /^Events per second, now/ })
      .waitFor();
    await dashboard.page.screenshot({ path: join(screenshots, `dashboard-${name}.png`), fullPage: true });
    for (const panel of panels) {
      expect(await dashboard.panel(panel).isVisible(), `${panel}: ${name}`).toBe(true);
    }
    // Nothing sticks out at the side.
    const overhang = await dashboard.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overhang, name).toBe(0);
    expect(dashboard.problems).toEqual([]);
    await dashboard.close();
  }
});

it('is used by keyboard alone, and everything in reach has a name', async () => {
  const dashboard = await DashboardPage.open(browser, demo.gateway.url);
  await dashboard.isLive();
  await dashboard.panel('This server').getByText('Log head').waitFor();
  const names: string[] = [];
  for (;;) {
    await dashboard.page.keyboard.press('Tab');
    const name = await dashboard.page.evaluate(() => {
      const { activeElement: element } = document;
      if (element === null || element === document.body) return null;
      const labelledBy = element.getAttribute('aria-labelledby');
      const label = labelledBy === null ? null : document.getElementById(labelledBy);
      const labels = (element as HTMLSelectElement).labels?.[0]?.firstElementChild;
      return element.ariaLabel ?? (label ?? labels ?? element).textContent?.trim() ?? '';
    });
    if (name === null) break;
    names.push(name);
  }
  expect(names[0]).toBe('Skip to the panels');
  expect(names).toEqual(
    expect.arrayContaining([...panels, 'Project', 'Kind', 'Pause', 'Enter room', 'GraphiQL']),
  );
  expect(names).not.toContain('');
  // Screen readers find the same.
  for (const panel of panels) {
    expect(await dashboard.page.getByRole('region', { name: panel, exact: true }).count(), panel).toBe(1);
    expect(await dashboard.page.getByRole('heading', { name: panel, exact: true }).count(), panel).toBe(1);
  }
  await dashboard.close();
});
