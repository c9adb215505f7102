import type { Cluster, Redis } from 'ioredis';
import { TidingsError } from '../../errors.ts';
import { storeUnavailable } from '../store.ts';
import type { RedisTiming } from './clients.ts';

/** The command may have been executed, or not. */
class AnswerLost extends Error {
  override readonly name = 'AnswerLost';
}

/** Refusals of Redis that pass, or that are none of our making. */
const PASSING = /\b(?:READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|UNKILLABLE)\b/;
const FULL = /\b(?:OOM|MISCONF)\b/;

/**
 * The connection that commands take. A call is refused at once while there is none, and settles in bounded time whatever
 * becomes of it.
 */
export class Link {
  readonly #client: Redis | Cluster;
  readonly #timing: RedisTiming;
  readonly #onError: (error: Error) => void;
  readonly #inFlight = new Set<(reason: Error) => void>();
  /** Whether the connection comes back in time: shared by all that lost their answers with it, which keeps their order. */
  #isBack: Promise<boolean> | undefined;
  readonly #stopPinging: () => void;

  constructor(client: Redis | Cluster, timing: RedisTiming, onError: (error: Error) => void) {
    this.#client = client;
    this.#timing = timing;
    this.#onError = onError;
    reportOutages(client, onError);
    // ioredis would leave them unsettled until their time is up.
    client.on('close', () => {
      for (const lose of this.#inFlight) lose(new Error('the connection was lost'));
    });
    this.#stopPinging = keepAwake(client, timing);
  }

  get isReady(): boolean {
    return this.#client.status === 'ready';
  }

  /**
   * Sends a command at once, so that calls arrive in their order. Where its answer is lost it is sent a second time, so that
   * it must do no harm to be executed twice.
   *
   * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL
   */
  async call<Result>(send: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#send(send);
    } catch (error) {
      if (!(error instanceof AnswerLost)) throw this.#refusal(error);
      this.#isBack ??= isReadyWithin(this.#client, this.#timing.returnMs).finally(
        () => (this.#isBack = undefined),
      );
      if (!(await this.#isBack)) throw storeUnavailable(error);
    }
    try {
      return await this.#send(send);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  close(): void {
    this.#stopPinging();
  }

  #send<Result>(send: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (!this.isReady) throw storeUnavailable(new Error('there is no connection to Redis'));
      const lose = (reason: Error): void => {
        this.#inFlight.delete(lose);
        reject(new AnswerLost(reason.message));
      };
      this.#inFlight.add(lose);
      send().then(
        (result) => {
          this.#inFlight.delete(lose);
          resolve(result);
        },
        (error: Error) => {
          if (error.name !== 'ReplyError') return lose(error);
          this.#inFlight.delete(lose);
          reject(error);
        },
      );
    });
  }

  #refusal(error: unknown): TidingsError {
    if (error instanceof TidingsError) return error;
    const cause = withoutCommand(error);
    if (FULL.test(cause.message)) return new TidingsError('STORE_FULL', undefined, {}, { cause });
    const isExpected = error instanceof AnswerLost || PASSING.test(cause.message);
    if (!isExpected) this.#onError(new Error(`Redis refuses a command: ${cause.message}`));
    return storeUnavailable(cause);
  }
}

/** ioredis adds the command to an error, with events or a password in it, and errors get into logs. Redis itself quotes commands that it doesn't have. */
function withoutCommand(error: unknown): Error {
  const message = error instanceof Error ? error.message : 'unknown';
  return new Error(message.replace(/,? with args beginning with:[^]*$/, ''));
}

/** Whether there is a connection, waiting for one if need be. */
export async function isReadyWithin(client: Redis | Cluster, milliseconds: number): Promise<boolean> {
  const isReady = (): boolean => client.status === 'ready';
  if (isReady()) return true;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      client.off('ready', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    client.on('ready', done);
  });
  return isReady();
}

/**
 * Asks something all the time: a connection is given up when an answer is overdue, and without a question none is.
 * Returns what ends that.
 */
export function keepAwake(client: Redis | Cluster, { pingMs }: RedisTiming): () => void {
  const ping = (node: Redis): void => {
    if (node.status === 'ready' || node.status === 'wait') node.ping().catch(() => undefined);
  };
  const timer = setInterval(() => {
    if ('nodes' in client) client.nodes('master').forEach(ping);
    else ping(client);
  }, pingMs);
  return () => clearInterval(timer);
}

/** Tells the first error of each outage: the attempts to connect bring one each. An `error` that nobody takes would be printed. */
export function reportOutages(client: Redis | Cluster, onError: (error: Error) => void): void {
  let isTold = false;
  client.on('ready', () => (isTold = false));
  client.on('error', (error: Error) => {
    if (isTold) return;
    isTold = true;
    onError(new Error(`Redis can't be reached: ${withoutCommand(error).message}`));
  });
}
