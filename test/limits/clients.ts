import { request, type IncomingMessage } from 'node:http';
import { TestSocket } from '../support/socket.ts';
import { tokenFor, type TestServer } from '../support/server.ts';

/** Who asks, and from where: proxies on this machine are believed. */
export interface Who {
  readonly user?: string;
  readonly token?: string;
  readonly address?: string;
}

/** What became of an attempt: `in`, or how it was refused. */
export interface Attempt extends Disposable {
  readonly outcome: string;
  readonly retryAfter: string | undefined;
}

/** A way to stay connected. */
export interface Way {
  readonly name: string;
  enter(server: TestServer, who: Who): Promise<Attempt>;
  /** How a place is refused there, by the code. */
  readonly refused: Readonly<
    Record<
      'address' | 'user' | 'process',
      { readonly outcome: string; readonly retryAfter: string | undefined }
    >
  >;
}

const forwarded = ({ address }: Who): Record<string, string> =>
  address === undefined ? {} : { 'x-forwarded-for': address };
const tokenOf = ({ user = 'ada', token = tokenFor({ sub: user }) }: Who): string => token;

function overSocket(protocol: string, refusedUser: string): Way {
  return {
    name: protocol,
    refused: {
      address: { outcome: '429 RATE_LIMITED', retryAfter: '5' },
      user: { outcome: refusedUser, retryAfter: undefined },
      process: { outcome: '1013', retryAfter: undefined },
    },
    async enter(server, who) {
      const client = new TestSocket(server.webSocketUrl, { protocol, headers: forwarded(who) });
      const attempt = (outcome: string, retryAfter?: string): Attempt => ({
        outcome,
        retryAfter,
        [Symbol.dispose]: () => client[Symbol.dispose](),
      });
      const refused = await new Promise<IncomingMessage | undefined>((resolve) => {
        client.socket.once('unexpected-response', (_request, response: IncomingMessage) => resolve(response));
        client.socket.once('open', () => resolve(undefined));
      });
      if (refused !== undefined) {
        return attempt(
          `${refused.statusCode} ${codeIn(await textOf(refused))}`,
          refused.headers['retry-after'],
        );
      }
      if (client.socket.readyState === client.socket.OPEN)
        client.send({ type: 'connection_init', payload: { token: tokenOf(who) } });
      let told = '';
      try {
        const { type, payload } = await client.receive();
        if (type === 'connection_ack') return attempt('in');
        told = `${codeIn(JSON.stringify({ payload }))} `;
      } catch {
        // It was closed.
      }
      return attempt(`${told}${(await client.closed).code}`);
    },
  };
}

function overHttp(name: string, accept: string): Way {
  return {
    name,
    refused: {
      address: { outcome: '429 RATE_LIMITED', retryAfter: '5' },
      user: { outcome: '429 RATE_LIMITED', retryAfter: '5' },
      process: { outcome: '503 OVERLOADED', retryAfter: '5' },
    },
    async enter(server, who) {
      const headers = {
        accept,
        'content-type': 'application/json',
        authorization: `Bearer ${tokenOf(who)}`,
        ...forwarded(who),
      };
      const sending = request(server.graphqlUrl, { method: 'POST', headers, agent: false });
      sending.end(JSON.stringify({ query: 'subscription { events { cursor } }' }));
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        sending.once('response', resolve);
        sending.once('error', reject);
      });
      const dispose = (): void => void sending.destroy();
      sending.on('error', () => undefined);
      response.on('error', () => undefined);
      if (response.statusCode === 200) {
        response.resume();
        return { outcome: 'in', retryAfter: undefined, [Symbol.dispose]: dispose };
      }
      const outcome = `${response.statusCode} ${codeIn(await textOf(response))}`;
      return { outcome, retryAfter: response.headers['retry-after'], [Symbol.dispose]: dispose };
    },
  };
}

/** Every way to stay connected. */
export const ways: readonly Way[] = [
  overSocket('graphql-transport-ws', '1013'),
  overSocket('graphql-ws', 'RATE_LIMITED 1013'),
  overHttp('server-sent events', 'text/event-stream'),
  overHttp('multipart', 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json'),
];

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response) text += String(part);
  return text;
}

export function codeIn(text: string): string {
  return /"code":"(\w+)"/.exec(text)?.[1] ?? text;
}
