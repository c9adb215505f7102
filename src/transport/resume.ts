import { createHash } from 'node:crypto';
import { mayPass } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../events/position.ts';
import type { Route } from '../hub/route.ts';
import type { EventStore } from '../store/store.ts';
import type { Records } from '../store/records.ts';
import type { Viewer } from '../auth/viewer.ts';

export interface ResumeOptions {
  readonly store: EventStore;
  readonly records: Records;
  /** Milliseconds before a failed read of the store is tried again. */
  readonly retryMs: number;
  readonly onError: (error: unknown) => void;
}

const COLLECTION = 'resume';
/** A client that stays away for longer begins anew. */
const KEPT_MS = 24 * 3_600_000;

/** How a client that subscribes wants to go on after its connection breaks, beside `after` in the operation. */
export interface CursorsWanted {
  /** `extensions.resume.after` of the request: the client follows cursors itself, and this is its last. */
  readonly after: string | undefined;
  /** `extensions.resume`: it wants cursors beside its results. */
  readonly wantsCursors: boolean;
}

/** The operation of one client, whichever process it comes to and whichever connection it comes on. */
export function resumeKey(
  viewer: Viewer,
  session: string,
  operationId: string,
  operationKey: string,
): string {
  const facts = JSON.stringify([viewer.workspace, viewer.userId, session, operationId, operationKey]);
  return createHash('sha256').update(facts).digest('base64url');
}

/** What the extensions of a request ask for. Whatever isn't of their form asks for nothing. */
export function cursorsWanted(extensions: unknown): CursorsWanted {
  const { resume } = (extensions ?? {}) as { readonly resume?: unknown };
  if (typeof resume !== 'object' || resume === null) return { after: undefined, wantsCursors: false };
  const { after } = resume as { readonly after?: unknown };
  return { after: typeof after === 'string' ? after : undefined, wantsCursors: true };
}

/**
 * Where clients are that don't tell it themselves: for each of their operations the last position up to which everything has arrived. They are
 * kept beside the logs, so that a client may come back to another process.
 */
export class ResumePoints {
  readonly #options: ResumeOptions;
  /** What is being removed, by key: whoever comes with such a key waits for it. */
  readonly #forgetting = new Map<string, Promise<void>>();

  constructor(options: ResumeOptions) {
    this.#options = options;
  }

  /**
   * The cursor that a subscription of a client that follows nothing starts behind; undefined where its own arguments tell it, or it begins
   * with a snapshot. What is known wins over an `after` that is sent again and again, but not over one that is later. A client that starts
   * with what comes next has to find that place again, even if it hears of nothing before its connection breaks: it is known, and kept,
   * before anything is delivered.
   *
   * Waits while the store is away, as long as the client does.
   */
  async startOf(route: Route, key: string, isWanted: () => boolean): Promise<string | undefined> {
    const { records, store } = this.#options;
    return this.#patiently(isWanted, async () => {
      await this.#forgetting.get(key);
      const known = await records.get(COLLECTION, key);
      if (known !== undefined && !isLater(route.start.after, known)) return known;
      if (route.start.snapshot || route.start.after !== null) return undefined;
      const head = encodeCursor(await store.head(route.log));
      await records.put(COLLECTION, new Map([[key, head]]), KEPT_MS);
      return head;
    });
  }

  /** The same for a client that is there already: it is known when this resolves, unless it is not wanted any more. */
  async keep(key: string, cursor: string, isWanted: () => boolean): Promise<void> {
    const { records } = this.#options;
    await this.#patiently(isWanted, async () => records.put(COLLECTION, new Map([[key, cursor]]), KEPT_MS));
  }

  /** Everything up to the cursor has arrived. Should this fail, the client gets some of it again. */
  save(key: string, cursor: string): void {
    this.#options.records.put(COLLECTION, new Map([[key, cursor]]), KEPT_MS).catch(this.#options.onError);
  }

  /** The operation is over: with the same key another one begins. `finding` is what still looks for its place, and may keep one. */
  forget(key: string, finding?: Promise<unknown>): void {
    const { records } = this.#options;
    const remove = async (): Promise<void> => records.remove(COLLECTION, key);
    const forgetting = (finding === undefined ? remove() : finding.then(remove, remove))
      .catch(this.#options.onError)
      .finally(() => {
        if (this.#forgetting.get(key) === forgetting) this.#forgetting.delete(key);
      });
    this.#forgetting.set(key, forgetting);
  }

  async #patiently<Result>(
    isWanted: () => boolean,
    task: () => Promise<Result>,
  ): Promise<Result | undefined> {
    while (isWanted()) {
      try {
        return await task();
      } catch (error) {
        if (!mayPass(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, this.#options.retryMs));
      }
    }
    return undefined;
  }
}

/** Whether an operation's `after` is behind a known cursor of the same log: its client has come further than was proved. */
function isLater(after: string | null, known: string): boolean {
  if (after === null) return false;
  const [asked, proved] = [decodeCursor(after).position, decodeCursor(known).position];
  return asked.epoch === proved.epoch && asked.offset > proved.offset;
}
