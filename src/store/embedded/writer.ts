/**
 * The thread that writes. Whatever waits when it looks becomes one transaction, so that everybody shares one wait for
 * the disk; answers leave after COMMIT, all of them in one message.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Database } from 'libsql';
import { Appender } from './appender.ts';
import { Entities } from './entities.ts';
import { Logs } from './logs.ts';
import {
  failureOf,
  type Posted,
  type Reply,
  type Request,
  type ThreadData,
  type WriterCalls,
} from './protocol.ts';
import { RecordTable } from './record-table.ts';
import { Receipts } from './receipts.ts';
import { openForWriting, transaction } from './tables.ts';
import { Trimmer } from './trimmer.ts';

/** Bounds of one transaction, so that nobody waits for long behind a crowd. */
const GROUP_EVENTS = 512;
const GROUP_CHARACTERS = 8 * 1_024 * 1_024;
/** Entries trimmed, idempotency keys looked at, and records forgotten, in one step of maintenance. */
const MAINTENANCE_STEP = 500;
/** Trimming beside the writes removes up to twice what was appended and a little more: it overtakes any writer. */
const trimmedBeside = (appended: number): number => 2 * appended + 32;

/** A ping is answered at once. */
type WriterRequest = Exclude<Request<WriterCalls>, { name: 'ping' }>;

const port = parentPort!;
const database = open(workerData as ThreadData);
const logs = new Logs(database);
const entities = new Entities(database);
const receipts = new Receipts(database);
const records = new RecordTable(database);
const appender = new Appender(database, logs, entities, receipts);
const trimmer = new Trimmer(database, logs, entities);

/** Requests that wait for a transaction, with the clock that came with them. */
const queue: { readonly request: WriterRequest; readonly now: number }[] = [];
let ending = false;

function open({ path, maxBytes }: ThreadData): Database {
  try {
    return openForWriting(path, maxBytes);
  } catch (error) {
    // It ends the thread, and libsql's errors arrive on the other side as objects without a message.
    throw new Error(failureOf(error).message, { cause: error });
  }
}

port.on('message', (posted: Posted<WriterCalls>) => {
  receive(posted);
  while (queue.length > 0) {
    for (let more; (more = receiveMessageOnPort(port)) !== undefined;) receive(more.message);
    port.postMessage(commit(nextGroup()));
  }
  if (ending) end();
});

function receive(posted: Posted<WriterCalls>): void {
  if (posted === 'end') {
    ending = true;
    return;
  }
  for (const request of posted.requests) {
    // A ping asks for the thread, not for the disk.
    if (request.name === 'ping') port.postMessage([{ id: request.id, answer: null }] satisfies Reply[]);
    else queue.push({ request, now: posted.now });
  }
}

function nextGroup(): typeof queue {
  let events = 0;
  let characters = 0;
  let size = 0;
  while (size < queue.length && events < GROUP_EVENTS && characters < GROUP_CHARACTERS) {
    const { request } = queue[size]!;
    size += 1;
    if (request.name === 'putRecords') events += request.argument.records.length;
    if (request.name !== 'append') continue;
    events += request.argument.events.length;
    for (const { body } of request.argument.events) characters += body.length;
  }
  return queue.splice(0, size);
}

function commit(group: typeof queue): Reply[] {
  let isRefused = false;
  try {
    return transaction(database, () => {
      try {
        return carryOut(group);
      } catch (error) {
        isRefused = true;
        throw error;
      }
    });
  } catch (error) {
    logs.forget();
    // One that SQLite refuses is no reason to refuse the others. What fails at COMMIT, or alone, fails.
    return isRefused && group.length > 1 ? commitApart(group) : refuse(group, error);
  }
}

/** Once more, with an undo for each: whatever fails, fails alone. */
function commitApart(group: typeof queue): Reply[] {
  try {
    return transaction(database, () => group.flatMap(carryOutUndoably));
  } catch (error) {
    logs.forget();
    return refuse(group, error);
  }
}

function carryOutUndoably(each: (typeof queue)[number]): Reply[] {
  database.exec('SAVEPOINT request');
  try {
    const replies = carryOut([each]);
    database.exec('RELEASE request');
    return replies;
  } catch (error) {
    logs.forget();
    // SQLite has undone everything, as it does when the disk is full.
    if (!database.inTransaction) throw error;
    database.exec('ROLLBACK TO request; RELEASE request');
    return refuse([each], error);
  }
}

function carryOut(group: typeof queue): Reply[] {
  const replies = group.map(({ request, now }) => ({ id: request.id, answer: answer(request, now) }));
  trimBeside(group);
  logs.save();
  return replies;
}

function refuse(group: typeof queue, error: unknown): Reply[] {
  const failure = failureOf(error);
  return group.map(({ request }) => ({ id: request.id, failure }));
}

function answer(request: WriterRequest, now: number): unknown {
  switch (request.name) {
    case 'append':
      return appender.append(request.argument, now);
    case 'openLog': {
      const log = logs.open(request.argument);
      logs.retain(log.id, request.argument.retention);
      return log;
    }
    case 'retain':
      for (const [log, retention] of request.argument) logs.retain(log, retention);
      return null;
    case 'putRecords': {
      const { collection, records: kept, ttlMs } = request.argument;
      records.put(collection, kept, now + ttlMs);
      return null;
    }
    case 'removeRecord':
      records.remove(request.argument.collection, request.argument.key);
      return null;
    case 'maintain':
      return { more: maintain(now) };
    case 'logs':
      return logs.list();
  }
}

/** In the transaction of the appends: trimming then costs no further wait for the disk. */
function trimBeside(group: typeof queue): void {
  let events = 0;
  let keys = 0;
  let now = 0;
  for (const { request, now: then } of group) {
    if (request.name !== 'append') continue;
    events += request.argument.events.length;
    keys += request.argument.keys.length;
    now = then;
  }
  if (events === 0) return;
  let left = trimmedBeside(events);
  for (const log of logs.touched()) left -= trimmer.trim(log, now, left);
  if (keys > 0) receipts.sweep(now, trimmedBeside(keys));
}

function maintain(now: number): boolean {
  let left = MAINTENANCE_STEP;
  for (const log of logs.retained()) left -= trimmer.trim(log, now, left);
  const forgotten = receipts.sweep(now, MAINTENANCE_STEP);
  const over = records.sweep(now, MAINTENANCE_STEP);
  return left === 0 || forgotten === MAINTENANCE_STEP || over === MAINTENANCE_STEP;
}

/** The last connection that closes checkpoints all of the WAL and removes it; the reader's is closed by now. */
function end(): void {
  database.close();
  port.close();
}
