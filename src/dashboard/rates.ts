import type { StatsQuery } from './generated/operations.ts';

export type Stats = StatsQuery['stats'];

/** A moment of the server, in events per second. */
interface Rate {
  /** Seconds since 1970. */
  readonly at: number;
  readonly in: number;
  readonly out: number;
}

/** Five minutes of what is asked every two seconds. */
const MAX_RATES = 150;

/** Makes rates out of counters that only grow, but for a server that starts anew. */
export class Rates {
  readonly list: Rate[] = [];
  #last: { readonly at: number; readonly stats: Stats } | null = null;

  add(stats: Stats, at: number): void {
    const last = this.#last;
    this.#last = { at, stats };
    if (last === null || at <= last.at || stats.uptimeSeconds < last.stats.uptimeSeconds) return;
    const rate = (before: number, now: number): number => Math.max(0, (now - before) / (at - last.at));
    this.list.push({
      at,
      in: rate(last.stats.eventsSeen, stats.eventsSeen),
      out: rate(last.stats.deliveries, stats.deliveries),
    });
    if (this.list.length > MAX_RATES) this.list.shift();
  }
}
