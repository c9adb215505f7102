/** Routing keys. An event is filed under several, a subscription listens to the narrowest that covers it. */

const prefixes = [
  'project',
  'repo',
  'repo-name',
  'github',
  'commit',
  'pr',
  'issue',
  'workflow',
  'agent',
  'target',
  'user',
  'room',
] as const;
type Prefix = (typeof prefixes)[number];

/** Beside the prefixes: every event but those for one user, and what is said to everybody. */
export type Topic = 'all' | 'announcements' | `${Prefix}:${string}`;

export function topic(prefix: Prefix, id: string): Topic {
  return `${prefix}:${id}`;
}
