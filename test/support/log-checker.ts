import { decodeCursor } from '../../src/events/position.ts';

/** An event as somebody was told of it. The contents that a test publishes are all different. */
export interface Told {
  readonly cursor: string;
  readonly content: string;
}

/** What a subscriber of everything was told, in that order, over all its connections. */
export interface Observed {
  readonly name: string;
  /** The cursor that it began behind. */
  readonly after: string;
  readonly events: readonly Told[];
}

/** All but the first three have to be 0. */
export interface LogCheck {
  readonly acknowledged: number;
  readonly subscribers: number;
  readonly reads: number;
  /** Different contents, chains or epochs at one offset, whoever was told so. */
  readonly disagreements: number;
  /** Acknowledged, at or below the highest offset that anybody read, and not seen by a subscriber: once for each of them. */
  readonly missing: number;
  /** Offsets that a subscriber was never told, though of later ones. */
  readonly gaps: number;
  /** An offset below the one before it that the subscriber had not been told yet. */
  readonly inversions: number;
  /** An offset that the subscriber had been told already. */
  readonly duplicates: number;
  /** Contents at more than one offset. */
  readonly storedTwice: number;
  /** The first violations, in words. */
  readonly problems: readonly string[];
}

/** What a log that keeps its promises is counted as, beside the three that count what was checked. */
export const nothingWrong = {
  disagreements: 0,
  missing: 0,
  gaps: 0,
  inversions: 0,
  duplicates: 0,
  storedTwice: 0,
  problems: [],
};

const MAX_PROBLEMS = 10;

/**
 * Jepsen's checker of logs, for one log: whoever was told of an offset was told the same, nobody missed what was acknowledged, and
 * everybody was told each offset once, in their order.
 */
export function checkLog(acknowledged: readonly Told[], subscribers: readonly Observed[]): LogCheck {
  const problems: string[] = [];
  const counts = { disagreements: 0, missing: 0, gaps: 0, inversions: 0, duplicates: 0, storedTwice: 0 };
  const count = (what: keyof typeof counts, problem: string, howMany = 1): void => {
    counts[what] += howMany;
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  };

  const contentAt = new Map<number, Told>();
  const offsetOf = new Map<string, number>();
  const agree = (teller: string, told: Told): number => {
    const { offset } = decodeCursor(told.cursor).position;
    const known = contentAt.get(offset);
    if (known === undefined) contentAt.set(offset, told);
    else if (known.cursor !== told.cursor || known.content !== told.content)
      count('disagreements', `${teller}: ${offset} is "${told.content}", elsewhere "${known.content}"`);
    const first = offsetOf.get(told.content) ?? offset;
    offsetOf.set(told.content, first);
    if (first !== offset) count('storedTwice', `${teller}: "${told.content}" is at ${first} and ${offset}`);
    return offset;
  };

  let highest = 0;
  const seen = subscribers.map(({ name, after, events }) => {
    const start = decodeCursor(after).position.offset;
    const offsets = new Set<number>();
    let last = start;
    for (const event of events) {
      const offset = agree(name, event);
      if (offsets.has(offset)) count('duplicates', `${name}: ${offset} again, behind ${last}`);
      else if (offset <= last) count('inversions', `${name}: ${offset} behind ${last}`);
      offsets.add(offset);
      last = Math.max(last, offset);
    }
    highest = Math.max(highest, last);
    const skipped = last - start - offsets.size;
    if (skipped > 0)
      count('gaps', `${name}: ${skipped} offsets between ${start} and ${last} are missing`, skipped);
    return { name, start, offsets };
  });

  const acknowledgedAt = new Set(acknowledged.map((told) => agree('an acknowledgement', told)));
  for (const { name, start, offsets } of seen) {
    for (const offset of acknowledgedAt) {
      if (offset <= start || offset > highest || offsets.has(offset)) continue;
      count('missing', `${name}: ${offset} was acknowledged and is missing`);
    }
  }
  const reads = subscribers.reduce((sum, { events }) => sum + events.length, 0);
  return { acknowledged: acknowledged.length, subscribers: subscribers.length, reads, ...counts, problems };
}
