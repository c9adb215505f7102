import { OperationTypeNode, type FormattedExecutionResult } from 'graphql';
import { mayReadTheSame } from '../auth/access.ts';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError, type ErrorCode } from '../errors.ts';
import { encodeCursor, type Position } from '../events/position.ts';
import type { Subscription } from '../hub/subscription.ts';
import { toWire, type EncodedResult, type Sink } from '../hub/sink.ts';
import type { RequestContext } from '../schema/context.ts';
import type { Connection } from './connection.ts';
import { requestFrom, type GraphQLRequest, type PreparedRequest } from './documents.ts';
import { textFrame } from './frame.ts';
import type { Opened, OpenFailure, Operations } from './operations.ts';
import type { RecentMutations } from './recent-mutations.ts';
import { cursorsWanted, resumeKey, type ResumePoints } from './resume.ts';

/** What operations of all connections work with. */
export interface SocketServices {
  readonly operations: Operations;
  readonly contextOf: (viewer: Viewer, connection: Connection) => RequestContext;
  readonly resumePoints: ResumePoints;
  readonly recentMutations: RecentMutations;
}

/** How a subprotocol says things. */
export interface Wording {
  /** What comes before a result, whose message is closed by one more brace. */
  result(id: string): string;
  complete(id: string): string;
  error(id: string, failure: OpenFailure): string;
}

/** A subscription whose client follows it across connections. */
interface Followed {
  /** The client wants to know where it is, though it got nothing for a while. */
  readonly wantsCursors: boolean;
  /** Under which it is known where a client is that doesn't tell it itself. Another user's is another one. */
  key: string | undefined;
  /** The newest that the client was told. */
  told: string | undefined;
  /** The newest up to which everything has arrived. */
  proved: string | undefined;
}

/**
 * One operation of a connection, from its start to its last message; whatever the subprotocol, and on behalf of the connection's viewer. It is
 * its own sink: results go from the hub to the connection as shared text.
 */
export class SocketOperation implements Sink {
  readonly id: string;
  readonly #services: SocketServices;
  readonly #connection: Connection;
  readonly #wording: Wording;
  /** What comes before each result, as on the wire. */
  readonly #prefix: string;
  /** Once it is a subscription: what it is, to be asked for again. */
  #prepared: PreparedRequest | undefined;
  #request: GraphQLRequest | undefined;
  #subscription: Subscription | undefined;
  /** By whose token it sees what it sees: another one than the connection's as long as nobody can tell what that allows. */
  #allowedFor: Viewer | undefined;
  #followed: Followed | undefined;
  /** Until then: the search for the place where it begins, and under which key that is kept. */
  #finding: { readonly key: string; readonly place: Promise<string | undefined> } | undefined;
  /** It may have written something by now. */
  #isMutating = false;
  /** Since when its client is told nothing more: its last word was said, its client has stopped it, or nobody listens any more. */
  #over: 'finished' | 'stopped' | 'abandoned' | undefined;

  constructor(services: SocketServices, connection: Connection, wording: Wording, id: string) {
    this.id = id;
    this.#services = services;
    this.#connection = connection;
    this.#wording = wording;
    this.#prefix = toWire(wording.result(id));
  }

