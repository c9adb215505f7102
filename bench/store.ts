/**
 * What the embedded store does on this machine: `npm run bench:store`, or
 * `BENCH_SECONDS=1 BENCH_DIR=/mnt/disk npm run bench:store`.
 *
 * Rows count events; times are of appends or reads. Each event changes one of 5 000 pull requests, is filed under five
 * topics and carries an idempotency key, as events of services do. An append resolves when it is durable, so that the
 * figures depend on the disk: a raw loop of write + fsync is measured beside them, and `× fsync` says how many of those a
 * median append takes. CPU is the steadiest figure where others use the machine too.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pullRequestId, type StateOf } from '../src/events/catalogue.ts';
import type { EventFacts } from '../src/events/event.ts';
import type { Position } from '../src/events/position.ts';
import { EmbeddedEventStore } from '../src/store/embedded/embedded-store.ts';
import type { LogName, NewEvent, Page } from '../src/store/store.ts';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4);
const DIRECTORY = process.env['BENCH_DIR'] ?? tmpdir();
const PULL_REQUESTS = 5_000;
const PAGE = 500;
const LOG: LogName = { workspace: 'bench', stream: 'events' };
const RETENTION = { events: 100_000, hours: 72, bytes: 256 * 1_024 * 1_024 };
/** So that the reader is never overtaken by trimming. */
const RETENTION_READ = { events: 1e9, hours: 72, bytes: 1e12 };

interface Workload {
  readonly name: string;
  readonly publishers: number;
  readonly batch: number;
  /** Beside it, one reader reads the log over and over, and its reads are a row of their own. */
  readonly read?: boolean;
}

const workloads: readonly Workload[] = [
  { name: '1 publisher, single events', publishers: 1, batch: 1 },
  { name: '64 publishers, single events', publishers: 64, batch: 1 },
  { name: '1024 publishers, single events', publishers: 1_024, batch: 1 },
  { name: '1 publisher, batches of 100', publishers: 1, batch: 100 },
  { name: '64 publishers, batches of 100', publishers: 64, batch: 100 },
  { name: '64 publishers and a reader', publishers: 64, batch: 1, read: true },
];

interface Figures {
  readonly name: string;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly median: number;
  readonly p99: number;
  /** Microseconds of CPU an event, all threads and the publishers themselves included. */
  readonly cpu?: number;
}

/** Publishers change pull requests of their own, so that none conflicts. */
class Publisher {
  readonly #revisions = new Map<number, number>();
  readonly #numbers: readonly number[];
  #turn = 0;

  constructor(index: number, of: number) {
    const count = Math.max(1, Math.floor(PULL_REQUESTS / of));
    this.#numbers = Array.from({ length: count }, (_, i) => 1 + index + i * of);
  }

  next(): NewEvent {
    const number = this.#numbers[this.#turn++ % this.#numbers.length]!;
    const expectedRevision = this.#revisions.get(number) ?? 0;
    this.#revisions.set(number, expectedRevision + 1);
    const id = pullRequestId('repository-7', number);
    return {
      facts: pullRequestFacts(number, id),
      write: {
        type: 'pullRequest',
        id,
        expectedRevision,
        topics: ['all', 'project:alpha', 'repo:repository-7', `pr:${id}`, `commit:${number.toString(16)}`],
        lifetime: 'kept',
        deleted: false,
      },
    };
  }
}

function pullRequestFacts(number: number, id: string): EventFacts<'pullRequest'> {
  const now = new Date().toISOString();
  const data: StateOf<'pullRequest'> = {
    repoId: 'repository-7',
    number,
    projectId: 'alpha',
    title: `Make the retry queue of part ${number} bounded`,
    body: null,
    author: 'octocat',
    url: `https://github.example/acme/alpha/pull/${number}`,
    state: 'OPEN',
    isDraft: false,
    reviewDecision: 'REVIEW_REQUIRED',
    pipelineState: 'PENDING',
    headRef: 'bounded-queue',
    headSha: number.toString(16),
    baseRef: 'main',
    labels: ['enhancement'],
    assignees: [],
    reviewers: ['hubot'],
    insights: null,
  };
  return {
    kind: 'pr.updated',
    reason: 'PIPELINE',
    projectId: 'alpha',
    userId: null,
    entityId: id,
    actor: 'ci',
    source: 'api',
    occurredAt: now,
    data,
    changed: ['pipelineState'],
    detail: {},
    asOf: {},
  };
}

