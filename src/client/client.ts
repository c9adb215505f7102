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
  /** Of the subscriptions that were sent; undefined until they have one. */
  const cursors = new Map<string, string | undefined>();
  const { jsonMessageReplacer: replacer, jsonMessageReviver: reviver } = options;
  return createPlainClient({
    ...options,
    jsonMessageReplacer(this: unknown, key, value: unknown) {
      const replaced: unknown = replacer === undefined ? value : replacer.call(this, key, value);
      return key === '' && isMessage(replaced) ? sent(replaced, cursors) : replaced;
    },
    jsonMessageReviver(this: unknown, key, value: unknown) {
      const message = key === '' && isMessage(value) ? received(value, cursors) : value;
      return (reviver === undefined ? message : reviver.call(this, key, message)) as unknown;
    },
  });
}

/** Events may hold values under an empty key too, which is not for us. */
function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** A `subscribe` asks for cursors, and says which one it has got. graphql-ws sends it again, with the same id, at each reconnect. */
function sent(message: Message, cursors: Map<string, string | undefined>): Message {
  const { id, type, payload } = message;
  if (id === undefined) return message;
  if (type === 'complete') cursors.delete(id);
  if (type !== 'subscribe') return message;
  const after = cursors.get(id);
  cursors.set(id, after);
  const resume = after === undefined ? {} : { after };
  return { ...message, payload: { ...payload, extensions: { ...payload?.extensions, resume } } };
}

/** Takes the cursor out of a result before anybody sees it. */
function received(message: Message, cursors: Map<string, string | undefined>): Message {
  const { id, type, payload } = message;
  // Whatever else has such a form, inside of an event, doesn't know the id.
  if (id === undefined || !cursors.has(id)) return message;
  if (type === 'complete' || type === 'error') cursors.delete(id);
  if (type !== 'next' || typeof payload?.extensions?.['cursor'] !== 'string') return message;
  const { cursor, ...extensions } = payload.extensions;
  cursors.set(id, cursor);
  // Only a place in the log, for when nothing happened for long: graphql-ws takes it for an answer to a ping, which nobody waits for.
  if (payload.data === undefined && payload.errors === undefined) return { type: 'pong' };
  const { extensions: _, ...result } = payload;
  return { ...message, payload: Object.keys(extensions).length === 0 ? result : { ...result, extensions } };
}
