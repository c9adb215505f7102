import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readConfig } from '../config.ts';
import { TidingsError } from '../errors.ts';
import { subjects, type SubjectName } from '../events/catalogue.ts';
import type { Entry } from '../events/event.ts';
import { PositionLost, type Position } from '../events/position.ts';
import type { Subject } from '../events/subject.ts';
import type { EventStore, LogName } from '../store/store.ts';
import { entryLine, headerLine } from './log-file.ts';
import { everything, withBackend } from './open-store.ts';
import { Progress } from './progress.ts';

interface ExportOptions {
  readonly workspace: string;
  readonly output?: string;
}

const PAGE = 500;

/** Writes a log with everything that an import needs. */
export async function exportLog({ workspace, output }: ExportOptions): Promise<void> {
  const log: LogName = { workspace, stream: 'events' };
  await withBackend(
    readConfig(process.env),
    { retention: everything, mustExist: true },
    async ({ store }) => {
      const head = await store.head(log);
      if (head.offset === 0)
        throw new TidingsError('NOT_FOUND', `There are no events in the workspace "${workspace}".`);
      const { events } = await store.size(log);
      const progress = new Progress('events', events);
      let count = 0;
      async function* lines(): AsyncGenerator<string> {
        yield `${headerLine({ workspace, epoch: head.epoch, exportedAt: new Date().toISOString() })}\n`;
        for await (const entry of entriesOf(store, log, head)) {
          count += 1;
          progress.update(count, count);
          yield `${entryLine(entry)}\n`;
        }
      }
      if (output === undefined) await pipeline(Readable.from(lines()), process.stdout, { end: false });
      else await pipeline(Readable.from(lines()), createWriteStream(output, { flags: 'wx' }));
      progress.end();
      console.error(`tidings: ${count} events exported`);
    },
  );
}

/** Up to `head`: the last events of entities that the log holds no more, and then the log. */
async function* entriesOf(store: EventStore, log: LogName, head: Position): AsyncGenerator<Entry> {
  // Before the log: what goes from it meanwhile is among them.
  const states: Entry[] = [];
  for (const type of Object.keys(subjects) as SubjectName[]) {
    if ((subjects[type] as unknown as Subject).id !== undefined)
      states.push(...(await statesOf(store, log, type)));
  }
  let page = await readLog(store, log, 'oldest');
  const oldest = page[0]?.position.offset ?? Infinity;
  const outlived = states.filter(({ position: { offset } }) => offset < oldest && offset <= head.offset);
  yield* outlived.toSorted((a, b) => a.position.offset - b.position.offset);
  for (;;) {
    for (const entry of page) {
      if (entry.position.offset > head.offset) return;
      yield entry;
    }
    const last = page.at(-1);
    if (last === undefined || last.position.offset >= head.offset) return;
    page = await readLog(store, log, last.position);
  }
}

async function statesOf(store: EventStore, log: LogName, type: SubjectName): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let afterId: string | undefined, hasMore = true; hasMore;) {
    const page = await store.entities(log, {
      type,
      topic: 'all',
      limit: PAGE,
      ...(afterId === undefined ? {} : { afterId }),
    });
    all.push(...page.entries);
    afterId = page.entries.at(-1)?.entityId ?? undefined;
    hasMore = page.hasMore;
  }
  return all;
}

async function readLog(
  store: EventStore,
  log: LogName,
  after: Position | 'oldest',
): Promise<readonly Entry[]> {
  try {
    return (await store.read(log, after, PAGE)).entries;
  } catch (error) {
    throw error instanceof PositionLost ? error.toTidingsError() : error;
  }
}
