/**
 * `tidings/client`: the client of graphql-ws, whose subscriptions go on where they were when a connection breaks: each event once, none left
 * out. Under Apollo, urql or Relay it takes the place of graphql-ws's own; there is nothing else to write.
 *
 * It imports nothing of the server and runs in browsers.
 */
import { createClient as createPlainClient, type Client, type ClientOptions } from 'graphql-ws';

/** What this file knows of the protocol's messages. */
interface Message {
  readonly id?: string;
  readonly type?: string;
  readonly payload?: {
    readonly data?: unknown;
    readonly errors?: unknown;
    readonly extensions?: Record<string, unknown>;
  };
}

/**
 * A client of graphql-ws that resumes. All options are those of graphql-ws; a replacer and a reviver of your own still see every message, as it
 * is without cursors.
 *
 * Where a subscription can't be continued, because the server's log doesn't reach back so far, it ends with an error whose code is
 * CURSOR_EXPIRED.
 */
export function createClient(options: ClientOptions): Client {
  const cursors = new Map<string, string>();
  const { jsonMessageReplacer: replacer, jsonMessageReviver: reviver } = options;
  return createPlainClient({
    ...options,
    jsonMessageReplacer(this: unknown, key, value: unknown) {
      const replaced: unknown = replacer === undefined ? value : replacer.call(this, key, value);
      return key === '' ? sent(replaced as Message, cursors) : replaced;
    },
    jsonMessageReviver(this: unknown, key, value: unknown) {
      const message = key === '' ? received(value as Message, cursors) : value;
      return (reviver === undefined ? message : reviver.call(this, key, message)) as unknown;
    },
  });
}

/** A `subscribe` asks for cursors, and says which one it has got. graphql-ws sends it again, with the same id, at each reconnect. */
function sent(message: Message, cursors: Map<string, string>): Message {
  const { id, type, payload } = message;
  if (id === undefined) return message;
  if (type === 'complete') cursors.delete(id);
  if (type !== 'subscribe') return message;
  const after = cursors.get(id);
  const resume = after === undefined ? {} : { after };
  return { ...message, payload: { ...payload, extensions: { ...payload?.extensions, resume } } };
}

/** Takes the cursor out of a result before anybody sees it. */
function received(message: Message, cursors: Map<string, string>): Message {
  const { id, type, payload } = message;
  if (id === undefined) return message;
  if (type === 'complete' || type === 'error') cursors.delete(id);
  if (type !== 'next' || typeof payload?.extensions?.['cursor'] !== 'string') return message;
  const { cursor, ...extensions } = payload.extensions;
  cursors.set(id, cursor);
  // Only a place in the log, for when nothing happened for long: graphql-ws takes it for an answer to a ping, which nobody waits for.
  if (payload.data === undefined && payload.errors === undefined) return { type: 'pong' };
  const { extensions: _, ...result } = payload;
  return { ...message, payload: Object.keys(extensions).length === 0 ? result : { ...result, extensions } };
}
