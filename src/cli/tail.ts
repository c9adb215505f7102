import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { enumName, type Kind } from '../events/catalogue.ts';
import { ask, baseUrl, refusalOf, unreachable, type ServerOptions } from './client.ts';
import { ServerRefusal } from './complaint.ts';
import { eventFields, type ShownEvent } from './event-line.ts';
import { tailOutput } from './tail-output.ts';

interface TailOptions extends ServerOptions {
  readonly type?: readonly Kind[];
  readonly project?: string;
  readonly repo?: string;
  /** A cursor. */
  readonly after?: string;
  /** A file, or true for one that is found by itself. */
  readonly resume?: string | true;
  readonly json?: boolean;
}

const QUERY = `subscription Tail($types: [EventType!], $projectId: ID, $repoId: ID, $after: Cursor) {
  events(types: $types, projectId: $projectId, repoId: $repoId, after: $after) {${eventFields}
  }
}`;

/** How often the place is written down, at most: after a crash some events come again, and none is missing. */
const SAVE_MS = 250;
const PING_MS = 10_000;
const PONG_MS = 5_000;
/** Before a subscription that ended for a passing reason begins again. */
const AGAIN_MS = 1_000;

/** Shows events until it is ended, over lost connections and restarts of the server. */
export async function tail(options: TailOptions): Promise<void> {
  const file = options.resume === true ? defaultFile(options) : options.resume;
  // From where the log ends now, if from nowhere else: should the connection break before the first event, it is known where to go on.
  let cursor = options.after ?? (file === undefined ? null : readCursor(file)) ?? (await headOf(options));
  const output = tailOutput(process.stdout, { json: options.json === true, environment: process.env });
  const say = (text: string): void => {
    output.end();
    console.error(`tidings: ${text}`);
  };

  let saving: NodeJS.Timeout | undefined;
  const save = (): void => {
    clearTimeout(saving);
    saving = undefined;
    if (file !== undefined) writeCursor(file, cursor);
  };
  const client = connect(options, say);
  const finish = (): never => {
    output.end();
    save();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, finish);

  const variables = {
    types: options.type?.map(enumName),
    projectId: options.project,
    repoId: options.repo,
    // Read again at each reconnect.
    get after() {
      return cursor;
    },
  };
  for (;;) {
    try {
      for await (const { data, errors } of client.iterate<{ events: ShownEvent }>({
        query: QUERY,
        variables,
      })) {
        if (errors !== undefined) throw operationRefusal(errors).refusal;
        if (data === undefined || data === null) continue;
        output.show(data.events);
        cursor = data.events.cursor;
        if (file !== undefined) saving ??= setTimeout(save, SAVE_MS);
      }
    } catch (error) {
      const { refusal, headCursor } = refusalIn(error, options);
      if (refusal.code === 'CURSOR_EXPIRED' && headCursor !== undefined && cursor !== options.after) {
        say('CURSOR_EXPIRED: events are missing here, which the server does not have any more.');
        cursor = headCursor;
      } else if (Array.isArray(error) && refusal.isRetryable) {
        say(`${refusal.code}: ${refusal.message} Trying again.`);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      } else {
        output.end();
        save();
        await client.dispose();
        throw refusal;
      }
    }
  }
}

async function headOf(options: ServerOptions): Promise<string> {
  const query = '{ events(first: 1) { headCursor } }';
  const { events } = await ask<{ events: { headCursor: string } }>(options, query, {});
  return events.headCursor;
}

/** A connection that comes back by itself, once it has been there. */
function connect(options: ServerOptions, say: (text: string) => void): Client {
  const url = `${baseUrl(options).replace(/^http/, 'ws')}/graphql`;
  let hasConnected = false;
  let isAway = false;
  let socket: WebSocket | undefined;
  let overdue: NodeJS.Timeout | undefined;
  return createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: () => (options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    retryAttempts: Infinity,
    shouldRetry: (reason) => hasConnected && closeCode(reason) !== 4403,
    keepAlive: PING_MS,
    on: {
      opened: (opened) => (socket = opened as WebSocket),
      connected: () => {
        if (isAway) say('connected again');
        hasConnected = true;
        isAway = false;
      },
      closed: (reason) => {
        clearTimeout(overdue);
        if (hasConnected && !isAway && closeCode(reason) !== 1000 && closeCode(reason) !== 4403) {
          isAway = true;
          say(`the connection to ${options.url} is lost; what happens meanwhile follows when it is back`);
        }
      },
      // A connection that was cut without a word is closed here, and so made anew.
      ping: (isReceived) => {
        if (!isReceived) overdue = setTimeout(() => socket?.terminate(), PONG_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(overdue);
      },
    },
  });
}

function closeCode(reason: unknown): number | undefined {
  const { code } = (reason ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

interface OperationError {
  readonly message?: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

function operationRefusal([first]: readonly OperationError[]): {
  readonly refusal: ServerRefusal;
  readonly headCursor?: string;
} {
  const { message = 'The server gave no reason.', extensions = {} } = first ?? {};
  const { headCursor } = extensions;
  const refusal = refusalOf({ ...extensions, message });
  return typeof headCursor === 'string' ? { refusal, headCursor } : { refusal };
}

/** Errors of the operation, the end of the connection, or a connection that never was. */
function refusalIn(
  error: unknown,
  options: ServerOptions,
): { readonly refusal: ServerRefusal; readonly headCursor?: string } {
  if (error instanceof ServerRefusal) return { refusal: error };
  if (Array.isArray(error)) return operationRefusal(error as OperationError[]);
  if (closeCode(error) === 4403) {
    const { reason } = error as { reason?: string };
    return { refusal: refusalOf({ code: 'UNAUTHENTICATED', message: reason ?? 'The token is not valid.' }) };
  }
  if (closeCode(error) !== undefined) {
    const { reason = '' } = error as { reason?: string };
    return { refusal: new ServerRefusal(`CLOSED_${closeCode(error)}`, reason, { isRetryable: false }) };
  }
  // The WebSocket tells what happened in an event of its own.
  const cause = (error as { error?: unknown }).error ?? error;
  return { refusal: unreachable(options, cause) };
}

function defaultFile({ url, type = [], project = '', repo = '' }: TailOptions): string {
  const state = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  const what = createHash('sha256')
    .update(JSON.stringify([url, type, project, repo]))
    .digest('hex')
    .slice(0, 16);
  return join(state, 'tidings', `tail-${what}.cursor`);
}

function readCursor(file: string): string | null {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? null : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function writeCursor(file: string, cursor: string): void {
  mkdirSync(dirname(file), { recursive: true });
  // Never half of it.
  writeFileSync(`${file}.new`, `${cursor}\n`);
  renameSync(`${file}.new`, file);
}
