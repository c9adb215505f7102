import { Turns } from '../turns.ts';

/** In characters of JSON. */
const MOST = 4 * 1_024 * 1_024;
/** What is read at once for the one item that there is always room for. Some may be for others to see. */
const FEW = 10;

/**
 * How large one answer has become. A page ends with the item that brings it to the limit, whatever was asked for; where a document asks for several
 * pages, those that are not done by then have one more item each. An answer is put together in one go, while everybody else waits.
 */
export class AnswerSize {
  #characters = 0;
  readonly #turns = new Turns();

  isReachedBy(item: object): boolean {
    if (this.#characters < MOST) this.#characters += JSON.stringify(item).length;
    return this.#characters >= MOST;
  }

  /** Pages are read one after the other, so that little is read for those that there is no room for. */
  async inTurn<Page>(read: (atOnce: (most: number) => number) => Promise<Page>): Promise<Page> {
    return this.#turns.inTurn('', async () =>
      read((most) => (this.#characters < MOST ? most : Math.min(most, FEW))),
    );
  }
}
