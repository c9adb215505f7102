import type { Position } from '../events/position.ts';

/**
 * One result of a shared operation, serialised once for all who get it.
 *
 * `payload` is how it goes over the wire: its UTF-8 bytes, each as one character. Connections put frames together from such strings, which
 * costs a fraction of joining buffers, and write them as `latin1`, which is byte for byte.
 */
export class EncodedResult {
  /** The GraphQL result as JSON: `{"data":…}`. */
  readonly payload: string;
  /** The event's cursor, for transports that carry it outside of the result. */
  readonly cursor: string;
  /** Told when it has come to hold more bytes; for whoever bounds them. */
  onGrown: ((bytes: number) => void) | undefined;
  #withCursor: string | undefined;

  /** `extensions` are what the result tells beside its data. */
  constructor(result: object, cursor: string, extensions?: Readonly<Record<string, unknown>>) {
    this.cursor = cursor;
    this.payload = toWire(JSON.stringify(extensions === undefined ? result : { ...result, extensions }));
    if (extensions === undefined) return;
    this.#withCursor = toWire(JSON.stringify({ ...result, extensions: { cursor, ...extensions } }));
  }

  /** The result with `extensions: { cursor }`, for clients that follow the cursor without selecting it. */
  get payloadWithCursor(): string {
    if (this.#withCursor === undefined) {
      this.#withCursor = `${this.payload.slice(0, -1)},"extensions":{"cursor":"${this.cursor}"}}`;
      this.onGrown?.(this.#withCursor.length);
    }
    return this.#withCursor;
  }
}

/** The UTF-8 bytes of a text, each as one character. */
export function toWire(text: string): string {
  // Most are ASCII, and the same already.
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');
}

/**
 * Where a delivery writes to: one subscription on one connection. Results are never refused; a congested sink only asks to be left alone,
 * so what is written beyond that is at most the one result that made it congested.
 */
export interface Sink {
  /** It has begun with what comes next, which is behind this position. Not called where it begins with the past or with a snapshot. */
  begins?(position: Position): void;
  next(result: EncodedResult): void;
  /** The connection has more bytes waiting than its high-water mark allows. */
  readonly isCongested: boolean;
  /** Calls back once when the connection has room again. Never after the connection has closed. */
  whenDrained(listener: () => void): void;
}
