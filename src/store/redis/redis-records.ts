import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';
import type { Calls } from '../calls.ts';
import { checkRecords, type Records } from '../records.ts';
import { recordKeys } from './keys.ts';
import type { Link } from './link.ts';

export interface RedisRecordsOptions {
  readonly client: Redis | Cluster;
  readonly link: Link;
  readonly prefix: string;
  /** For tests: a clock in milliseconds. Redis' own when absent. */
  readonly now: (() => number) | undefined;
  /** The store's. */
  readonly calls: Calls;
}

/** Records in one script: others wait while it runs. */
const STEP = 500;

/** What records.lua is to the client. */
interface Scripts {
  tidings_records(keys: number, ...values: readonly (string | number)[]): Promise<unknown>;
}

/** Records of all servers that share a Redis, by Redis' clock. A collection has one hash tag. */
export class RedisRecords implements Records {
  readonly #options: RedisRecordsOptions;

  constructor(options: RedisRecordsOptions) {
    options.client.defineCommand('tidings_records', {
      lua: readFileSync(new URL('./records.lua', import.meta.url), 'utf8'),
    });
    this.#options = options;
  }

  async put(collection: string, records: ReadonlyMap<string, string>, ttlMs: number): Promise<void> {
    checkRecords(records, ttlMs);
    const texts = [...records].map(([key, value]) => [textOf(key), textOf(value)]);
    const puts: Promise<unknown>[] = [];
    for (let from = 0; from < texts.length; from += STEP) {
      puts.push(this.#call(collection, 'put', Math.ceil(ttlMs), ...texts.slice(from, from + STEP).flat()));
    }
    await Promise.all(puts);
  }

  async get(collection: string, key: string): Promise<string | undefined> {
    const value = (await this.#call(collection, 'get', textOf(key))) as string | null;
    return value === null ? undefined : stringOf(value);
  }

  async all(collection: string): Promise<ReadonlyMap<string, string>> {
    const texts = ((await this.#call(collection, 'all')) as string[]).map(stringOf);
    return new Map(Array.from({ length: texts.length / 2 }, (_, at) => [texts[2 * at]!, texts[2 * at + 1]!]));
  }

  async remove(collection: string, key: string): Promise<void> {
    await this.#call(collection, 'remove', textOf(key));
  }

  #call(collection: string, operation: string, ...values: readonly (string | number)[]): Promise<unknown> {
    const { client, link, prefix, now, calls } = this.#options;
    const keys = recordKeys(prefix, collection);
    const time = now === undefined ? '' : Math.trunc(now());
    const scripts = client as unknown as Scripts;
    return calls.make(() =>
      link.call(() => scripts.tidings_records(keys.length, ...keys, operation, time, ...values)),
    );
  }
}

/** JSON escapes what UTF-8 can't hold. */
const textOf = (text: string): string => JSON.stringify(text);
const stringOf = (text: string): string => JSON.parse(text) as string;
