import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError } from '../errors.ts';
import { toWire } from '../hub/sink.ts';
import type { Limits } from '../limits/limits.ts';
import type { ConnectionContext, Via } from '../schema/context.ts';
import { Beginnings } from './beginnings.ts';
import { textFrame } from './frame.ts';
import { Outlet, type Encoder, type OutletPeer, type Pacing } from './outlet.ts';
import { Pulse } from './pulse.ts';
import type { SocketOperation } from './socket-operation.ts';
import type { Tarpit } from './tarpit.ts';

/** The same for all connections. */
export interface ConnectionOptions extends Pacing {
  readonly authenticator: Pick<Authenticator, 'verify' | 'whenOver'>;
  /** Gives up what was held in the name of the connection, when it is closed or somebody else's. */
  readonly release: (id: string) => void;
  readonly limits: Pick<Limits, 'user' | 'messages'>;
  readonly pingMs: number;
  readonly tarpit: Pick<Tarpit, 'take'>;
  readonly onError: (error: unknown) => void;
}

/** Close codes beside the protocols' own; clients tell by them whether to come back. */
export const closeCodes = {
  tokenOver: 4403,
  goingAway: 1012,
  tryLater: 1013,
  tooMuch: 4429,
  failed: 1011,
} as const;
const messages: Encoder<string> = { encode: textFrame };

/** How long a peer has to answer a close before it is cut off. */
export const CLOSE_GRACE_MS = 5_000;

/** One WebSocket, whatever its subprotocol: who is behind it, what it listens to, and whether it is still there. */
export class Connection implements ConnectionContext, OutletPeer {
  readonly socket: WebSocket;
  readonly #rawSocket: Socket;
  readonly via: Via;
  readonly #options: ConnectionOptions;
  /** All that is written to the peer goes through here. */
  readonly outlet: Outlet;
  readonly beginnings = new Beginnings();
  readonly #operations = new Map<string, SocketOperation>();
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
  /** Closes the connection if nobody waits for an answer any more; undefined until it leaves. */
  #closeIfAnswered: (() => void) | undefined;
  /** Nothing more is read from it, until it is cut off. */
  #isFlood = false;
  /** What came from a peer that is not listened to, as it has to take first what it was answered; undefined while it is listened to. */
  #held: (() => void)[] | undefined;

