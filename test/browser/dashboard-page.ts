import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { until } from '../support/until.ts';

/** The dashboard as a person finds it: by the names of its parts. */
export class DashboardPage {
  readonly page: Page;
  /** Everything that it asked for, WebSockets among it. */
  readonly requests: string[] = [];
  /** What went wrong in it, what its Content-Security-Policy kept out among it. */
  readonly problems: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('websocket', (socket) => this.requests.push(socket.url()));
    page.on('pageerror', (error) => this.problems.push(error.message));
    page.on('console', (message) => {
      // A connection that can't be made is told by the browser itself.
      if (message.type() === 'error' && !message.text().includes('WebSocket connection'))
        this.problems.push(message.text());
    });
  }

  /** In a context of its own, with a token as if it had been pasted, where one is given. */
  static async open(
    browser: Browser,
    url: string,
    { token, ...options }: BrowserContextOptions & { readonly token?: string } = {},
  ): Promise<DashboardPage> {
    const context = await browser.newContext(options);
    if (token !== undefined) {
      await context.addInitScript((each) => sessionStorage.setItem('tidings-token', each), token);
    }
    const dashboard = new DashboardPage(await context.newPage());
    await dashboard.page.goto(url);
    return dashboard;
  }

  panel(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true });
  }

  choice(name: string): Locator {
    return this.page.getByRole('combobox', { name, exact: true });
  }

  get connection(): Locator {
    return this.page.getByRole('status', { name: 'Connection' });
  }

  /** The badge says that it is connected, and the panels have their state. */
  async isLive(text = /^Live/): Promise<void> {
    await this.connection.filter({ hasText: text }).waitFor();
    await this.page.getByText('Loading').first().waitFor({ state: 'detached' });
  }

  async shows(panel: string, text: string | RegExp): Promise<void> {
    await this.panel(panel).getByText(text).first().waitFor();
  }

  /** What the feed tells, oldest first. */
  async told(): Promise<string[]> {
    return (await this.panel('Events').locator('.what, .notice').allInnerTexts()).toReversed();
  }

  async tells(count: number): Promise<string[]> {
    await until(async () => (await this.told()).length >= count);
    return this.told();
  }

  async signIn(token: string): Promise<void> {
    await this.page.getByLabel('Access token').fill(token);
    await this.page.getByRole('button', { name: 'Sign in' }).last().click();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
