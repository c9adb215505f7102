import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';

/** What a script answers: tables are arrays, which end at the first nil, and numbers are whole. */
type Reply = string | number | null | readonly Reply[];

const names = ['append', 'read', 'entity', 'entities', 'recall', 'trim'] as const;
export type ScriptName = (typeof names)[number];

export type RunScript = (
  name: ScriptName,
  keys: readonly string[],
  values: readonly (string | number)[],
) => Promise<Reply>;

/** Makes the .lua files beside this one commands of the client. They are sent once a connection, then named by their hash. */
export function defineScripts(client: Redis | Cluster): RunScript {
  const shared = source('log');
  for (const name of names) client.defineCommand(commandOf(name), { lua: `${shared}\n${source(name)}` });
  const commands = client as unknown as Record<string, (...values: unknown[]) => Promise<Reply>>;
  return async (name, keys, values) => commands[commandOf(name)]!(keys.length, keys, values);
}

function commandOf(name: ScriptName): string {
  return `tidings_${name}`;
}

function source(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}
