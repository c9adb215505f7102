import type { StreamFormat } from './response-streams.ts';

/** How long an EventSource waits before it comes back, in milliseconds. */
const RETRY_MS = 1_000;
/** The Last-Event-ID of a browser whose operation is over: it asks again all the same, and is told to stop. */
const FINISHED = 'finished';

/**
 * Server-sent events, in the "distinct connections" form of the GraphQL over SSE protocol: each operation is a request, its results are `next`
 * events whose `id` is the event's cursor, and `complete` ends it. A browser's EventSource resumes by itself from its Last-Event-ID, which it
 * has from the beginning on: where no result tells it, an empty event does.
 */
export const serverSentEvents: StreamFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  opening: `retry: ${RETRY_MS}\n\n`,
  // One data line and plain line feeds: urql's parser takes nothing else. JSON text has no line feeds of its own.
  result: (payload, cursor) =>
    cursor === undefined
      ? `event: next\ndata: ${payload}\n\n`
      : `event: next\nid: ${cursor}\ndata: ${payload}\n\n`,
  heartbeat: ':\n\n',
  // An event without a name and with nothing in it: Safari and others forget an id that comes without any data, while graphql-sse and urql
  // pass over what is empty.
  place: (cursor) => `id: ${cursor}\ndata:\n\n`,
  end: `event: complete\nid: ${FINISHED}\ndata: \n\n`,
  // Without `complete` the client comes back and goes on where it was.
  interruption: () => '',
  lastSeen({ headers }) {
    const id = headers['last-event-id'];
    if (id === FINISHED) return { isEnd: true };
    return typeof id === 'string' && id !== '' ? { cursor: id } : {};
  },
};
