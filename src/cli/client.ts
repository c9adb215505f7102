/** Asking a server over HTTP, again if need be. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCatalogue, type ErrorCode } from '../errors.ts';
import { ServerRefusal } from './complaint.ts';

export interface ServerOptions {
  readonly url: string;
  readonly token?: string;
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: Readonly<Record<string, unknown>>;
  }[];
  readonly error?: Readonly<Record<string, unknown>>;
}

/** What stands before paths such as `/graphql`. */
export function baseUrl({ url }: Pick<ServerOptions, 'url'>): string {
  const refuse = (why: string): ServerRefusal =>
    new ServerRefusal('BAD_REQUEST', why, { isRetryable: false });
  // Not shown: it may be a token that stands in the wrong place.
  if (!URL.canParse(url)) throw refuse('The URL of the server is none.');
  const { protocol, username, password } = new URL(url);
  if (!/^https?:$/.test(protocol)) throw refuse('The URL of the server has to be http:// or https://.');
  if (username !== '' || password !== '')
    throw refuse('The URL of the server must not have a user or password; give a token with TIDINGS_TOKEN.');
  return url.replace(/\/+$/, '');
}

/**
 * A query or mutation.
 *
 * @throws ServerRefusal the server refused it, or can't be reached
 */
export async function ask<Data>(server: ServerOptions, query: string, variables: object): Promise<Data> {
  const url = `${baseUrl(server)}/graphql`;
  let response: Response;
  let answer: Answer;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(server.token === undefined ? {} : { authorization: `Bearer ${server.token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    answer = (await response.json().catch(() => ({}))) as Answer;
  } catch (error) {
    throw unreachable(server, error);
  }
  const { data, errors } = answer;
  if (response.ok && errors === undefined && data !== undefined) return data as Data;
  const [refused] = errors ?? [];
  const details =
    refused === undefined ? (answer.error ?? {}) : { ...refused.extensions, message: refused.message };
  throw refusalOf(details, {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
  });
}

/** A refusal of the server, from what it says: `code`, `message`, and `issues` where the input is wrong. */
export function refusalOf(
  details: Readonly<Record<string, unknown>>,
  { status, retryAfter = null }: { readonly status?: number; readonly retryAfter?: string | null } = {},
): ServerRefusal {
  const { code = `HTTP_${status}`, message = 'The server gave no reason.', issues = [] } = details;
  const row = errorCatalogue[code as ErrorCode] as { readonly retryable: boolean } | undefined;
  // Others than Tidings may answer before it does, such as a proxy.
  const isRetryable =
    row?.retryable ?? (status === 429 || status === 502 || status === 503 || status === 504);
  const hint = code === 'UNAUTHENTICATED' ? ' Give one with TIDINGS_TOKEN or --token.' : '';
  return new ServerRefusal(String(code), `${String(message)}${hint}`, {
    isRetryable,
    issues: issues as ServerRefusal['issues'],
    retryAfterMs: retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined,
  });
}

export function unreachable({ url }: Pick<ServerOptions, 'url'>, error: unknown): ServerRefusal {
  const cause = (error as { cause?: NodeJS.ErrnoException }).cause ?? (error as NodeJS.ErrnoException);
  return new ServerRefusal(
    cause.code ?? 'UNREACHABLE',
    `There is no answer from ${url}; does the server run there?`,
    {
      isRetryable: true,
    },
  );
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Does something again as long as the refusals are of the kind that pass, with growing pauses, for a time. */
export async function patiently<Result>(
  task: () => Promise<Result>,
  options: { readonly forMs: number; readonly onWait: (refusal: ServerRefusal) => void },
): Promise<Result> {
  const until = performance.now() + options.forMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof ServerRefusal) || !error.isRetryable) throw error;
      const grown = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
      const pause = error.retryAfterMs ?? grown / 2 + (Math.random() * grown) / 2;
      if (performance.now() + pause > until) throw error;
      options.onWait(error);
      await sleep(pause);
    }
  }
}
