import { join } from 'node:path';
import type { BenchServer } from './bench-server.ts';
import type { TargetName } from './targets.ts';

/** How much of a scenario is run. */
export interface Extent {
  /** Numbers of clients to measure with, one after the other. */
  readonly clients: readonly number[];
  readonly rounds: number;
  /** Seconds that a timed part takes. */
  readonly seconds: number;
  readonly servers: readonly TargetName[];
  /** Directory for CPU profiles of what is measured, if they are wanted. */
  readonly profiles: string | undefined;
  readonly say: (text: string) => void;
}

/** A line of the table, and of the JSON: what was measured of whom, under the names of the columns. */
export type Row = Readonly<Record<string, string | number>>;

export interface Scenario {
  /** What its figures mean. */
  readonly about: string;
  readonly extent: (quick: boolean) => Pick<Extent, 'clients' | 'rounds' | 'seconds'>;
  readonly run: (extent: Extent) => Promise<readonly Row[]>;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new Error('nothing was measured');
  return (low + high) / 2;
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

/** Does the work, and writes a CPU profile of the server meanwhile, if a directory is given. */
export async function profiled<Result>(
  { name, probe }: BenchServer,
  directory: string | undefined,
  what: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (directory === undefined) return work();
  await probe.startProfile();
  const result = await work();
  await probe.stopProfile(join(directory, `${what} ${name}.cpuprofile`.replaceAll(' ', '-')));
  return result;
}