async function measure({ name, publishers, batch, read = false }: Workload): Promise<Figures[]> {
  const directory = mkdtempSync(join(DIRECTORY, 'tidings-bench-'));
  const store = await EmbeddedEventStore.open({
    directory,
    retention: () => (read ? RETENTION_READ : RETENTION),
  });
  const latencies: number[] = [];
  let started = performance.now();
  let cpuBefore = process.cpuUsage();
  // The first second warms up: statements, caches, machine code.
  let measured = false;
  let ended = false;
  const publish = async (publisher: Publisher): Promise<void> => {
    while (!ended) {
      const events = Array.from({ length: batch }, () => publisher.next());
      const before = performance.now();
      await store.append(LOG, { events, idempotencyKeys: [randomUUID()] });
      if (measured && !ended) latencies.push(performance.now() - before);
    }
  };
  const reads: number[] = [];
  let entriesRead = 0;
  const readAgain = async (): Promise<void> => {
    let after: Position | 'oldest' = 'oldest';
    while (!ended) {
      const before = performance.now();
      const { entries, head }: Page = await store.read(LOG, after, PAGE);
      const last = entries.at(-1)?.position;
      after = last === undefined || last.offset === head.offset ? 'oldest' : last;
      if (!measured || ended) continue;
      reads.push(performance.now() - before);
      entriesRead += entries.length;
    }
  };
  setTimeout(() => {
    measured = true;
    started = performance.now();
    cpuBefore = process.cpuUsage();
  }, 1_000);
  let seconds = 0;
  let cpu = 0;
  setTimeout(
    () => {
      ended = true;
      seconds = (performance.now() - started) / 1_000;
      const { user, system } = process.cpuUsage(cpuBefore);
      cpu = (user + system) / (latencies.length * batch);
    },
    1_000 + SECONDS * 1_000,
  );
  const publishing = Array.from({ length: publishers }, (_, index) =>
    publish(new Publisher(index, publishers)),
  );
  await Promise.all([...publishing, ...(read ? [readAgain()] : [])]);
  await store.close();
  rmSync(directory, { recursive: true });
  const published = { name, perSecond: (latencies.length * batch) / seconds, ...quantiles(latencies) };
  if (!read) return [{ ...published, cpu }];
  return [
    published,
    { name: `  its pages of ${PAGE}`, perSecond: entriesRead / seconds, ...quantiles(reads) },
  ];
}

function measureFsync(): Figures {
  const directory = mkdtempSync(join(DIRECTORY, 'tidings-bench-'));
  const file = openSync(join(directory, 'file'), 'w');
  const block = Buffer.alloc(4_096, 1);
  const latencies: number[] = [];
  const started = performance.now();
  // Over the same megabytes again and again, as in a write-ahead log.
  for (let i = 0; performance.now() - started < 1_000; i++) {
    const before = performance.now();
    writeSync(file, block, 0, block.length, (i % 1_024) * block.length);
    fsyncSync(file);
    latencies.push(performance.now() - before);
  }
  closeSync(file);
  rmSync(directory, { recursive: true });
  return { name: 'write + fsync of 4 KiB', perSecond: latencies.length, ...quantiles(latencies) };
}

function quantiles(values: number[]): { median: number; p99: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { median: at(0.5), p99: at(0.99) };
}

const fsync = measureFsync();
const size = JSON.stringify(new Publisher(0, 1).next().facts).length;
console.log(`Node ${process.version}, ${DIRECTORY}, events of ${size} bytes, ${SECONDS} s each\n`);
const row = (...cells: readonly string[]): void =>
  console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(32) : cell.padStart(12))).join(''));
const print = ({ name, perSecond, median, p99, cpu }: Figures): void =>
  row(
    name,
    perSecond.toFixed(0),
    median.toFixed(2),
    p99.toFixed(2),
    (median / fsync.median).toFixed(1),
    cpu?.toFixed(0) ?? '',
  );
row('', 'per second', 'median ms', 'p99 ms', '× fsync', 'CPU µs');
print(fsync);
for (const workload of workloads) (await measure(workload)).forEach(print);
