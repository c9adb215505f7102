import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError, type ErrorCode } from '../errors.ts';
import { encodeCursor } from '../events/position.ts';
import type { Subscription } from '../hub/hub.ts';
import { toWire, type EncodedResult, type Sink } from '../hub/sink.ts';
import type { Limits } from '../limits/limits.ts';
import type { ConnectionContext, Via } from '../schema/context.ts';
import { textFrame } from './frame.ts';
import type { Opened, OpenFailure } from './operations.ts';
import { Outlet } from './outlet.ts';
import { Pulse } from './pulse.ts';

export interface ConnectionOptions {
  readonly socket: WebSocket;
  /** What the WebSocket writes to. */
  readonly rawSocket: Socket;
  readonly via: Via;
  readonly authenticator: Pick<Authenticator, 'verify' | 'whenOver'>;
  /** Gives up what was held in the name of the connection, when it is closed or somebody else's. */
  readonly release: (id: string) => void;
  readonly limits: Pick<Limits, 'user' | 'messages'>;
  readonly highWaterMark: number;
  readonly writeDeadlineMs: number;
  readonly pingMs: number;
}

interface OpenOperation {
  readonly subscription: Subscription;
  /** Asks again, with the connection's viewer of then. */
  readonly reopen: () => Promise<Opened | OpenFailure>;
  /** How its client goes on after a break; undefined where it tells that itself, by `after`. */
  readonly resume: ResumedOperation | undefined;
}

export interface ResumedOperation {
  /** The client wants to know where it is, though it got nothing for a while. */
  readonly tell: ((cursor: string) => void) | undefined;
  /** Everything up to here has arrived. */
  readonly onArrived: ((cursor: string) => void) | undefined;
  /** The operation is over, and not because its connection is. */
  readonly onOver: () => void;
  /** The newest cursor that was told or has arrived. */
  cursor: string | undefined;
}

/** Close codes beside the protocols' own; clients tell by them whether to come back. */
export const closeCodes = { tokenOver: 4403, goingAway: 1012, tryLater: 1013, tooMuch: 4429 } as const;
/** How long a peer has to answer a close before it is cut off. */
const CLOSE_GRACE_MS = 5_000;

