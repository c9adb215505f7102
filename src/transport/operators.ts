import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator } from '../auth/authenticator.ts';
import { requireScope } from '../auth/access.ts';
import type { Viewer } from '../auth/viewer.ts';
import { isLocal, sendJson } from './http-io.ts';

export interface OperatorRoutesOptions {
  readonly authenticator: Pick<Authenticator, 'fromHeaders'>;
  /** Metrics in Prometheus' format. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** A token that opens /metrics and nothing else. Without one they are open for this machine. */
  readonly metricsToken: string | undefined;
  /** @throws TidingsError FORBIDDEN, STORE_UNAVAILABLE */
  readonly stats: (viewer: Viewer) => Promise<object>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** What is for those who run the server: /metrics and /stats. */
export function operatorRoutes(options: OperatorRoutesOptions): {
  readonly metrics: Handler;
  readonly stats: Handler;
} {
  const { authenticator, metrics, metricsToken, stats } = options;
  const mayScrape = async (request: IncomingMessage): Promise<void> => {
    if (metricsToken === undefined ? isFromHere(request) : holds(request, metricsToken)) return;
    requireScope(await authenticator.fromHeaders(request.headers), 'admin');
  };
  return {
    async metrics(request, response) {
      await mayScrape(request);
      const text = await metrics.text();
      response.writeHead(200, {
        'content-type': metrics.contentType,
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
      });
      response.end(text);
    },
    async stats(request, response) {
      sendJson(response, 200, await stats(await authenticator.fromHeaders(request.headers)));
    },
  };
}

const loopback: ReadonlySet<string | undefined> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/** From this machine, and not by a proxy on it or a page with a foreign name that leads here. */
function isFromHere(request: IncomingMessage): boolean {
  const { headers, socket } = request;
  const isPassedOn = ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'].some((name) => name in headers);
  return loopback.has(socket.remoteAddress) && isLocal(request) && !isPassedOn;
}

function holds({ headers }: IncomingMessage, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
