import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it came. */
export interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** The first part of the path that it was sent to. */
  readonly from: string;
}

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly unknown[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** Takes traces by OTLP over HTTP, as JSON. */
export class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly resources: unknown[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const from = (request.url ?? '').split('/')[1] ?? '';
        for (const { resource, scopeSpans } of (JSON.parse(body) as Request).resourceSpans) {
          this.resources.push(...resource.attributes);
          for (const { spans } of scopeSpans) this.spans.push(...spans.map((span) => ({ ...span, from })));
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
  }

  static async start(): Promise<Collector> {
    const collector = new Collector();
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  /** What a server is given as OTEL_EXPORTER_OTLP_ENDPOINT. */
  endpoint(from: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${from}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
