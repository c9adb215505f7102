import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError, type ErrorCode } from '../errors.ts';
import type { Subscription } from '../hub/hub.ts';
import { toWire, type EncodedResult, type Sink } from '../hub/sink.ts';
import type { ConnectionContext } from '../schema/context.ts';
import { textFrame } from './frame.ts';
import type { Opened, OpenFailure } from './operations.ts';
import { Outlet } from './outlet.ts';

export interface ConnectionOptions {
  readonly socket: WebSocket;
  /** What the WebSocket writes to. */
  readonly rawSocket: Socket;
  readonly authenticator: Pick<Authenticator, 'verify' | 'whenOver'>;
  /** Gives up what was held in the name of the connection, when it is closed or somebody else's. */
  readonly release: (id: string) => void;
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
export const closeCodes = { tokenOver: 4403, goingAway: 1012, tryLater: 1013 } as const;
/** How long a peer has to answer a close before it is cut off. */
const CLOSE_GRACE_MS = 5_000;

/** One WebSocket, whatever its subprotocol: who is behind it, what it listens to, and whether it is still there. */
export class Connection implements ConnectionContext {
  readonly socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #outlet: Outlet;
  readonly #operations = new Map<string, OpenOperation>();
  readonly #ping: NodeJS.Timeout;
  #id = randomUUID();
  #viewer: Viewer | undefined;
  #stopWaiting: () => void = () => undefined;
  /** The last token that is being verified: they take their places in the order in which they came. */
  #verifying: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(options: ConnectionOptions) {
    const { socket } = options;
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
      this.#stopWaiting();
      options.release(this.#id);
      for (const { subscription } of this.#operations.values()) subscription.stop();
      this.#operations.clear();
    });
  }

  /** Whom the connection was admitted for. Only protocols that admit before they let operations in may ask. */
  get viewer(): Viewer {
    if (this.#viewer === undefined) throw new TidingsError('UNAUTHENTICATED');
    return this.#viewer;
  }

  /** What the connection's user holds, in rooms for example, is held in this name. Another user gets another one. */
  get id(): string {
    return this.#id;
  }

  /** Takes operations on behalf of the viewer from now on, until the token ends. Nothing happens where it is closed already. */
  admit(viewer: Viewer): void {
    if (this.isClosing) return;
    const before = this.#viewer;
    if (before !== undefined && before.userId !== viewer.userId) {
      this.#options.release(this.#id);
      this.#id = randomUUID();
    }
    this.#viewer = viewer;
    this.#stopWaiting();
    this.#stopWaiting = this.#options.authenticator.whenOver(viewer, (why) => this.#end(why));
  }

  /** The token doesn't count any more: nothing is taken or delivered from here on. */
  #end(why: TidingsError): void {
    if (why.code !== 'FORBIDDEN') return this.close(closeCodes.tokenOver, 'Token expired');
    this.#isOver = true;
    for (const { subscription } of this.#operations.values()) subscription.fail(why);
    // Each operation says so before.
    setImmediate(() => this.close(closeCodes.tokenOver, 'Token revoked'));
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
    if (this.isClosing) return operation.subscription.stop();
    this.#operations.set(id, operation);
  }

  remove(id: string, subscription: Subscription): void {
    if (this.#operations.get(id)?.subscription === subscription) this.#operations.delete(id);
    subscription.stop();
  }

  async refreshSession(token: string): Promise<{ readonly viewer: Viewer; readonly ended: number }> {
    const verifying = this.#verifying.then(() => this.#options.authenticator.verify(token));
    this.#verifying = verifying.catch(() => undefined);
    const viewer = await verifying;
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
    return this.#isOver || this.socket.readyState > this.socket.OPEN;
  }

  close(code: number, reason: string): void {
    if (this.socket.readyState === this.socket.OPEN) this.#outlet.finish();
    this.socket.close(code, reason);
    // A close frame waits behind everything that the peer has not taken yet.
    const timer = setTimeout(() => this.socket.terminate(), CLOSE_GRACE_MS);
    this.socket.once('close', () => clearTimeout(timer));
  }
}
