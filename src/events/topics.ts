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

export type Topic = 'all' | `${Prefix}:${string}`;

export function topic(prefix: Prefix, id: string): Topic {
  return `${prefix}:${id}`;
}
