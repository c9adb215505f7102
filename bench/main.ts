/**
 * What Tidings costs, beside the least that a server can do and the textbook's way: `npm run bench`.
 *
 *   npm run bench -- [SCENARIO …] [--quick] [--clients 1000,10000] [--rounds 3] [--seconds 3]
 *                    [--servers tidings,raw] [--json FILE] [--profile DIRECTORY]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { machine, table, type Report, type Results } from './report.ts';
import type { Extent, Scenario } from './scenario.ts';
import { fanout } from './scenarios/fanout.ts';
import { filters } from './scenarios/filters.ts';
import { flood } from './scenarios/flood.ts';
import { herd } from './scenarios/herd.ts';
import { idle } from './scenarios/idle.ts';
import { publish } from './scenarios/publish.ts';
import { slow } from './scenarios/slow.ts';
import { targets, type TargetName } from './targets.ts';

const scenarios: Readonly<Record<string, Scenario>> = { fanout, filters, idle, slow, publish, herd, flood };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    clients: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    servers: { type: 'string' },
    json: { type: 'string' },
    profile: { type: 'string' },
  },
});

const names = positionals.length > 0 ? positionals : Object.keys(scenarios);
const unknown = names.filter((name) => !Object.hasOwn(scenarios, name));
if (unknown.length > 0) {
  console.error(
    `There is no scenario ${unknown.join(', ')}. There are: ${Object.keys(scenarios).join(', ')}.`,
  );
  process.exit(2);
}
const known = Object.keys(targets) as TargetName[];
const wanted = options.servers?.split(',');
const servers = known.filter((name) => wanted?.some((each) => name.startsWith(each)) ?? true);
if (options.profile !== undefined) mkdirSync(options.profile, { recursive: true });

/** What a process has open beside the sockets. */
const SPARE_FILES = 1_000;
const { userLimits } = process.report.getReport() as unknown as {
  readonly userLimits?: { readonly open_files?: { readonly soft?: number | 'unlimited' } };
};
const limit = userLimits?.open_files?.soft;
const openFiles = typeof limit === 'number' ? limit : Infinity;

const say = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
};

const results: Record<string, Results> = {};
for (const name of names) {
  const scenario = scenarios[name]!;
  const usual = scenario.extent(options.quick);
  const extent: Extent = {
    clients: options.clients?.split(',').map(Number) ?? usual.clients,
    rounds: Number(options.rounds ?? usual.rounds),
    seconds: Number(options.seconds ?? usual.seconds),
    servers,
    profiles: options.profile,
    say,
  };
  const most = Math.max(0, ...extent.clients);
  if (most + SPARE_FILES > openFiles) {
    console.error(
      `${name} with ${most} clients needs ${most + SPARE_FILES} open files in a process, and ${openFiles} are allowed: ` +
        `raise that (ulimit -n ${2 * most}), or run with fewer clients (--clients 1000).`,
    );
    process.exit(1);
  }
  const rows = await scenario.run(extent).catch((error: unknown) => {
    say('');
    console.error(`\n${name} failed. ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
  if (rows === undefined) continue;
  results[name] = { about: scenario.about, rows };
  say('');
  console.log(`\n${name}\n${scenario.about}\n\n${table(rows)}`);
}
const report: Report = { date: new Date().toISOString().slice(0, 10), machine: machine(), results };
// A part of it, or a hurried one, doesn't take the place of the figures that README shows.
const isWhole = process.argv.length === 2 && process.exitCode !== 1;
const file = options.json ?? (isWhole ? 'bench/results.json' : undefined);
if (file !== undefined) writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
