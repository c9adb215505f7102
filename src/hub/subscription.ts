import type { Position } from '../events/position.ts';
import type { Route } from './route.ts';

/**
 * - `starting`: finds out where to begin
 * - `catchingUp`: reads on from its position until nothing is left
 * - `live`: gets each event as it comes
 * - `congested`: waits for its connection, and remembers its position, with its backlog if there is room for it
 * - `ended`: for good
 */
export type Phase = 'starting' | 'catchingUp' | 'live' | 'congested' | 'ended';

export interface SubscriptionState {
  /** Name of the Subscription field. */
  readonly field: string;
  readonly route: Route;
  readonly phase: Phase;
  /** Where to go on when everything written so far has arrived; null while that is nowhere in the log, as inside of a snapshot. */
  readonly position: Position | null;
  /** Results handed to the connection. */
  readonly delivered: number;
}

/** A subscription as its transport sees it. */
export interface Subscription {
  /** How it is going. */
  state(): SubscriptionState;
  /** Goes on with another access from exactly where it is. What the new access doesn't cover is not sent any more. */
  reroute(route: Route): void;
  /** Ends it with an error that the subscriber is told. */
  fail(error: unknown): void;
  /** The subscriber has left. */
  stop(): void;
}
