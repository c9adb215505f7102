import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * Stands between a client and its server, and breaks connections as networks do: without a word to either side. Its address stays the same,
 * whatever happens to the server behind it.
 */
export class TcpProxy implements AsyncDisposable {
  /** Connections that were let through so far. */
  accepted = 0;
  /** Connections that were turned away so far. */
  refused = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #target: URL;
  #isRefusing = false;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((client) => this.#join(client));
  }

  /** `target` is the URL of the server. */
  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get graphqlUrl(): string {
    return `${this.url}/graphql`;
  }

  get webSocketUrl(): string {
    return this.graphqlUrl.replace('http', 'ws');
  }

  /** Resets every open connection. */
  cut(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  /** Cuts, and lets nobody through until `accept`. */
  refuse(): void {
    this.#isRefusing = true;
    this.cut();
  }

  /** Lets new connections through, from now on to another server where one is given. */
  accept(target?: string): void {
    if (target !== undefined) this.#target = new URL(target);
    this.#isRefusing = false;
  }

  #join(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#isRefusing) {
      this.refused++;
      client.resetAndDestroy();
      return;
    }
    this.accepted++;
    const server = connect(Number(this.#target.port), this.#target.hostname);
    server.on('error', () => undefined);
    for (const [socket, peer] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(socket);
      socket.pipe(peer);
      socket.once('close', () => {
        this.#open.delete(socket);
        peer.destroy();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }
}
