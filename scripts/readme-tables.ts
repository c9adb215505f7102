/**
 * Writes the tables of README.md that say what src/errors.ts, src/config.ts and bench/results.json say: `npm run docs`. With --check it
 * only looks whether they are there as they should be.
 *
 * A table stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import type { Report } from '../bench/report.ts';
import { settings } from '../src/config.ts';
import { errorCatalogue } from '../src/errors.ts';

const path = 'README.md';

type Row = readonly string[];

function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [head, head.map(() => '---'), ...rows].map(line).join('\n');
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

/** What `npm run bench` measured last. */
function costs(): string {
  const {
    date,
    machine,
    note = '',
    results,
  } = JSON.parse(readFileSync('bench/results.json', 'utf8')) as Report;
  const sections = Object.entries(results).map(([name, { about, rows }]) => {
    const columns = Object.keys(rows[0] ?? {});
    const lines = rows.map((row) => columns.map((column) => String(row[column] ?? '')));
    return `**${name}.** ${about}\n\n${table(columns, lines)}`;
  });
  const { cores, cpu, memoryGiB, node } = machine;
  return [
    `${date}, ${cores} cores of ${cpu}, ${memoryGiB} GiB, Node ${node}. ${note}`.trimEnd(),
    ...sections,
  ].join('\n\n');
}

const tables: Readonly<Record<string, string>> = {
  errors: table(
    ['Code', 'Message', 'HTTP status', 'Close code', 'Retry'],
    Object.entries(errorCatalogue).map(([name, row]) => [
      code(name),
      row.message,
      String(row.httpStatus),
      'closeCode' in row ? String(row.closeCode) : '',
      row.retryable ? 'yes' : 'no',
    ]),
  ),
  configuration: table(
    ['Variable', 'Default', 'Meaning', 'Example'],
    Object.entries(settings).map(([name, setting]) => [
      code(name),
      code(setting.default),
      setting.description,
      code(setting.example),
    ]),
  ),
  costs: costs(),
};

const before = readFileSync(path, 'utf8');
let after = before;
for (const [name, text] of Object.entries(tables)) {
  const [start, end] = [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [after.indexOf(start), after.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no section between ${start} and ${end}.`);
  after = `${after.slice(0, from + start.length)}\n\n${text}\n\n${after.slice(to)}`;
}
after = await format(after, { ...(await resolveConfig(path)), filepath: path });

if (after === before) {
  console.log(`${path}: ${Object.keys(tables).length} generated tables are as they should be.`);
} else if (process.argv.includes('--check')) {
  console.error(
    `${path} does not say what src/errors.ts, src/config.ts and bench/results.json say: npm run docs`,
  );
  process.exitCode = 1;
} else {
  writeFileSync(path, after);
  console.log(`${path} is written.`);
}