  /** `payload` is the request as the client sent it. Resolves when a query or mutation is done, or a subscription has begun. Never throws. */
  async start(payload: unknown): Promise<void> {
    const { operations } = this.#services;
    try {
      const request = requestFrom(payload);
      const prepared = operations.prepare(request, this.#connection.viewer);
      if ('errors' in prepared) return this.#fail(prepared);
      if (prepared.type === OperationTypeNode.SUBSCRIPTION) return await this.#subscribe(prepared, request);
      // What was sent behind a subscription is for it to hear of.
      const beginnings = this.#connection.beginnings.allEnded();
      if (beginnings !== undefined) await beginnings;
      if (this.#over !== undefined) return;
      const result = await this.#execute(prepared, request);
      if (this.#over !== undefined) return;
      this.#connection.reply(`${this.#wording.result(this.id)}${JSON.stringify(result)}}`);
      this.#finish(this.#wording.complete(this.id));
    } catch (error) {
      this.#fail({ errors: [operations.presentEnd(error)] });
    }
  }

  /** Its client waits for the one answer of a query or mutation. */
  get isAwaited(): boolean {
    return this.#prepared === undefined;
  }

  /** The client wants no more of it, and is told nothing more. */
  stop(): void {
    const { resumePoints } = this.#services;
    if (this.#followed?.key !== undefined) resumePoints.forget(this.#followed.key);
    // What has its id next waits for that: it must not find this one's place, nor lose its own with it.
    else if (this.#finding !== undefined) resumePoints.forget(this.#finding.key, this.#finding.place);
    this.#leave('stopped');
  }

  /** Its connection is gone, or another one takes its place: where it is stays known. */
  abandon(): void {
    this.#leave('abandoned');
  }

  #leave(how: 'stopped' | 'abandoned'): void {
    if (this.#over !== undefined) return;
    this.#over = how;
    this.#connection.forget(this);
    this.#subscription?.stop();
  }

  /** Ends it with an error that its client is told; but of a mutation under way nobody can say that it was refused. */
  end(error: TidingsError): void {
    if (this.#isMutating) return this.abandon();
    if (this.#subscription !== undefined) this.#subscription.fail(error);
    else this.#fail({ errors: [this.#services.operations.presentEnd(error)] });
  }

  /**
   * Asks again what the connection's viewer may see of it. False when that is nothing any more: it has ended. While the store is away that can't
   * be told: until then it goes on, unless the token that it was allowed by is over and the new one is for something else.
   */
  async reauthorise(isStillWanted: () => boolean): Promise<boolean> {
    const subscription = this.#subscription;
    const before = this.#allowedFor;
    // What is being opened looks at the viewer itself.
    if (subscription === undefined || before === undefined) return true;
    const { viewer } = this.#connection;
    let isAllowed = true;
    const stopWatching = mayReadTheSame(before, viewer)
      ? () => undefined
      : this.#connection.whenOver(before, () => (isAllowed = false));
    const opened = await this.#open(() => this.#over === undefined && isAllowed && isStillWanted());
    stopWatching();
    if (this.#over !== undefined || !isStillWanted()) return true;
    if (!('errors' in opened)) {
      this.#allowedFor = viewer;
      subscription.reroute(opened.route);
      await this.#handOver(this.#keyOf(opened));
      return true;
    }
    const [error] = opened.errors;
    subscription.fail(
      new TidingsError((error?.extensions?.['code'] ?? 'FORBIDDEN') as ErrorCode, error?.message),
    );
    return false;
  }

  /** The operation is another user's from here on, who finds its place again; the one before has left it. */
  async #handOver(key: string | undefined): Promise<void> {
    const followed = this.#followed;
    if (followed?.key === key || followed?.key === undefined || key === undefined) return;
    const { resumePoints } = this.#services;
    resumePoints.forget(followed.key);
    followed.key = key;
    if (followed.proved === undefined) return;
    await resumePoints.keep(key, followed.proved, () => this.#over === undefined && followed.key === key);
  }

  /** Tells a client that follows where it is, and gives what is to be done when all that was written so far has arrived. */
  mark(): (() => void) | undefined {
    const followed = this.#followed;
    const position = followed === undefined ? null : this.#subscription?.state().position;
    if (followed === undefined || position === null || position === undefined) return undefined;
    const cursor = encodeCursor(position);
    if (followed.wantsCursors && cursor !== followed.told) {
      followed.told = cursor;
      this.#tell(cursor);
    }
    if (followed.key === undefined || cursor === followed.proved) return undefined;
    return () => {
      if (this.#over !== undefined || followed.key === undefined) return;
      followed.proved = cursor;
      this.#services.resumePoints.save(followed.key, cursor);
    };
  }

  /** Its client is to find this place again, even if its connection breaks before anything happens. */
  begins(position: Position): void {
    this.#connection.beginnings.end(this);
    const followed = this.#followed;
    if (followed?.wantsCursors !== true) return;
    followed.told = encodeCursor(position);
    this.#tell(followed.told);
  }

  next(result: EncodedResult): void {
    this.#connection.outlet.write(this, result, this.#prefix.length + result.payload.length);
  }

  get isCongested(): boolean {
    return this.#connection.outlet.isCongested;
  }

  whenDrained(listener: () => void): void {
    this.#connection.outlet.whenDrained(listener);
  }

  /** A result as it goes over the wire. What still waited when its client left is not for an operation that has its id by then. */
  encode(result: Pick<EncodedResult, 'payload' | 'payloadWithCursor'>): string {
    if (this.#over !== undefined && this.#over !== 'finished') return '';
    const payload = this.#followed?.wantsCursors === true ? result.payloadWithCursor : result.payload;
    return textFrame(`${this.#prefix}${payload}}`);
  }

  /** A query, or a mutation that is executed once, however often its client sends it. */
  async #execute(prepared: PreparedRequest, request: GraphQLRequest): Promise<FormattedExecutionResult> {
    const { operations, contextOf, recentMutations } = this.#services;
    const { viewer } = this.#connection;
    const context = contextOf(viewer, this.#connection);
    if (prepared.type !== OperationTypeNode.MUTATION) return operations.execute(prepared, request, context);
    this.#isMutating = true;
    return recentMutations.once(viewer, this.id, { ...request, query: prepared.query }, async () => {
      let isAboutConnection = false;
      const watched: RequestContext = {
        ...context,
        get connection() {
          isAboutConnection = true;
          return context.connection;
        },
      };
      return { result: await operations.execute(prepared, request, watched), isAboutConnection };
    });
  }

  async #subscribe(prepared: PreparedRequest, request: GraphQLRequest): Promise<void> {
    const connection = this.#connection;
    const { resumePoints } = this.#services;
    this.#prepared = prepared;
    connection.beginnings.add(this);
    // The text is known as a document by now.
    this.#request = { ...request, query: '' };
    const { after: lastSeen, wantsCursors } = cursorsWanted(request.extensions);
    for (;;) {
      const { viewer } = connection;
      const opened = await this.#open(() => this.#over === undefined && connection.viewer === viewer);
      const key = 'errors' in opened || connection.viewer !== viewer ? undefined : this.#keyOf(opened);
      let after = lastSeen;
      if (this.#over === 'stopped') {
        if (key !== undefined) resumePoints.forget(key);
      } else if (!('errors' in opened) && key !== undefined && after === undefined) {
        const place = resumePoints.startOf(opened.route, key, () => this.#over === undefined);
        this.#finding = { key, place };
        after = await place;
      }
      // It became another user's before there was anything to hand over.
      if (key !== undefined && connection.viewer.userId !== viewer.userId) resumePoints.forget(key);
      if (this.#over !== undefined) return;
      // A new token finds only what has begun: nothing may come between this look and that.
      if (connection.viewer !== viewer) continue;
      if ('errors' in opened) return this.#fail(opened);
      if (wantsCursors || key !== undefined)
        this.#followed = { wantsCursors, key, told: undefined, proved: after };
      if (wantsCursors && after !== undefined && after !== lastSeen) this.#tell(after);
      this.#allowedFor = viewer;
      this.#subscription = opened.start(this, (error) => this.#ended(error), after);
      const { start } = opened.route;
      if (after !== undefined || start.after !== null || start.snapshot) connection.beginnings.end(this);
      return;
    }
  }

  async #open(mayWait?: () => boolean): Promise<Opened | OpenFailure> {
    const { operations, contextOf } = this.#services;
    const connection = this.#connection;
    const context = contextOf(connection.viewer, connection);
    return operations.open(this.#prepared!, this.#request!, context, mayWait);
  }

  #keyOf({ operationKey }: Opened): string | undefined {
    const { session, viewer } = this.#connection;
    return session === undefined ? undefined : resumeKey(viewer, session, this.id, operationKey);
  }

  #tell(cursor: string): void {
    const payload = `{"extensions":{"cursor":"${cursor}"}}`;
    const place = { payload, payloadWithCursor: payload };
    this.#connection.outlet.write(this, place, this.#prefix.length + payload.length);
  }

  /** The subscription is over, and not because its client has left. */
  #ended(error: unknown): void {
    if (this.#over !== undefined) return;
    if (this.#followed?.key !== undefined) this.#services.resumePoints.forget(this.#followed.key);
    if (error === undefined) this.#finish(this.#wording.complete(this.id));
    else this.#fail({ errors: [this.#services.operations.presentEnd(error)] });
  }

  #fail(failure: OpenFailure): void {
    this.#finish(this.#wording.error(this.id, failure));
  }

  #finish(lastWord: string): void {
    if (this.#over !== undefined) return;
    this.#over = 'finished';
    this.#connection.reply(lastWord);
    this.#connection.forget(this);
  }
}
