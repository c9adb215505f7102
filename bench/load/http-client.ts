import { Agent, request } from 'node:http';

/** Posts JSON over that many connections, which are kept. With one, requests are dealt with in their order. */
export class HttpClient {
  readonly #agent: Agent;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, token }: { readonly url: string; readonly token: string }, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#url = url;
    this.#headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  }

  /** Resolves with the answer. @throws when it tells of errors */
  async post(path: string, body: unknown): Promise<Record<string, unknown>> {
    const sent = Buffer.from(JSON.stringify(body));
    const text = await new Promise<string>((resolve, reject) => {
      const options = {
        method: 'POST',
        agent: this.#agent,
        headers: { ...this.#headers, 'content-length': sent.length },
      };
      const post = request(`${this.#url}${path}`, options, (response) => {
        let received = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (received += part));
        response.on('end', () => resolve(received));
        response.on('error', reject);
      });
      post.on('error', reject);
      post.end(sent);
    });
    const answer = JSON.parse(text) as { readonly data?: Record<string, unknown>; readonly errors?: unknown };
    if (answer.errors !== undefined) throw new Error(`the server refuses: ${JSON.stringify(answer.errors)}`);
    return answer.data ?? {};
  }

  close(): void {
    this.#agent.destroy();
  }
}
