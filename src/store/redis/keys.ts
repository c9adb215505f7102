import { logKey, type LogName } from '../store.ts';

/** Names of everything that belongs to one log. They share a hash tag, so that a cluster keeps them together. */
export interface LogKeys {
  /** The five that log.lua describes, in its order. */
  readonly structures: readonly [log: string, entries: string, entities: string, kept: string, filed: string];
  /** Where its appends are told. Channels are not part of a database: two servers of one Redis need different prefixes. */
  readonly channel: string;
  /** What the batch with this idempotency key got. */
  receipt(idempotencyKey: string): string;
  /** The same, known for the moment in which a batch without a key may be sent again. */
  resent(nonce: string): string;
}

export function keysOf(prefix: string, log: LogName): LogKeys {
  const tag = `${prefix}:{${plain(logKey(log))}}`;
  return {
    structures: [`${tag}:log`, `${tag}:entries`, `${tag}:entities`, `${tag}:kept`, `${tag}:filed`],
    channel: `${tag}:appended`,
    receipt: (idempotencyKey) => `${tag}:receipt:${plain(idempotencyKey)}`,
    resent: (nonce) => `${tag}:resent:${nonce}`,
  };
}

/** The logs that were ever written or read, for who looks after them all: a set of logNameText. */
export function registryKey(prefix: string): string {
  return `${prefix}:logs`;
}

/** Held by the process that looks after the logs for now. */
export function caretakerKey(prefix: string): string {
  return `${prefix}:caretaker`;
}

/** The two that records.lua describes. */
export function recordKeys(prefix: string, collection: string): [values: string, due: string] {
  const tag = `${prefix}:{records/${plain(collection)}}`;
  return [`${tag}:values`, `${tag}:due`];
}

export function logNameText({ stream, workspace }: LogName): string {
  return JSON.stringify([stream, workspace]);
}

export function logNameOf(text: string): LogName {
  const [stream, workspace] = JSON.parse(text) as [LogName['stream'], string];
  return { stream, workspace };
}

/**
 * Any string as one without braces, which end a hash tag, and without unpaired surrogates, which are all the same in UTF-8.
 * Different strings stay different.
 */
function plain(text: string): string {
  return text.replace(/[^\w./-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
