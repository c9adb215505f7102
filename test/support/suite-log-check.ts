/**
 * Vitest's global setup: when the tests are over, it looks through all that their servers have logged for what must not be there. What is done
 * with each single secret, and what becomes of it, is in test/ops/secrets.test.ts.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JWT_SECRET, WEBHOOK_SECRET } from './keys.ts';

/** What tests start servers with, and how tokens and keys look, whoever made them. */
const secrets: Readonly<Record<string, (line: string) => boolean>> = {
  JWT_SECRET: (line) => line.includes(JWT_SECRET),
  WEBHOOK_SECRET: (line) => line.includes(WEBHOOK_SECRET),
  'a token': (line) => /eyJ[\w-]{10,}\.eyJ[\w-]{10,}/.test(line),
  'a private key': (line) => line.includes('PRIVATE KEY'),
  'an Authorization header': (line) => /Bearer +[\w.~+/-]{8,}/i.test(line),
};

export async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'tidings-suite-log-'));
  const file = join(directory, 'log');
  await writeFile(file, '');
  process.env['SUITE_LOG'] = file;
  return async () => {
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    await rm(directory, { recursive: true });
    for (const [name, isIn] of Object.entries(secrets)) {
      const line = lines.find(isIn);
      if (line === undefined) continue;
      console.error(`A server has logged ${name}: ${line}`);
      // What goes wrong when it closes is nothing that Vitest fails for.
      process.exitCode = 1;
      return;
    }
    console.log(`Nothing secret is in the ${lines.length} lines that servers logged.`);
  };
}
