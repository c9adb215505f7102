import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError, type ErrorCode } from '../errors.ts';
import type { Subscription } from '../hub/hub.ts';
import { toWire, type EncodedResult, type Sink } from '../hub/sink.ts';
import type { ConnectionContext } from '../schema/context.ts';
import { textFrame } from './frame.ts';
import type { Opened, OpenFailure } from './operations.ts';
import { Outlet } from './outlet.ts';
import { onceAt } from './timer.ts';

export interface ConnectionOptions {
  readonly id: string;
  readonly socket: WebSocket;
  /** What the WebSocket writes to. */
  readonly rawSocket: Socket;
  readonly verify: (token: string) => Viewer;
  readonly now: () => number;
  readonly highWaterMark: number;
  readonly writeDeadlineMs: number;
  readonly pingMs: number;
}

interface OpenOperation {
  readonly subscription: Subscription;
  /** Asks again, with the connection's viewer of then. */
  readonly reopen: () => Promise<Opened | OpenFailure>;
}

/** Close codes beside the protocols' own; clients tell by them whether to come back. */
export const closeCodes = { tokenExpired: 4403, goingAway: 1012 } as const;
/** How long a peer has to answer a close before it is cut off. */
const CLOSE_GRACE_MS = 5_000;

/** One WebSocket, whatever its subprotocol: who is behind it, what it listens to, and whether it is still there. */
export class Connection implements ConnectionContext {
  readonly id: string;
  readonly socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #outlet: Outlet;
  readonly #operations = new Map<string, OpenOperation>();
  readonly #ping: NodeJS.Timeout;
  #viewer: Viewer | undefined;
  #cancelExpiry: () => void = () => undefined;

  constructor(options: ConnectionOptions) {
    const { socket } = options;
    this.id = options.id;
    this.socket = socket;
    this.#options = options;
    this.#outlet = new Outlet(options.rawSocket, {
      highWaterMark: options.highWaterMark,
      writeDeadlineMs: options.writeDeadlineMs,
      onStalled: () => socket.terminate(),
      isOpen: () => socket.readyState === socket.OPEN,
    });
    let isAlive = true;
    let sent = 0;
    socket.on('pong', () => (isAlive = true));
    this.#ping = setInterval(() => {
      // A ping waits behind all that a slow peer has not taken yet; that it takes something shows as well that it is there.
      const { bytesWritten, writableLength } = options.rawSocket;
      const isTaking = writableLength > 0 && bytesWritten - writableLength > sent;
      sent = bytesWritten - writableLength;
      if (!isAlive && !isTaking) return socket.terminate();
      if (!isAlive) return;
      isAlive = false;
      socket.ping();
    }, options.pingMs);
    // Cleaning up hangs on the socket itself: protocol hooks are skipped when it closes in the middle of a handshake.
    socket.once('close', () => {
      clearInterval(this.#ping);
      this.#cancelExpiry();
      for (const { subscription } of this.#operations.values()) subscription.stop();
      this.#operations.clear();
    });
  }

  /** Whom the connection was admitted for. Only protocols that admit before they let operations in may ask. */
  get viewer(): Viewer {
    if (this.#viewer === undefined) throw new TidingsError('UNAUTHENTICATED');
    return this.#viewer;
  }

  /** Takes operations on behalf of the viewer from now on, until the token ends. */
  admit(viewer: Viewer): void {
    this.#viewer = viewer;
    this.#cancelExpiry();
    if (viewer.expiresAt === null) return;
    const expire = (): void => this.close(closeCodes.tokenExpired, 'Token expired');
    this.#cancelExpiry = onceAt(viewer.expiresAt, this.#options.now, expire);
  }

  /** Sends one message, in its order among all others. */
  send(message: string): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    const wire = toWire(message);
    this.#outlet.write(textFrame, wire, wire.length);
  }

  /** Where the results of one operation go: each behind `prefix`, which opens one JSON object. */
  sink(prefix: string): Sink {
    const outlet = this.#outlet;
    const start = toWire(prefix);
    const encode = ({ payload }: EncodedResult): string => textFrame(`${start}${payload}}`);
    return {
      next: (result) => outlet.write(encode, result, start.length + result.payload.length),
      get isCongested() {
        return outlet.isCongested;
      },
      whenDrained: (listener) => outlet.whenDrained(listener),
    };
  }

  add(id: string, operation: OpenOperation): void {
    // The socket may have closed while the operation was being opened.
    if (this.socket.readyState > this.socket.OPEN) return operation.subscription.stop();
    this.#operations.set(id, operation);
  }

  remove(id: string, subscription: Subscription): void {
    if (this.#operations.get(id)?.subscription === subscription) this.#operations.delete(id);
    subscription.stop();
  }

  async refreshSession(token: string): Promise<{ readonly viewer: Viewer; readonly ended: number }> {
    const viewer = this.#options.verify(token);
    if (viewer.workspace !== this.viewer.workspace) {
      throw new TidingsError('FORBIDDEN', 'The new token is for another workspace.');
    }
    this.admit(viewer);
    let ended = 0;
    await Promise.all(
      [...this.#operations.values()].map(async ({ subscription, reopen }) => {
        const opened = await reopen();
        // Another new token came meanwhile, and counts.
        if (this.#viewer !== viewer) return;
        if (!('errors' in opened)) return subscription.reroute(opened.route);
        const [error] = opened.errors;
        subscription.fail(
          new TidingsError((error?.extensions?.['code'] ?? 'FORBIDDEN') as ErrorCode, error?.message),
        );
        ended++;
      }),
    );
    return { viewer, ended };
  }

  /** It is being closed: what still comes in is not for us any more. */
  get isClosing(): boolean {
    return this.socket.readyState > this.socket.OPEN;
  }

  close(code: number, reason: string): void {
    if (this.socket.readyState === this.socket.OPEN) this.#outlet.finish();
    this.socket.close(code, reason);
    // A close frame waits behind everything that the peer has not taken yet.
    const timer = setTimeout(() => this.socket.terminate(), CLOSE_GRACE_MS);
    this.socket.once('close', () => clearTimeout(timer));
  }
}
