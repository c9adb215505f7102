import { availableParallelism, cpus, totalmem } from 'node:os';
import type { Row } from './scenario.ts';

/** What is written as JSON. README's tables are made of bench/results.json. */
export interface Report {
  readonly date: string;
  readonly machine: ReturnType<typeof machine>;
  /** What has to be known of figures that are not from one whole run. */
  readonly note?: string;
  readonly results: Readonly<Record<string, Results>>;
}

export interface Results {
  readonly about: string;
  readonly rows: readonly Row[];
}

/** What was measured on, without names. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1_024 ** 3),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

/** Columns as they are in the first row. */
export function table(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  const isNumber = columns.map((column) => typeof rows[0]?.[column] === 'number');
  return cells
    .map((row) =>
      row.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  '),
    )
    .join('\n');
}
