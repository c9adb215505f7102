/** One server-sent event, as it came over the wire. */
export interface StreamEvent {
  readonly event?: string;
  readonly id?: string;
  readonly data?: string;
  readonly retry?: string;
}

/** The events of a stream, as they come. Comments are left out. */
export async function* eventsOf(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<StreamEvent, void, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields: Record<string, string> = {};
      for (const line of text.slice(0, end).split('\n')) {
        const colon = line.indexOf(':');
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '');
      }
      text = text.slice(end + 2);
      if (Object.keys(fields).length > 0) yield fields;
    }
  }
}

/** The next event that has a name: one without tells where the stream is, or when to come back. */
export async function nextNamed(events: AsyncGenerator<StreamEvent, void, undefined>): Promise<StreamEvent> {
  for (;;) {
    const { value } = await events.next();
    if (value === undefined) throw new Error('the stream ended');
    if (value.event !== undefined) return value;
  }
}

export interface StreamRequest {
  readonly query: string;
  readonly variables?: unknown;
  /** Null sends none. */
  readonly token: string | null;
  readonly lastEventId?: string;
}

/** Opens a stream of one operation. */
export async function openStream(
  url: string,
  request: StreamRequest,
  signal?: AbortSignal,
): Promise<Response> {
  const { query, variables, token, lastEventId } = request;
  return fetch(url, {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    body: JSON.stringify({ query, variables }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The first `next` events of an operation, then leaves. */
export async function readEvents(
  url: string,
  request: StreamRequest & { readonly count: number },
): Promise<StreamEvent[]> {
  const abort = new AbortController();
  const response = await openStream(url, request, abort.signal);
  const events: StreamEvent[] = [];
  if (request.count > 0) {
    for await (const event of eventsOf(response.body!)) {
      if (event.event === 'next') events.push(event);
      if (events.length === request.count) break;
    }
  }
  abort.abort();
  return events;
}
