/**
 * Fails when a file of src/ imports against the direction of the design, or in a circle.
 *
 * A unit is a top-level file or folder of src/. A file may import its own unit and units of a lower rank; units of
 * equal rank don't know each other. Only the backend may name a concrete store. The dashboard is a page that knows the contract alone: it
 * neither imports units nor is imported. Type imports count as well, except of
 * config, whose types are free for everyone. Circles are looked for among the imports that exist at run time.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const layers = [
  ['errors', 'recent', 'turns', 'client'],
  ['json'],
  ['events'],
  ['store', 'auth'],
  ['presence', 'limits'],
  ['publishing', 'hub'],
  ['schema', 'ingest'],
  ['ops'],
  ['transport'],
  ['config'],
  ['backend'],
  ['gateway', 'welcome'],
  ['cli'],
  ['main'],
];
const alone = 'dashboard';
const concreteStore = /^store\/(embedded|redis)\b/;

const src = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
const unitOf = (file: string): string => file.replace(/\.tsx?$/, '').split('/')[0] ?? '';
const rankOf = (file: string): number => layers.findIndex((layer) => layer.includes(unitOf(file)));
const storeOf = (file: string): string | undefined => concreteStore.exec(file)?.[1];

const mistakes: string[] = [];
const runtimeImports = new Map<string, string[]>();

for (const file of files) {
  if (rankOf(file) < 0 && unitOf(file) !== alone)
    mistakes.push(`${file}: '${unitOf(file)}' has no rank in scripts/import-direction.ts`);
  const text = readFileSync(`${src}/${file}`, 'utf8');
  const runtime: string[] = [];
  const found = [
    ...text.matchAll(
      /(?:^|;)\s*(?:import|export)\s+(?<type>type\s)?(?:[^'";]*?\sfrom\s*)?['"](?<path>\.[^'"]+)['"]/gm,
    ),
    ...text.matchAll(/\b(?<type>)import\(\s*['"](?<path>\.[^'"]+)['"]/g),
  ];
  for (const { groups } of found) {
    const target = relative(src, resolve(src, dirname(file), groups?.['path'] ?? ''));
    const isType = Boolean(groups?.['type']);
    if (!/\.tsx?$/.test(target)) continue;
    if (!existsSync(`${src}/${target}`)) mistakes.push(`${file} → ${target}: no such file in src/`);
    if (!isType) runtime.push(target);

    const store = storeOf(target);
    const allowed =
      store !== undefined
        ? storeOf(file) === store || unitOf(file) === 'backend'
        : unitOf(file) === unitOf(target) ||
          (unitOf(file) !== alone &&
            unitOf(target) !== alone &&
            (rankOf(file) > rankOf(target) || (isType && unitOf(target) === 'config')));
    if (!allowed) mistakes.push(`${file} → ${target}: against the direction of imports`);
  }
  runtimeImports.set(file, runtime);
}

const done = new Set<string>();
function findCircles(file: string, path: string[]): void {
  if (path.includes(file)) {
    mistakes.push(`circle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
    return;
  }
  if (done.has(file)) return;
  for (const target of runtimeImports.get(file) ?? []) findCircles(target, [...path, file]);
  done.add(file);
}
for (const file of files) findCircles(file, []);

for (const mistake of mistakes) console.error(mistake);
console.log(`${files.length} files of src/: ${mistakes.length} imports to mend.`);
if (mistakes.length > 0) process.exitCode = 1;
