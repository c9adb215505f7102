import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

const firstSubscription = `# Everything that happens, as it happens. Press the play button, then publish something,
# or run "npm run demo" in place of "npm start" and watch.
subscription Everything {
  events {
    cursor
    type
    projectId
    actor
    occurredAt
    ... on PrStateChange { repoId prNumber state reason }
    ... on WorkflowProgress { workflowId status percent currentStep }
    ... on AiSuggestionMade { suggestion { title severity confidence } }
  }
}
`;

/** The GraphiQL page: all of it inline, nothing from elsewhere. 9 MB, so it is made and compressed once. */
export class GraphiqlPage {
  readonly #html: string;
  #compressed: Promise<Buffer> | undefined;

  /** `token` is put into the headers pane, from where it goes along with every operation. */
  constructor(token: string | null) {
    this.#html = renderGraphiQL({
      title: 'Tidings',
      endpoint: '/graphql',
      subscriptionsProtocol: 'WS',
      defaultQuery: firstSubscription,
      headers: JSON.stringify({ Authorization: `Bearer ${token ?? '<your token>'}` }, null, 2),
      shouldPersistHeaders: false,
    });
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const acceptsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding']));
    this.#compressed ??= compress(this.#html);
    const body = acceptsGzip ? await this.#compressed : Buffer.from(this.#html);
    const etag = `"${createHash('sha1').update(body).digest('base64url')}"`;
    const headers = { etag, 'cache-control': 'private, no-cache', vary: 'accept, accept-encoding, host' };
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, headers).end();
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/html; charset=utf-8',
      'content-length': body.length,
      ...(acceptsGzip ? { 'content-encoding': 'gzip' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}
