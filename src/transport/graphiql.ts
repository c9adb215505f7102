import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { acceptsGzip } from './http-io.ts';

const compress = promisify(gzip);

const firstSubscription = `# Everything that happens, as it happens.
# Press the play button, then publish something,
# or run "npm run demo" and watch.
subscription Everything {
  events {
    cursor
    type
    projectId
    actor
    occurredAt
    ... on PrStateChange {
      repoId
      prNumber
      state
    }
    ... on WorkflowProgress {
      workflowId
      percent
      currentStep
    }
    ... on AiSuggestionMade {
      suggestion { title severity }
    }
  }
}
`;

interface Page {
  readonly plain: Buffer;
  readonly compressed: Buffer;
  readonly etag: string;
}

/** The GraphiQL page: all of it inline, nothing from elsewhere. 9 MB, so it is loaded, made and compressed when it is first asked for. */
export class GraphiqlPage {
  readonly #token: string | null;
  #page: Promise<Page> | undefined;

  /** `token` is put into the headers pane, from where it goes along with every operation. */
  constructor(token: string | null) {
    this.#token = token;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#page ??= this.#make();
    const { plain, compressed, etag } = await this.#page;
    const headers = { etag, 'cache-control': 'private, no-cache', vary: 'accept, accept-encoding, host' };
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, headers).end();
    const isCompressed = acceptsGzip(request);
    const body = isCompressed ? compressed : plain;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/html; charset=utf-8',
      // Its scripts are inline and make code of their own.
      'content-security-policy': "object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
      'content-length': body.length,
      ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #make(): Promise<Page> {
    const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
    const html = renderGraphiQL({
      title: 'Tidings',
      endpoint: '/graphql',
      subscriptionsProtocol: 'WS',
      defaultQuery: firstSubscription,
      headers: JSON.stringify({ Authorization: `Bearer ${this.#token ?? '<your token>'}` }, null, 2),
      shouldPersistHeaders: false,
    });
    const plain = Buffer.from(sendHeadersOverWebSockets(html));
    // Weak, because both forms of the page have it.
    const etag = `W/"${createHash('sha1').update(plain).digest('base64url')}"`;
    return { plain, compressed: await compress(plain), etag };
  }
}

/** The page's WebSocket client takes what it sends first from `connectionParams`, but the page fills in `headers` only, which HTTP uses. */
function sendHeadersOverWebSockets(html: string): string {
  const page = html.replace(
    /extensions:\{headers:(\w+)\?\.headers\}/,
    'extensions:{headers:$1?.headers,connectionParams:$1?.headers}',
  );
  if (page === html) throw new Error('GraphiQL is not as it was: its headers do not reach the WebSocket.');
  return page;
}
