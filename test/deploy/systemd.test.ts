import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { settings } from '../../src/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const unit = readFileSync(join(root, 'deploy/tidings.service'), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'tidings-systemd-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** systemd's own look at the unit, with the paths of this machine in the place of those of a server. */
function analyze(...given: readonly string[]): { readonly status: number | null; readonly says: string } {
  const file = join(directory, 'tidings.service');
  const here = unit
    .replaceAll('/opt/tidings', root.replace(/\/$/, ''))
    .replace('/usr/bin/node', process.execPath)
    .replaceAll(/^(User|Group)=.*$/gm, '');
  writeFileSync(file, here);
  const options = { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } } as const;
  let { status, stdout, stderr, error } = spawnSync('systemd-analyze', [...given, file], options);
  if (error !== undefined && process.getuid?.() === 0) {
    spawnSync('apt-get', ['update'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'systemd'], { stdio: 'ignore' });
    ({ status, stdout, stderr, error } = spawnSync('systemd-analyze', [...given, file], options));
  }
  if (error !== undefined)
    throw new Error('This test needs systemd-analyze: install systemd (Debian: apt-get install systemd).');
  return { status, says: stdout + stderr };
}

it('is a unit that systemd takes without a complaint', () => {
  expect(analyze('verify', '--man=no')).toEqual({ status: 0, says: '' });
});

it('shuts the server off from what it does not need', () => {
  const { status, says } = analyze('security', '--offline=true', '--threshold=20');
  expect([status, /Overall exposure level .*: ([\d.]+)/.exec(says)?.[1]]).toEqual([0, expect.any(String)]);
});

it('knows the variables and commands of the server, and gives it time to drain', () => {
  const [, variables = ''] = /^Environment=(.*)$/m.exec(unit) ?? [];
  const names = variables.split(' ').map((pair) => pair.split('=')[0]!);
  expect(names.filter((name) => !Object.hasOwn(settings, name))).toEqual(['NODE_ENV']);
  expect(unit).toContain('\nExecStart=/usr/bin/node dist/main.js serve\n');
  const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
  expect(Number(seconds)).toBeGreaterThan(Number(settings.DRAIN_SECONDS.default));
});
