/** One result of a shared operation, serialised once for all who get it. */
export interface EncodedResult {
  /** The GraphQL result as JSON text: `{"data":…}`. */
  readonly json: string;
  /** The event's cursor, for transports that carry it outside of the result. */
  readonly cursor: string;
}

/**
 * Where a delivery writes to: one subscription on one connection. Results are never refused; a congested sink only asks to be left alone,
 * so what is written beyond that is at most the one result that made it congested.
 */
export interface Sink {
  next(result: EncodedResult): void;
  /** The connection has more bytes waiting than its high-water mark allows. */
  readonly isCongested: boolean;
  /** Calls back once when the connection has room again. Never after the connection has closed. */
  whenDrained(listener: () => void): void;
}
