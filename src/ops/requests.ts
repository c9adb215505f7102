import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Tracing } from './tracing.ts';

/** What proxies make: letters, digits, and what stands between them. Anything else could be made to look like a line of its own. */
const SANE = /^[\w.:=+/;-]{1,128}$/;

/** Names requests, and notes what came of them. */
export class Requests {
  readonly #logger: Logger;
  readonly #tracing: Pick<Tracing, 'span'>;

  constructor(logger: Logger, tracing: Pick<Tracing, 'span'>) {
    this.#logger = logger;
    this.#tracing = tracing;
  }

  /** Gives the request an id where it has no sane one: from then on it is in its headers. */
  name(request: IncomingMessage): string {
    const given = request.headers['x-request-id'];
    const id = typeof given === 'string' && SANE.test(given) ? given : randomUUID();
    request.headers['x-request-id'] = id;
    return id;
  }

  /** `route` is one of ours, never what somebody asked for. */
  begin(request: IncomingMessage, response: ServerResponse, route: string): void {
    const requestId = this.name(request);
    response.setHeader('x-request-id', requestId);
    if (!this.#logger.isLevelEnabled('debug')) return;
    const start = performance.now();
    response.once('close', () => {
      const ms = Math.round(performance.now() - start);
      const { method } = request;
      this.#logger.debug({ requestId, method, route, status: response.statusCode, ms }, 'request');
    });
  }

  /** What may publish is traced, as a part of what its client traces. */
  async run({ method, headers }: IncomingMessage, route: string, handle: () => unknown): Promise<void> {
    if (method !== 'POST') return void (await handle());
    const { traceparent } = headers;
    await this.#tracing.span(`POST ${route}`, async () => handle(), {
      parent: typeof traceparent === 'string' ? traceparent : undefined,
      attributes: { 'http.request.method': method, 'http.route': route },
    });
  }
}
