import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';

/** One message of the protocol, as it came over the wire. */
export interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

/** A client that speaks the protocol by hand, message by message. */
export class TestSocket implements Disposable {
  readonly socket: WebSocket;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #received: Message[] = [];
  #arrived: () => void = () => undefined;
  #isClosed = false;

  constructor(
    url: string,
    options: Omit<ClientOptions, 'protocol'> & { readonly protocol?: string | string[] } = {},
  ) {
    const { protocol = 'graphql-transport-ws', ...rest } = options;
    this.socket = new WebSocket(url, protocol, rest);
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => {
        this.#isClosed = true;
        this.#arrived();
        resolve({ code, reason: String(reason) });
      });
    });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data) => {
      this.#received.push(JSON.parse((data as Buffer).toString()) as Message);
      this.#arrived();
    });
  }

  /** A socket that has been acknowledged. */
  static async connect(
    url: string,
    payload: Record<string, unknown> | undefined,
    options: ConstructorParameters<typeof TestSocket>[1] = {},
  ): Promise<TestSocket> {
    const client = new TestSocket(url, options);
    await client.opened();
    client.send({ type: 'connection_init', ...(payload === undefined ? {} : { payload }) });
    const ack = await client.receive();
    if (ack.type !== 'connection_ack') throw new Error(`not acknowledged: ${JSON.stringify(ack)}`);
    return client;
  }

  async opened(): Promise<void> {
    if (this.socket.readyState === this.socket.OPEN) return;
    await new Promise<void>((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
  }

  /** The server has taken all that was sent before. */
  async taken(): Promise<void> {
    this.socket.ping();
    await once(this.socket, 'pong');
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables?: Record<string, unknown>): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  /** The next message, in the order of arrival. */
  async receive(): Promise<Message> {
    for (;;) {
      const message = this.#received.shift();
      if (message !== undefined) return message;
      if (this.#isClosed)
        throw new Error(`closed with ${(await this.closed).code} while a message was expected`);
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
  }

  /** The next messages. */
  async receiveMany(count: number): Promise<Message[]> {
    const messages: Message[] = [];
    while (messages.length < count) messages.push(await this.receive());
    return messages;
  }

  /** Everything that has arrived or was on its way: a ping is answered behind it. What the server still works on is not there yet. */
  async drain(): Promise<Message[]> {
    const payload = { drain: Math.random() };
    this.send({ type: 'ping', payload });
    const messages: Message[] = [];
    for (;;) {
      const message = await this.receive();
      if (message.type === 'pong' && JSON.stringify(message.payload) === JSON.stringify(payload))
        return messages;
      messages.push(message);
    }
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

/** The data of a `next` message, or of a `data` message of the legacy protocol. */
export function dataOf(message: Message): Record<string, unknown> {
  const { data, errors } = message.payload as { data?: Record<string, unknown>; errors?: unknown };
  if ((message.type !== 'next' && message.type !== 'data') || data === undefined || errors !== undefined) {
    throw new Error(`no data: ${JSON.stringify(message)}`);
  }
  return data;
}
