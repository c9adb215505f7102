import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { TidingsError } from '../../errors.ts';
import { storeUnavailable } from '../store.ts';
import type { CallTypes, Failure, Posted, Reply, Request, ThreadData } from './protocol.ts';

interface Waiting {
  /** Takes the answer and settles the caller's promise. */
  readonly onAnswer: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface ThreadHooks {
  /** The store's clock, in milliseconds. */
  readonly now: () => number;
  /** Runs after all answers of one message have been taken, before any caller sees its own. */
  readonly onAnswered?: () => void;
  /** It ended without being asked to; all calls fail from here on. */
  readonly onDeath: (error: Error) => void;
}

/** A database thread, seen from the main thread: calls in, answers out, and no call that is never answered. */
export class Thread<Calls extends CallTypes> {
  readonly #worker: Worker;
  readonly #hooks: ThreadHooks;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  #outbox: Request<Calls>[] = [];
  #lastId = 0;
  #ending = false;
  #death: Error | undefined;

  constructor(name: 'writer' | 'reader', data: ThreadData, hooks: ThreadHooks) {
    this.#hooks = hooks;
    // As this file where TypeScript is run as it is. Of the build it is CommonJS: a thread starts without Node's loader of modules.
    const extension = extname(import.meta.url) === '.ts' ? '.ts' : '.cjs';
    const script = new URL(`./${name}${extension}`, import.meta.url);
    this.#worker = new Worker(script, { workerData: data, name: `store-${name}` });
    this.#worker.on('message', (replies: readonly Reply[]) => this.#receive(replies));
    this.#worker.on('error', (error) => this.#die(error));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        if (!this.#ending) this.#die(new Error(`the store's ${name} thread ended with code ${code}`));
        resolve();
      });
    });
  }

  /**
   * @param onAnswer makes the result of the answer, or throws; it runs in the order of the calls, before other code sees
   *   anything that was answered with it
   * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL
   */
  async call<Name extends keyof Calls, Result>(
    name: Name,
    argument: Calls[Name]['argument'],
    onAnswer: (answer: Calls[Name]['answer']) => Result,
  ): Promise<Result> {
    if (this.#death !== undefined) throw storeUnavailable(this.#death);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, {
        onAnswer: (answer) => {
          try {
            resolve(onAnswer(answer));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
        reject,
      });
      // Everything that one turn of the event loop asks for leaves as one message. It is cheaper, and the writer does
      // not commit the first of many callers alone.
      if (this.#outbox.length === 0) setImmediate(() => this.#post());
      this.#outbox.push({ id, name, argument });
    });
  }

  /** Asks the thread to finish and waits until it is gone. No call may follow. */
  async end(): Promise<void> {
    this.#ending = true;
    if (this.#death === undefined) this.#worker.postMessage('end' satisfies Posted<Calls>);
    await this.#exited;
  }

  #post(): void {
    const requests = this.#outbox;
    this.#outbox = [];
    if (this.#death !== undefined) return;
    try {
      this.#send(requests);
    } catch {
      // Something that can't be cloned, against the types: its caller may not wait for an answer that won't come.
      for (const request of requests) {
        try {
          this.#send([request]);
        } catch (error) {
          this.#waiting.get(request.id)?.reject(storeUnavailable(error));
          this.#waiting.delete(request.id);
        }
      }
    }
  }

  #send(requests: readonly Request<Calls>[]): void {
    this.#worker.postMessage({ now: Math.trunc(this.#hooks.now()), requests } satisfies Posted<Calls>);
  }

  #receive(replies: readonly Reply[]): void {
    for (const reply of replies) {
      const waiting = this.#waiting.get(reply.id);
      if (waiting === undefined) continue;
      this.#waiting.delete(reply.id);
      if ('failure' in reply) waiting.reject(errorOf(reply.failure));
      else waiting.onAnswer(reply.answer);
    }
    this.#hooks.onAnswered?.();
  }

  #die(error: Error): void {
    if (this.#death !== undefined) return;
    this.#death = error;
    for (const { reject } of this.#waiting.values()) reject(storeUnavailable(error));
    this.#waiting.clear();
    this.#hooks.onDeath(error);
  }
}

function errorOf({ code, message }: Failure): TidingsError {
  const cause = new Error(`${code}: ${message}`);
  return code === 'SQLITE_FULL'
    ? new TidingsError('STORE_FULL', undefined, {}, { cause })
    : storeUnavailable(cause);
}
