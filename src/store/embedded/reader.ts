/** The thread that reads: reading neither waits for the writer's disk nor holds up the event loop. */
import { parentPort, workerData } from 'node:worker_threads';
import type { LossReason, Position } from '../../events/position.ts';
import {
  failureOf,
  type LogId,
  type Posted,
  type ReadAnswer,
  type ReaderCalls,
  type Reply,
  type Request,
  type StoredEntry,
  type ThreadData,
} from './protocol.ts';
import { recordQueries } from './record-table.ts';
import { receiptQuery } from './receipts.ts';
import { ENTRY_COLUMNS, openForReading, query, stateQuery } from './tables.ts';

/** A page is cut short behind this many characters of bodies, whatever was asked for. */
const PAGE_CHARACTERS = 4 * 1_024 * 1_024;
/** Rows fetched at a time, which is how far a page can go over. */
const CHUNK = 64;

const port = parentPort!;
const { path } = workerData as ThreadData;
/** Opened at the first call: this thread starts beside the writer, which may have the tables still to create. */
let opened: Statements | undefined;

port.on('message', (posted: Posted<ReaderCalls>) => {
  if (posted === 'end') {
    opened?.database.close();
    port.close();
    return;
  }
  for (const request of posted.requests) port.postMessage([reply(request, posted.now)]);
});

type FiledEntry = readonly [...StoredEntry, id: string, lifetime: string];
type Statements = ReturnType<typeof open>;

function open() {
  const database = openForReading(path);
  const filed = (behind: '>=' | '>') =>
    query<FiledEntry>(
      database,
      `SELECT ${ENTRY_COLUMNS}, t.id, e.lifetime FROM entity_topic t
        JOIN entity e ON e.ref = t.entity
        JOIN entry n ON n.log = e.log AND n.offset = e.offset
        WHERE t.log = ? AND t.topic = ? AND t.type = ? AND t.id ${behind} ? ORDER BY t.id LIMIT ?`,
    );
  return {
    database,
    log: query<[string, number, string, number, string, number]>(
      database,
      'SELECT epoch, offset, chain, floor_offset, floor_chain, bytes FROM log WHERE id = ?',
    ),
    chain: query<[string]>(database, 'SELECT chain FROM entry WHERE log = ? AND offset = ?'),
    entries: query<StoredEntry>(
      database,
      `SELECT ${ENTRY_COLUMNS} FROM entry n WHERE n.log = ? AND n.offset > ? ORDER BY n.offset LIMIT ?`,
    ),
    entriesBefore: query<StoredEntry>(
      database,
      `SELECT ${ENTRY_COLUMNS} FROM entry n WHERE n.log = ? AND n.offset > ? AND n.offset < ? ORDER BY n.offset DESC LIMIT ?`,
    ),
    firstFiled: filed('>='),
    nextFiled: filed('>'),
    state: stateQuery(database),
    receipt: receiptQuery(database),
    records: recordQueries(database),
  };
}

/** Each call sees one state of everything: it is one read transaction. */
function reply(request: Request<ReaderCalls>, now: number): Reply {
  try {
    opened ??= open();
    const { database } = opened;
    database.exec('BEGIN');
    try {
      return { id: request.id, answer: answer(request, now, opened) };
    } finally {
      database.exec('COMMIT');
    }
  } catch (error) {
    return { id: request.id, failure: failureOf(error) };
  }
}

function answer(
  { name, argument }: Request<ReaderCalls>,
  now: number,
  select: Statements,
): ReaderCalls[keyof ReaderCalls]['answer'] {
  switch (name) {
    case 'read':
      return read(argument, select);
    case 'readBefore':
      return readBefore(argument, select);
    case 'head':
      return ends(argument, select).head;
    case 'recall':
      return select.receipt(argument.log, argument.keys, now);
    case 'entity':
      return select.state(argument.log, argument.type, argument.id);
    case 'entities':
      return entities(argument, select);
    case 'record':
      return select.records.one(argument.collection, argument.key, now);
    case 'records':
      return select.records.all(argument, now);
    case 'size': {
      const { head, floor, bytes } = ends(argument, select);
      return { events: head.offset - floor.offset, bytes };
    }
    case 'ping':
      return null;
  }
}