  /** `rawSocket` is what the WebSocket writes to. The address is what its limits are counted by. */
  constructor(
    socket: WebSocket,
    rawSocket: Socket,
    { via, address }: { readonly via: Via; readonly address: string | null },
    options: ConnectionOptions,
  ) {
    this.socket = socket;
    this.#rawSocket = rawSocket;
    this.via = via;
    this.#options = options;
    this.#messages = options.limits.messages(address);
    this.outlet = new Outlet(rawSocket, options, this);
    this.#pulse = new Pulse(this, rawSocket, options);
    for (const frame of ['ping', 'pong']) socket.on(frame, () => this.#takeMessage());
    // Cleaning up hangs on the socket itself: protocol hooks are skipped when it closes in the middle of a handshake.
    socket.once('close', () => {
      this.#pulse.stop();
      this.#stopWaiting();
      this.#leaveUser();
      options.release(this.#id);
      for (const operation of this.#operations.values()) operation.abandon();
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
    for (const operation of this.#operations.values()) operation.end(why);
    // Each operation says so before.
    setImmediate(() => this.close(closeCodes.tokenOver, 'Token revoked'));
  }

  /** See `Authenticator.whenOver`: for a viewer that it had before. */
  whenOver(viewer: Viewer, onOver: () => void): () => void {
    return this.#options.authenticator.whenOver(viewer, onOver);
  }

  get isAdmitted(): boolean {
    return this.#viewer !== undefined;
  }

  /** Hands messages over until the connection is closed. With `isTooMany` an operation is not to be started; who goes on all the same is sent away. */
  onMessage(listener: (data: Buffer, isTooMany: boolean) => void): void {
    this.socket.on('message', (data) => {
      const isTooMany = this.#takeMessage();
      // Nobody would take it from where it is held either.
      if (this.isClosing) return;
      this.#receive(() => {
        if (this.isClosing) return;
        try {
          listener(data as Buffer, isTooMany);
        } catch (error) {
          // Beyond this there is nobody to catch it, and the process would end with all its connections.
          this.#options.onError(error);
          this.close(closeCodes.failed, 'Something went wrong on our side');
        }
      });
    });
  }

  #receive(handle: () => void): void {
    if (this.#held === undefined) handle();
    else this.#held.push(handle);
  }

  /** Nothing else bounds what answers cost that nobody takes. What was read by then, some 64 KiB, is kept. */
  #holdBack(): void {
    if (this.#held !== undefined) return;
    this.#held = [];
    this.socket.pause();
    this.outlet.whenDrained(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      this.readOn();
      for (const handle of held) this.#receive(handle);
    });
  }

  /** Ends a pause of the socket; not the one of a flood. */
  readOn(): void {
    if (!this.#isFlood) this.socket.resume();
  }

  #takeMessage(): boolean {
    // What was read before is to cost nothing.
    if (this.#isFlood) return true;
    const verdict = this.#messages.take();
    // It may take a while until who was sent away notices.
    if (verdict === 'abuse' || (verdict === 'tooMany' && !this.isAdmitted && !this.isClosing)) this.#stem();
    return verdict !== 'fine';
  }

  /** Sends a flood away, if it wasn't yet, and reads nothing more of it. */
  #stem(): void {
    this.close(closeCodes.tooMuch, 'Too many messages');
    this.#isFlood = true;
    this.socket.pause();
    this.#options.tarpit.take(this.#rawSocket);
  }

  /** Sends one message, in its order among all others. */
  send(message: string): void {
    if (!this.isOpen) return;
    const wire = toWire(message);
    this.outlet.write(messages, wire, wire.length);
  }

  /** Answers a message. A peer that doesn't take its answers is not listened to until it does. */
  reply(message: string): void {
    this.send(message);
    if (this.outlet.isCongested) this.#holdBack();
  }

  operation(id: string): SocketOperation | undefined {
    return this.#operations.get(id);
  }

  get operationCount(): number {
    return this.#operations.size;
  }

  add(operation: SocketOperation): void {
    this.#operations.set(operation.id, operation);
  }

  /** The operation is over. Another one may have its id by now. */
  forget(operation: SocketOperation): void {
    if (this.#operations.get(operation.id) === operation) this.#operations.delete(operation.id);
    this.beginnings.end(operation);
    this.#closeIfAnswered?.();
  }

  /** Tells clients that follow where they are, and gives what is to be done when all that was written so far has arrived. */
  mark(): (() => void) | undefined {
    const marks: (() => void)[] = [];
    for (const operation of this.#operations.values()) {
      const mark = operation.mark();
      if (mark !== undefined) marks.push(mark);
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
      [...this.#operations.values()].map(async (operation) => {
        // Should another new token come meanwhile, that one counts.
        if (!(await operation.reauthorise(() => this.#viewer === viewer))) ended++;
      }),
    );
    return { viewer, ended };
  }

  /** It may still be written to. */
  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  cutOff(): void {
    this.socket.terminate();
  }

  /** It is being closed: what still comes in is not for us any more. */
  get isClosing(): boolean {
    return this.#isOver || this.socket.readyState > this.socket.OPEN;
  }

  /** Takes no operations from here on, and closes when the queries and mutations that it has taken are answered. */
  leave(code: number, reason: string): void {
    this.#closeIfAnswered = () => {
      if (this.isClosing || [...this.#operations.values()].some(({ isAwaited }) => isAwaited)) return;
      this.close(code, reason);
    };
    this.#closeIfAnswered();
  }

  get isLeaving(): boolean {
    return this.#closeIfAnswered !== undefined;
  }

  close(code: number, reason: string): void {
    if (this.socket.readyState >= this.socket.CLOSING) return;
    if (this.isOpen) this.outlet.finish();
    this.socket.close(code, reason);
    // Its answer to the close has to be read.
    if (this.#held !== undefined) this.socket.resume();
    // A close frame waits behind everything that the peer has not taken yet.
    const timer = setTimeout(() => this.socket.terminate(), CLOSE_GRACE_MS);
    this.socket.once('close', () => clearTimeout(timer));
  }
}
