import { createClient, type Client } from 'graphql-ws/client';
import type { TypedDocumentString } from './generated/operations.ts';
import { currentToken, hasExpired } from './session.ts';

/**
 * - `connecting`: for the first time, or with a new token
 * - `live`: connected; `resumedAfter` seconds without a connection, where there was one before
 * - `lost`: it tries again by itself
 * - `refused`: only another token helps
 */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live'; readonly resumedAfter: number | null }
  | { readonly state: 'lost'; readonly since: number }
  | { readonly state: 'refused'; readonly why: 'missing' | 'expired' | 'refused' };

/** What the server answers an operation with in the place of data, by its `extensions.code`. */
export class Refusal extends Error {
  readonly code: string;

  constructor(errors: readonly { readonly message: string; readonly extensions?: unknown }[]) {
    super(errors.map(({ message }) => message).join(' '));
    const [first] = errors;
    this.code = (first?.extensions as { code?: string } | undefined)?.code ?? 'UNKNOWN';
  }
}

/** The connection ended and is not tried again by itself. */
export class Closed extends Error {}

const PING_MS = 10_000;
const PONG_MS = 5_000;
const MAX_WAIT_MS = 8_000;
const FORBIDDEN = 4403;
/** With which the page itself ends a connection. */
const TERMINATED = 4499;

type Document<Data, Variables> = TypedDocumentString<Data, Variables>;

/** One WebSocket for everything that the page asks and hears. It comes back by itself, also when the network went without a word. */
export class Connection {
  readonly #client: Client;
  readonly #onLink: (link: Link) => void;
  #link: Link = { state: 'connecting' };

  constructor(onLink: (link: Link) => void) {
    this.#onLink = onLink;
    let giveUp: ReturnType<typeof setTimeout> | undefined;
    const url = new URL('graphql', document.baseURI);
    url.protocol = url.protocol.replace('http', 'ws');
    this.#client = createClient({
      url: url.href,
      lazyCloseTimeout: 5_000,
      connectionParams: () => {
        const token = currentToken();
        return token === null ? {} : { authorization: `Bearer ${token}` };
      },
      retryAttempts: Infinity,
      shouldRetry: (error) => (error as { code?: unknown }).code !== FORBIDDEN,
      retryWait: pause,
      keepAlive: PING_MS,
      on: {
        connected: () => {
          const since = this.#link.state === 'lost' ? this.#link.since : null;
          const resumedAfter = since === null ? null : Math.round((Date.now() - since) / 1_000);
          this.#turn({ state: 'live', resumedAfter });
        },
        // Whatever comes shows that the other side is there, not only the pong, which may wait behind much else.
        message: () => clearTimeout(giveUp),
        ping: (isReceived) => {
          if (!isReceived) giveUp = setTimeout(() => this.#client.terminate(), PONG_MS);
        },
        closed: (event) => {
          clearTimeout(giveUp);
          this.#closed(event as { code?: number; reason?: string });
        },
      },
    });
    addEventListener('offline', () => {
      if (this.#link.state === 'live') this.#client.terminate();
    });
  }

  get link(): Link {
    return this.#link;
  }

  /** @throws Refusal, Closed */
  async ask<Data, Variables extends Record<string, unknown>>(
    query: Document<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    let answer: Data | undefined;
    await this.#run(query, variables, (data) => (answer = data)).ended;
    if (answer === undefined) throw new Closed();
    return answer;
  }

  /**
   * Calls `onNext` until `stop`, over any number of connections; `variables` are read again at each. `isAnew` with the first of a snapshot that
   * takes the place of what was shown before.
   */
  listen<Data, Variables extends Record<string, unknown>>(
    query: Document<Data, Variables>,
    variables: Variables,
    onNext: (data: Data, isAnew: boolean) => void,
  ): { readonly ended: Promise<void>; readonly stop: () => void } {
    return this.#run(query, variables, onNext);
  }

  /** The token that it was admitted with is not enough. */
  refuse(): void {
    this.#turn({ state: 'refused', why: 'refused' });
  }

  /** Ends the connection at once; what is listened to goes on over a new one. */
  renew(): void {
    this.#turn({ state: 'connecting' });
    this.#client.terminate();
  }

  #run<Data, Variables extends Record<string, unknown>>(
    query: Document<Data, Variables>,
    variables: Variables,
    onNext: (data: Data, isAnew: boolean) => void,
  ): { readonly ended: Promise<void>; readonly stop: () => void } {
    let stop!: () => void;
    const ended = new Promise<void>((resolve, reject) => {
      stop = this.#client.subscribe<Data, { readonly restarted?: unknown }>(
        { query: query.toString(), variables },
        {
          next: ({ data, errors, extensions }) => {
            if (errors !== undefined) {
              stop();
              reject(new Refusal(errors));
            } else if (data !== null && data !== undefined) {
              onNext(data, extensions?.restarted !== undefined);
            }
          },
          error: (error) => reject(Array.isArray(error) ? new Refusal(error as never) : new Closed()),
          complete: resolve,
        },
      );
    });
    return { ended, stop };
  }

  #closed({ code, reason }: { readonly code?: number; readonly reason?: string }): void {
    if (code === FORBIDDEN) {
      const token = currentToken();
      if (token === null) this.#turn({ state: 'refused', why: 'missing' });
      // The server says it of an open connection; the clock of this machine may be late.
      else if (reason === 'Token expired' || hasExpired(token))
        this.#turn({ state: 'refused', why: 'expired' });
      else this.refuse();
    } else if (this.#link.state === 'live' || (this.#link.state === 'connecting' && code !== TERMINATED)) {
      this.#turn({ state: 'lost', since: Date.now() });
    }
  }

  #turn(link: Link): void {
    this.#link = link;
    this.#onLink(link);
  }
}

/** Longer with each try, never the same for all who wait, and over as soon as the network is back. */
export async function pause(tries: number): Promise<void> {
  const wait = Math.min(MAX_WAIT_MS, 400 * 2 ** tries) * (0.5 + Math.random() / 2);
  await new Promise<void>((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      removeEventListener('online', over);
      resolve();
    };
    const timer = setTimeout(over, wait);
    addEventListener('online', over);
  });
}