/** Where a log ends, and behind which position it is retained. */
function ends(log: LogId, select: Statements): { head: Position; floor: Position; bytes: number } {
  const row = select.log.get(log);
  if (row === undefined) throw new Error(`there is no log ${log}`);
  const [epoch, offset, chain, floorOffset, floorChain, bytes] = row;
  return { head: { epoch, offset, chain }, floor: { epoch, offset: floorOffset, chain: floorChain }, bytes };
}

function read({ log, after, limit }: ReaderCalls['read']['argument'], select: Statements): ReadAnswer {
  const { head, floor } = ends(log, select);
  const from = after === 'oldest' ? floor : after;
  const lost = lossOf(from, head, floor, () => select.chain.get(log, from.offset)?.[0]);
  if (lost !== undefined) return { lost, head };
  const { rows } = gather<StoredEntry>(limit, (last, count) =>
    select.entries.all(log, last?.[0] ?? from.offset, count),
  );
  return { entries: rows, head };
}

function readBefore(
  { log, before, limit }: ReaderCalls['readBefore']['argument'],
  select: Statements,
): ReadAnswer {
  const { head, floor } = ends(log, select);
  const known = before === 'newest' ? head : before;
  const lost = lossOf(known, head, floor, () => select.chain.get(log, known.offset)?.[0]);
  if (lost !== undefined) return { lost, head };
  const end = before === 'newest' ? head.offset + 1 : before.offset;
  const { rows } = gather<StoredEntry>(limit, (last, count) =>
    select.entriesBefore.all(log, floor.offset, last?.[0] ?? end, count),
  );
  return { entries: rows.toReversed(), head };
}

function lossOf(
  { epoch, offset, chain }: Position,
  head: Position,
  floor: Position,
  storedChain: () => string | undefined,
): LossReason | undefined {
  if (epoch !== head.epoch) return 'epoch';
  if (offset > head.offset) return 'ahead';
  if (offset < floor.offset) return 'trimmed';
  // The entry at the floor is gone; its chain is remembered, so that nothing is lost for who has read up to there.
  return chain === (offset === floor.offset ? floor.chain : storedChain()) ? undefined : 'chain';
}

function entities(
  { log, query: { type, topic, afterId, limit } }: ReaderCalls['entities']['argument'],
  select: Statements,
): ReaderCalls['entities']['answer'] {
  const { rows, next } = gather<FiledEntry>(limit, (last, count) => {
    const behind = last?.[5] ?? afterId;
    return behind === undefined
      ? select.firstFiled.all(log, topic, type, '', count)
      : select.nextFiled.all(log, topic, type, behind, count);
  });
  const entries = rows.map(([offset, chain, recordedAt, revision, body]): StoredEntry => [
    offset,
    chain,
    recordedAt,
    revision,
    body,
  ]);
  // What is behind the page may go with the log as well, and with it that there is more.
  const isKept = [...rows, next].every((row) => row === undefined || row[6] === 'kept');
  return { entries, hasMore: next !== undefined, at: ends(log, select).head, isKept };
}

/** Up to `limit` rows, or as many as make a page, and the next one behind them. */
function gather<Row extends { readonly 4: string }>(
  limit: number,
  fetch: (last: Row | undefined, count: number) => Row[],
): { rows: Row[]; next: Row | undefined } {
  const rows: Row[] = [];
  let characters = 0;
  for (;;) {
    const wanted = Math.min(CHUNK, limit + 1 - rows.length);
    const chunk = fetch(rows.at(-1), wanted);
    for (const row of chunk) {
      if (rows.length === limit || characters >= PAGE_CHARACTERS) return { rows, next: row };
      rows.push(row);
      characters += row[4].length;
    }
    if (chunk.length < wanted) return { rows, next: undefined };
  }
}
