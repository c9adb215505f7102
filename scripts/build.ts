/** src/ → dist/: compiles TypeScript and copies every other file (Lua scripts and the like) as it is; Vite makes the dashboard. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// A renamed source must not leave its old output behind.
rmSync(`${root}dist`, { recursive: true, force: true });

run('typescript/bin/tsc', '-p', 'tsconfig.build.json');
run('vite/bin/vite.js', 'build', 'src/dashboard');

cpSync(`${root}src`, `${root}dist`, {
  recursive: true,
  filter: (source) =>
    source !== `${root}src/dashboard` && (statSync(source).isDirectory() || !source.endsWith('.ts')),
});

// It is the program `tidings` too.
chmodSync(`${root}dist/main.js`, 0o755);

function run(program: string, ...args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [`node_modules/${program}`, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
