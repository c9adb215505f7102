import type { FormattedExecutionResult } from 'graphql';
import { createHash } from 'node:crypto';
import type { Viewer } from '../auth/viewer.ts';
import type { GraphQLRequest } from './documents.ts';

/** How long a client may take to come back, and how many results are kept for those who do. */
const KEPT_MS = 10 * 60_000;
const MAX_KEPT = 1_000;
/** Characters of a result as JSON; larger ones are not kept. */
const MAX_LENGTH = 65_536;

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export interface Executed {
  readonly result: FormattedExecutionResult;
  /** It did something with the connection that it came in on, which holds for no other one. */
  readonly isAboutConnection: boolean;
}

interface Kept {
  readonly at: number;
  /** Undefined when it has to be executed again. */
  readonly result: Promise<FormattedExecutionResult | undefined>;
}

/**
 * Results of the last mutations, because the Dart clients send those that are finished, or under way, once more when they reconnect. A
 * viewer who sends the same mutation with the same id again gets the first one's result.
 */
export class RecentMutations {
  readonly #now: () => number;
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>();

  constructor(now: () => number) {
    this.#now = now;
  }

  async once(
    viewer: Viewer,
    id: string,
    request: GraphQLRequest,
    execute: () => Promise<Executed>,
  ): Promise<FormattedExecutionResult> {
    // Only such an id means the same operation everywhere: others count from 1, in each window of a browser.
    if (viewer.userId === null || !uuid.test(id)) return (await execute()).result;
    const { query, operationName, variables } = request;
    const named = [viewer.workspace, viewer.userId, id, query, operationName, variables];
    const key = createHash('sha256').update(JSON.stringify(named)).digest('base64');
    for (let kept = this.#find(key); kept !== undefined; kept = this.#find(key)) {
      const result = await kept.result;
      if (result !== undefined) return result;
      // Of all who waited in vain one is next.
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
    }
    const executed = execute();
    this.#kept.set(key, { at: this.#now(), result: worthKeeping(executed) });
    return (await executed).result;
  }

  #find(key: string): Kept | undefined {
    const expired = this.#now() - KEPT_MS;
    for (const [oldest, { at }] of this.#kept) {
      if (at > expired && this.#kept.size < MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
    return this.#kept.get(key);
  }
}

async function worthKeeping(executed: Promise<Executed>): Promise<FormattedExecutionResult | undefined> {
  try {
    const { result, isAboutConnection } = await executed;
    if (isAboutConnection || result.errors !== undefined) return undefined;
    return JSON.stringify(result).length > MAX_LENGTH ? undefined : result;
  } catch {
    return undefined;
  }
}
