import { once } from 'node:events';
import { TestSocket } from '../support/socket.ts';
import { type TestServer } from '../support/server.ts';

/** A way in, by which a token can come. */
export interface Entrance {
  readonly name: string;
  /** What becomes of a token there: `admitted`, or what its owner is told. */
  readonly enter: (server: TestServer, token: string | undefined) => Promise<string>;
  /** The same by the headers of a request, where who has no token may read what is open to everybody. */
  readonly shows?: (server: TestServer, headers: Readonly<Record<string, string>>) => Promise<string>;
  /** What is told to whoever doesn't get in. */
  readonly refusal: string;
}

const viewer = '{ viewer { userId } }';

const overHttp = (
  name: string,
  headersOf: (token: string) => Record<string, string>,
  accept = 'application/json',
): Entrance => {
  const shows = async (server: TestServer, headers: Readonly<Record<string, string>>): Promise<string> => {
    const response = await fetch(server.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, ...headers },
      body: JSON.stringify({ query: viewer }),
    });
    return outcomeOf(response.status, await response.text());
  };
  return {
    name,
    refusal: '401 UNAUTHENTICATED',
    enter: async (server, token) => shows(server, token === undefined ? {} : headersOf(token)),
    shows,
  };
};

const session: Entrance = {
  name: 'POST /session',
  refusal: '401 UNAUTHENTICATED',
  async enter(server, token) {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.url}/session`, { method: 'POST', headers });
    const isSet = response.headers.has('set-cookie');
    return isSet ? 'admitted' : outcomeOf(response.status, await response.text());
  },
};

const cloudEvents: Entrance = {
  name: 'POST /webhooks/cloudevents',
  refusal: '401 UNAUTHENTICATED',
  async enter(server, token) {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.url}/webhooks/cloudevents`, {
      method: 'POST',
      headers,
      body: '{}',
    });
    // Whoever is let in is told what is wrong with the event, or that publishing is not for him.
    const outcome = outcomeOf(response.status, await response.text());
    return /^40[035]|^415/.test(outcome) ? 'admitted' : outcome;
  },
};

const overSocket = (protocol: string, refusal: string, where: 'init' | 'upgrade'): Entrance => {
  const connect = async (
    server: TestServer,
    headers: Readonly<Record<string, string>>,
    payload?: Readonly<Record<string, string>>,
  ): Promise<string> => {
    using socket = new TestSocket(server.webSocketUrl, { protocol, headers });
    await socket.opened();
    socket.send({ type: 'connection_init', payload });
    const told: string[] = [];
    socket.socket.on('message', (data) => {
      const { type, payload: sent } = JSON.parse((data as Buffer).toString()) as {
        type: string;
        payload?: { extensions?: { code?: string } };
      };
      told.push(type === 'connection_ack' ? 'admitted' : (sent?.extensions?.code ?? type));
    });
    if (socket.socket.readyState === socket.socket.OPEN) {
      await Promise.race([once(socket.socket, 'message'), socket.closed]);
      if (told[0] === 'admitted') return 'admitted';
    }
    return [...told, (await socket.closed).code].join(' ');
  };
  return {
    name: `${protocol}, in the ${where === 'init' ? 'init payload' : 'upgrade request'}`,
    refusal,
    async enter(server, token) {
      const given: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return where === 'init' ? connect(server, {}, given) : connect(server, given);
    },
    ...(where === 'upgrade' ? { shows: connect } : {}),
  };
};

const refresh: Entrance = {
  name: 'refreshSession',
  refusal: 'UNAUTHENTICATED',
  async enter(server, token) {
    using socket = await TestSocket.connect(server.webSocketUrl, { token: server.ownToken });
    socket.subscribe('1', 'mutation ($token: String!) { refreshSession(token: $token) { ended } }', {
      token: token ?? '',
    });
    const { payload } = (await socket.receive()) as {
      payload: { errors?: { extensions: { code: string } }[] };
    };
    return payload.errors?.[0]?.extensions.code ?? 'admitted';
  },
};

/** All of them. A new transport belongs in here. */
export const entrances: readonly Entrance[] = [
  overHttp('HTTP', (token) => ({ authorization: `Bearer ${token}` })),
  overHttp('server-sent events', (token) => ({ authorization: `Bearer ${token}` }), 'text/event-stream'),
  overHttp(
    'multipart',
    (token) => ({ authorization: `Bearer ${token}` }),
    'multipart/mixed;subscriptionSpec=1.0,application/json',
  ),
  overHttp('the cookie of a session', (token) => ({ cookie: `tidings_session=${token}` })),
  session,
  cloudEvents,
  overSocket('graphql-transport-ws', '4403', 'init'),
  overSocket('graphql-transport-ws', '4403', 'upgrade'),
  overSocket('graphql-ws', 'UNAUTHENTICATED 4403', 'init'),
  overSocket('graphql-ws', 'UNAUTHENTICATED 4403', 'upgrade'),
  refresh,
];

function outcomeOf(status: number, text: string): string {
  if (status === 200) return 'admitted';
  return `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? text}`;
}
