/**
 * The contract of what is kept beside the logs: short texts by key, each until its time is over. Revocations of tokens and the
 * resume points of clients are such. test/store/records.ts says the same as tests; every backend passes them.
 */

/** What a backend needs not expect more of. */
export const recordLimits = { keyCharacters: 1_024, valueCharacters: 16 * 1_024 } as const;

export interface Records {
  /**
   * Keeps each record until `ttlMs` from now by the store's clock, in the place of what had its key. Durable when it resolves,
   * as the logs are, and seen by all that share the store. What is put at one time shares one write, but one call with many
   * records is cheaper than many calls. Where it fails, some may have been kept.
   *
   * @param collection names what they are; ours to choose, never a client's
   * @param records keys and values are any texts within `recordLimits`
   * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL
   * @throws RangeError a text is too long, or the time is over already: nothing was kept
   */
  put(collection: string, records: ReadonlyMap<string, string>, ttlMs: number): Promise<void>;

  /** @throws TidingsError STORE_UNAVAILABLE */
  get(collection: string, key: string): Promise<string | undefined>;

  /**
   * Everything in it, read at one moment: for collections that are small as a whole.
   *
   * @throws TidingsError STORE_UNAVAILABLE
   */
  all(collection: string): Promise<ReadonlyMap<string, string>>;

  /**
   * Nothing happens where it isn't there.
   *
   * @throws TidingsError STORE_UNAVAILABLE
   */
  remove(collection: string, key: string): Promise<void>;
}

/** @throws RangeError */
export function checkRecords(records: ReadonlyMap<string, string>, ttlMs: number): void {
  if (!(ttlMs > 0)) throw new RangeError('records have to be kept for some time');
  for (const [key, value] of records) {
    if (key.length > recordLimits.keyCharacters) throw new RangeError('the key of a record is too long');
    if (value.length > recordLimits.valueCharacters) throw new RangeError('a record is too long');
  }
}