/** One WebSocket, whatever its subprotocol: who is behind it, what it listens to, and whether it is still there. */
export class Connection implements ConnectionContext {
  readonly socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #outlet: Outlet;
  readonly #operations = new Map<string, OpenOperation>();
  readonly #pulse: Pulse;
  readonly #messages: ReturnType<Limits['messages']>;
  #id = randomUUID();
  #viewer: Viewer | undefined;
  #session: string | undefined;
  #stopWaiting: () => void = () => undefined;
  /** Makes room for another connection of the user. */
  #leaveUser: () => void = () => undefined;
  /** The last token that is being verified: they take their places in the order in which they came. */
  #verifying: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(options: ConnectionOptions) {
    const { socket } = options;
    this.socket = socket;
    this.#options = options;
    this.#messages = options.limits.messages();
    this.#outlet = new Outlet(options.rawSocket, {
      highWaterMark: options.highWaterMark,
      writeDeadlineMs: options.writeDeadlineMs,
      onStalled: () => socket.terminate(),
      isOpen: () => socket.readyState === socket.OPEN,
    });
    this.#pulse = new Pulse({ ...options, outlet: this.#outlet, onPing: () => this.#markCursors() });
    socket.on('ping', () => this.#takeMessage());
    // Cleaning up hangs on the socket itself: protocol hooks are skipped when it closes in the middle of a handshake.
    socket.once('close', () => {
      this.#pulse.stop();
      this.#stopWaiting();
      this.#leaveUser();
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

  /** The client's own name for its session, under which its operations go on where they were on another connection. */
  get session(): string | undefined {
    return this.#session;
  }

  get via(): Via {
    return this.#options.via;
  }

  /** What the connection's user holds, in rooms for example, is held in this name. Another user gets another one. */
  get id(): string {
    return this.#id;
  }

  /** What its client told when it connected, beside the token. */
  greet(params: Readonly<Record<string, unknown>> | undefined): void {
    const resume = params?.['resume'];
    if (typeof resume === 'string' && resume !== '' && resume.length <= 256) this.#session = resume;
  }

  /**
   * Takes operations on behalf of the viewer from now on, until the token ends. Nothing happens where it is closed already.
   *
   * @throws TidingsError RATE_LIMITED the user has too many connections
   */
  async admit(viewer: Viewer): Promise<void> {
    const before = this.#viewer;
    if (before === undefined || before.userId !== viewer.userId) {
      const leave = await this.#options.limits.user(viewer);
      if (this.isClosing) return leave();
      this.#leaveUser();
      this.#leaveUser = leave;
      if (before !== undefined) {
        this.#options.release(this.#id);
        this.#id = randomUUID();
      }
    }
    if (this.isClosing) return;
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

  get isAdmitted(): boolean {
    return this.#viewer !== undefined;
  }

  /** Hands messages over until the connection is closed. With `isTooMany` an operation is not to be started; who goes on all the same is sent away. */
  onMessage(listener: (data: Buffer, isTooMany: boolean) => void): void {
    this.socket.on('message', (data) => {
      const isTooMany = this.#takeMessage();
      if (!this.isClosing) listener(data as Buffer, isTooMany);
    });
  }

  #takeMessage(): boolean {
    const verdict = this.#messages.take();
    if (verdict === 'fine') return false;
    if (verdict === 'abuse' || !this.isAdmitted) this.close(closeCodes.tooMuch, 'Too many messages');
    return true;
  }

  /** Sends one message, in its order among all others. */
  send(message: string): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    const wire = toWire(message);
    this.#outlet.write(textFrame, wire, wire.length);
  }

  /** Where the results of one operation go: each behind `prefix`, which opens one JSON object, with its cursor where that is wanted. */
  sink(prefix: string, withCursors: boolean): Sink {
    const outlet = this.#outlet;
    const start = toWire(prefix);
    const encode = withCursors
      ? (result: EncodedResult): string => textFrame(`${start}${result.payloadWithCursor}}`)
      : ({ payload }: EncodedResult): string => textFrame(`${start}${payload}}`);
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
    const operation = this.#operations.get(id);
    if (operation?.subscription === subscription) {
      this.#operations.delete(id);
      operation.resume?.onOver();
    }
    subscription.stop();
  }

  /** Tells clients that want to know where they are, and gives what is to be done when all that was written so far has arrived. */
  #markCursors(): (() => void) | undefined {
    const marks: (() => void)[] = [];
    for (const [id, { subscription, resume }] of this.#operations) {
      if (resume === undefined) continue;
      const { position } = subscription.state();
      const cursor = position === null ? undefined : encodeCursor(position);
      if (cursor === undefined || cursor === resume.cursor) continue;
      resume.cursor = cursor;
      resume.tell?.(cursor);
      marks.push(() => {
        if (this.#operations.get(id)?.resume === resume) resume.onArrived?.(cursor);
      });
    }
    return marks.length === 0 ? undefined : () => marks.forEach((mark) => mark());
  }

  async refreshSession(token: string): Promise<{ readonly viewer: Viewer; readonly ended: number }> {
    const verifying = this.#verifying.then(async () => {
      const verified = await this.#options.authenticator.verify(token);
      if (verified.workspace !== this.viewer.workspace) {
        throw new TidingsError('FORBIDDEN', 'The new token is for another workspace.');
      }
      await this.admit(verified);
      return verified;
    });
    this.#verifying = verifying.catch(() => undefined);
    const viewer = await verifying;
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
    if (this.socket.readyState >= this.socket.CLOSING) return;
    if (this.socket.readyState === this.socket.OPEN) this.#outlet.finish();
    this.socket.close(code, reason);
    // A close frame waits behind everything that the peer has not taken yet.
    const timer = setTimeout(() => this.socket.terminate(), CLOSE_GRACE_MS);
    this.socket.once('close', () => clearTimeout(timer));
  }
}
