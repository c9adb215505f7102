/** In characters of JSON. */
const MOST = 4 * 1_024 * 1_024;

/**
 * How large one answer has become. A page ends with the item that brings it to the limit, whatever was asked for; where a document asks for several
 * pages, those that are not done by then have one more item each. An answer is put together in one go, while everybody else waits.
 */
export class AnswerSize {
  #characters = 0;

  isReachedBy(item: object): boolean {
    if (this.#characters < MOST) this.#characters += JSON.stringify(item).length;
    return this.#characters >= MOST;
  }
}
