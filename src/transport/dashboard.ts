import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import sirv from 'sirv';
import { TidingsError } from '../errors.ts';
import { isLocal } from './http-io.ts';

/** Nothing from elsewhere, and nothing inline: what an event holds can't become script. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

type Handle = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

/**
 * The dashboard as `npm run build` left it in the directory: the page itself, which is asked for each time, and its files, which never change.
 * `token` is put into the page, for browsers of this machine. Where nothing was built, GraphiQL is what there is to look at.
 */
export function createDashboard(directory: string, token: string | null): Handle {
  if (!existsSync(`${directory}/index.html`)) {
    return (_request, response, url) => {
      if (url.pathname !== '/') throw new TidingsError('NOT_FOUND');
      response.writeHead(302, { location: '/graphql' }).end();
    };
  }
  const open = readFileSync(`${directory}/index.html`, 'utf8');
  const withToken = open.replace('</head>', `  <meta name="tidings-token" content="${token}" />\n  </head>`);
  const serveFile = sirv(directory, {
    gzip: true,
    immutable: true,
    maxAge: 365 * 24 * 3_600,
    extensions: [],
  });

  return (request, response, url) => {
    if (url.pathname !== '/') {
      return serveFile(request, response, () => {
        throw new TidingsError('NOT_FOUND', 'There is nothing here.');
      });
    }
    const body = Buffer.from(token !== null && isLocal(request) ? withToken : open);
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-length': body.length,
      'content-security-policy': policy,
      'cache-control': 'private, no-cache',
      vary: 'host',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}
