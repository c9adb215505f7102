import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** Where the browser is: TEST_CHROMIUM, else where Debian has it. */
const browserPath: string | undefined = [
  process.env['TEST_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
].find((path) => path !== undefined && existsSync(path));

/** A browser that reaches this machine and nothing else. */
export async function launch(): Promise<Browser> {
  if (browserPath === undefined) {
    throw new Error(
      'There is no Chromium: install it (apt-get install chromium), or name one in TEST_CHROMIUM.',
    );
  }
  return chromium.launch({
    executablePath: browserPath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-proxy-server',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
    ],
  });
}
