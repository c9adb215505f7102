import { TidingsError } from '../errors.ts';

/**
 * A place in one log: right behind the entry with this offset.
 *
 * `epoch` is random and new when a log is created. `offset` rises by one an entry, the first entry has 1, and 0 stands
 * before it. `chain` is a short hash over the previous entry's chain and this entry: a log that was rolled back and has
 * grown again has the same epoch and offsets, but another chain.
 */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
  readonly chain: string;
}

/** The chain before the first entry of every log. */
export const GENESIS_CHAIN = '0';

export function samePosition(a: Position, b: Position): boolean {
  return a.offset === b.offset && a.chain === b.chain && a.epoch === b.epoch;
}

/**
 * A position as a client holds it. `inSnapshot` marks the cursors of a snapshot's items but its last: what comes behind
 * them is the rest of the snapshot, which only a new snapshot can give.
 */
export interface Cursor {
  readonly position: Position;
  readonly inSnapshot: boolean;
}

const VERSION = '1';
const VERSION_IN_SNAPSHOT = '1s';
const PATTERN = /^(1s?)\.([0-9a-z]{1,32})\.([0-9a-z]{1,11})\.([0-9a-f]{1,40})$/;

/** The opaque string form of a position: URL-safe, 30 to 60 characters. */
export function encodeCursor(position: Position, inSnapshot = false): string {
  const { epoch, offset, chain } = position;
  const version = inSnapshot ? VERSION_IN_SNAPSHOT : VERSION;
  return Buffer.from(`${version}.${epoch}.${offset.toString(36)}.${chain}`).toString('base64url');
}

/** @throws TidingsError BAD_CURSOR when the text was not made by encodeCursor */
export function decodeCursor(text: string): Cursor {
  const match = text.length <= 200 ? PATTERN.exec(Buffer.from(text, 'base64url').toString()) : null;
  const offset = match === null ? NaN : parseInt(match[3]!, 36);
  if (match === null || !Number.isSafeInteger(offset)) throw new TidingsError('BAD_CURSOR');
  return {
    position: { epoch: match[2]!, offset, chain: match[4]! },
    inSnapshot: match[1] === VERSION_IN_SNAPSHOT,
  };
}

/** Why a log can't be continued from a position. `incomplete`: from inside of a snapshot, of which only a new one can give the rest. */
export type LossReason = 'epoch' | 'chain' | 'trimmed' | 'ahead' | 'incomplete';

/** The log can't be continued from the position asked for; `head` is where it is now. */
export class PositionLost extends Error {
  override readonly name = 'PositionLost';
  readonly reason: LossReason;
  readonly head: Position;

  constructor(reason: LossReason, head: Position) {
    super(`position lost: ${reason}`);
    this.reason = reason;
    this.head = head;
  }

  toTidingsError(): TidingsError {
    return new TidingsError('CURSOR_EXPIRED', undefined, {
      reason: this.reason,
      headCursor: encodeCursor(this.head),
    });
  }
}
