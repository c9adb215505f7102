import type { PullRequest, Workflow } from '../../events/states.ts';
import type { AnyChange } from '../../publishing/change.ts';
import type { Payload } from './payload.ts';

/** What a payload tells about the repository that it comes from. Undefined: not told. */
export interface GithubRepository {
  readonly githubId: string;
  /** `owner/name`. */
  readonly fullName: string;
  /** Its full name before the rename or transfer that the payload tells of. */
  readonly formerName: string | undefined;
  readonly url: string | null | undefined;
  readonly description: string | null | undefined;
  /** The payload tells that its description was edited. */
  readonly isNewlyDescribed: boolean;
  readonly defaultBranch: string | null | undefined;
  readonly isArchived: boolean | undefined;
  readonly updatedAt: string | undefined;
}

/** Where a repository's events go, and what was looked up there for the normaliser. */
export interface Home {
  readonly projectId: string;
  readonly repoId: string;
  /** Those of `Lookup` that are known. */
  readonly pullRequests: readonly PullRequest[];
  readonly workflow: Workflow | undefined;
}

/** Projects that may share a repository or a name, and pull requests that may share a head, as far as we look. */
export const SHARED_MAX = 20;

/** Stored state that a normaliser has to see before it can tell the changes. */
export interface Lookup {
  readonly pullRequests?: readonly number[];
  /** Pull requests whose head is this commit. */
  readonly commit?: string;
  readonly workflow?: string;
}

/** What one delivery says, as far as that can be told without looking at stored state. */
export interface Report {
  /** When it happened; undefined: the payload doesn't tell. */
  readonly occurredAt: string | undefined;
  readonly lookup?: Lookup;
  /**
   * What it says about the repository itself: that it exists, that it was changed, that it is gone. Absent: it is only
   * where the rest happened.
   */
  readonly repository?: 'EXISTS' | 'CHANGED' | 'DELETED';
  /** Actor and time of the changes are filled in from the delivery. */
  readonly changes: (home: Home) => readonly AnyChange[];
  /** Why there was nothing to publish, should that turn out. */
  readonly otherwise?: string;
}

export interface Ignored {
  readonly ignored: string;
}

export type Normaliser = (payload: Payload, repository: GithubRepository) => Report | Ignored;

export interface Delivery extends Report {
  readonly github: GithubRepository;
  readonly actor: string | null;
}

/**
 * GitHub's clock ticks in seconds, and several deliveries often bear the same one. What has to be taken for the later
 * within one second gets the higher rank.
 */
const ranks = { first: 0, early: 1, late: 2, later: 3, last: 9 } as const;
export type Rank = keyof typeof ranks;

/** A time with its rank. What has no time is older than everything that has one. */
export function ranked(time: string | undefined, rank: Rank): string {
  return new Date(Date.parse(time ?? '1970-01-01T00:00:00Z') + ranks[rank]).toISOString();
}

/** The source's version of one aspect of an entity, to spread into a change; nothing where the time isn't known. */
export function asOf(
  aspect: string,
  time: string | undefined,
  rank: Rank = 'first',
): { asOf?: { aspect: string; time: string } } {
  if (time === undefined) return {};
  return { asOf: { aspect, time: ranked(time, rank) } };
}
