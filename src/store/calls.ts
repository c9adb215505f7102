import { storeUnavailable } from './store.ts';

/** What may wait to be written, in characters. More is refused, so that a disk or a Redis that hangs can't eat the memory. */
const WAITING_CHARACTERS = 64 * 1_024 * 1_024;

/** The calls of one store: bounded while they wait to be written, waited for at its end, and refused after it. */
export class Calls {
  #underWay = 0;
  #waitingCharacters = 0;
  #refusal: Error | undefined;
  #onIdle: (() => void) | undefined;

  /** Whether calls are taken. */
  get areTaken(): boolean {
    return this.#refusal === undefined;
  }

  /** @throws TidingsError STORE_UNAVAILABLE after the store's end */
  async make<Result>(call: () => Promise<Result>): Promise<Result> {
    if (this.#refusal !== undefined) throw storeUnavailable(this.#refusal);
    this.#underWay += 1;
    try {
      return await call();
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }

  /**
   * Within a call, what writes so many characters.
   *
   * @throws TidingsError STORE_UNAVAILABLE where too many wait already
   */
  async write<Result>(characters: number, write: () => Promise<Result>): Promise<Result> {
    if (this.#waitingCharacters > 0 && this.#waitingCharacters + characters > WAITING_CHARACTERS)
      throw storeUnavailable(new Error('too much waits to be written'));
    this.#waitingCharacters += characters;
    try {
      return await write();
    } finally {
      this.#waitingCharacters -= characters;
    }
  }

  /** From now on every call is refused for this reason. */
  refuse(reason: Error): void {
    this.#refusal ??= reason;
  }

  /** Refuses calls, and resolves when none is under way any more. */
  async end(): Promise<void> {
    this.refuse(new Error('the store is closed'));
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }
}
