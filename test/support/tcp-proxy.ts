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
  /** Each with where its bytes go, and whether they are answers. */
  readonly #open = new Map<Socket, { readonly peer: Socket; readonly areAnswers: boolean }>();
  #target: URL;
  #isRefusing = false;
  #held: 'nothing' | 'answers' | 'everything' = 'nothing';

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
    for (const socket of this.#open.keys()) socket.resetAndDestroy();
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

  /** Lets nothing pass any more, or no answers, and keeps connections open. What is held when a connection is cut is lost. */
  hold(what: 'answers' | 'everything' = 'everything'): void {
    this.#held = what;
    for (const [socket, { peer, areAnswers }] of this.#open) {
      if (this.#isHeld(areAnswers)) socket.unpipe(peer).pause();
    }
  }

  /** Lets pass what was held, and everything from now on. */
  release(): void {
    this.#held = 'nothing';
    for (const [socket, { peer }] of this.#open) if (!socket.destroyed) socket.unpipe(peer).pipe(peer);
  }

  #isHeld(areAnswers: boolean): boolean {
    return this.#held === 'everything' || (this.#held === 'answers' && areAnswers);
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
    for (const [socket, peer, areAnswers] of [
      [client, server, false],
      [server, client, true],
    ] as const) {
      this.#open.set(socket, { peer, areAnswers });
      if (!this.#isHeld(areAnswers)) socket.pipe(peer);
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
