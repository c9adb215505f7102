import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { TidingsError } from '../errors.ts';
import { acceptsGzip, isLocal } from './http-io.ts';

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

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface File {
  readonly type: string;
  readonly plain: Buffer;
  /** Where the build found it worth it. */
  readonly compressed: Buffer | undefined;
}

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
  const files = filesIn(directory, 'assets');

  return (request, response, url) => {
    if (url.pathname !== '/') {
      const file = files.get(url.pathname);
      if (file === undefined) throw new TidingsError('NOT_FOUND', 'There is nothing here.');
      return sendFile(request, response, file);
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

/**
 * All files of a folder, by their paths in URLs. They are small, and kept in memory: a file that is read for each request stays open for good where
 * its client leaves in the middle.
 */
function filesIn(directory: string, folder: string): ReadonlyMap<string, File> {
  const names = readdirSync(`${directory}/${folder}`);
  const read = (name: string): Buffer => readFileSync(`${directory}/${folder}/${name}`);
  const files = new Map<string, File>();
  for (const name of names.filter((each) => !each.endsWith('.gz'))) {
    const compressed = names.includes(`${name}.gz`) ? read(`${name}.gz`) : undefined;
    const type = types[extname(name)] ?? 'application/octet-stream';
    files.set(`/${folder}/${name}`, { type, plain: read(name), compressed });
  }
  return files;
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: File): void {
  const { type, plain, compressed } = file;
  const isCompressed = compressed !== undefined && acceptsGzip(request);
  const body = isCompressed ? compressed : plain;
  response.writeHead(200, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': 'public,max-age=31536000,immutable',
    vary: 'origin, accept-encoding',
    ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
