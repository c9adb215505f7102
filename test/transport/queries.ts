/** Every way to ask, with what comes of it as one text: what a table of expected answers is written in. */
import type { TestServer } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';

interface Question {
  readonly query?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly extensions?: unknown;
}

interface Asked {
  /** `data`, or how it was refused: with its HTTP status, `error` in a stream, `error` and that the socket stays. */
  readonly outcome: string;
  readonly text: string;
}

export interface Way {
  readonly name: string;
  readonly kind: 'http' | 'stream' | 'socket';
  ask(server: TestServer, question: Question, token: string): Promise<Asked>;
}

function codeIn(text: string): string {
  return /"code":"(\w+)"/.exec(text)?.[1] ?? text;
}

const overHttp = (
  name: string,
  kind: Way['kind'],
  accept: string,
  send: (url: string, question: Question, headers: Record<string, string>) => Promise<Response>,
): Way => ({
  name,
  kind,
  async ask(server, question, token) {
    const response = await send(server.graphqlUrl, question, { accept, authorization: `Bearer ${token}` });
    const text = await response.text();
    const outcome = text.includes('"errors"')
      ? `${kind === 'http' ? response.status : 'error'} ${codeIn(text)}`
      : 'data';
    return { outcome, text };
  },
});

const post = async (url: string, question: Question, headers: Record<string, string>): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(question),
  });

const get = async (url: string, question: Question, headers: Record<string, string>): Promise<Response> => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(question))
    search.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  return fetch(`${url}?${search}`, { headers });
};

const overSocket = (protocol: string, start: string): Way => ({
  name: protocol,
  kind: 'socket',
  async ask(server, question, token) {
    using client = new TestSocket(server.webSocketUrl, { protocol });
    await client.opened();
    client.send({ type: 'connection_init', payload: { token } });
    await client.receive();
    const run = async (id: string, payload: Question): Promise<{ type: string; payload?: unknown }> => {
      client.send({ id, type: start, payload: { query: '', ...payload } });
      for (;;) {
        const message = await client.receive();
        if (message.id === id && message.type !== 'complete') return message;
      }
    };
    const { type, payload } = await run('asked', question);
    const text = JSON.stringify(payload);
    if (type !== 'error' && !text.includes('"errors"')) return { outcome: 'data', text };
    const after = await run('after', {
      query: '{ viewer { userId } }',
      ...(question.extensions === undefined ? {} : question),
    });
    const isThere = after.type === 'next' || after.type === 'data' || after.type === 'error';
    return { outcome: `error ${codeIn(text)}${isThere ? ', the socket stays' : ''}`, text };
  },
});

/** Every way to ask a query. */
export const ways: readonly Way[] = [
  overHttp('POST', 'http', 'application/json', post),
  overHttp('GET', 'http', 'application/json', get),
  overHttp('server-sent events', 'stream', 'text/event-stream', post),
  overSocket('graphql-transport-ws', 'subscribe'),
  overSocket('graphql-ws', 'start'),
];

/** How an error looks on a way. */
export function refusedWith(way: Way, status: number, code: string): string {
  if (way.kind === 'http') return `${status} ${code}`;
  return way.kind === 'stream' ? `error ${code}` : `error ${code}, the socket stays`;
}
