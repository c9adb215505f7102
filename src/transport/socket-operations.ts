import { OperationTypeNode, type FormattedExecutionResult } from 'graphql';
import type { Viewer } from '../auth/viewer.ts';
import type { Subscription } from '../hub/hub.ts';
import type { RequestContext } from '../schema/context.ts';
import type { Connection, ResumedOperation } from './connection.ts';
import type { GraphQLRequest, PreparedRequest } from './documents.ts';
import type { OpenFailure, Operations } from './operations.ts';
import { RecentMutations } from './recent-mutations.ts';
import { cursorsWanted, resumeKey, type ResumePoints } from './resume.ts';

export interface SocketOperationsOptions {
  readonly operations: Operations;
  readonly contextOf: (viewer: Viewer, connection: Connection) => RequestContext;
  readonly resumePoints: ResumePoints;
  readonly now: () => number;
}

/** One operation of a connection, as its client named it. */
export interface SocketRequest {
  readonly connection: Connection;
  readonly id: string;
  readonly request: GraphQLRequest;
  readonly prepared: PreparedRequest;
}

/** What every WebSocket subprotocol does with an operation, on behalf of the connection's viewer. */
export class SocketOperations {
  readonly #options: SocketOperationsOptions;
  readonly #recentMutations: RecentMutations;

  constructor(options: SocketOperationsOptions) {
    this.#options = options;
    this.#recentMutations = new RecentMutations(options.now);
  }

  /** A query, or a mutation that is executed once, however often its client sends it. */
  async execute({ connection, id, request, prepared }: SocketRequest): Promise<FormattedExecutionResult> {
    const { operations, contextOf } = this.#options;
    const { viewer } = connection;
    const context = contextOf(viewer, connection);
    if (prepared.type !== OperationTypeNode.MUTATION) return operations.execute(prepared, request, context);
    return this.#recentMutations.once(viewer, id, request, async () => {
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

  /**
   * Starts a subscription, its results each behind `prefix`, and adds it to its connection. Fails without an error when by then nobody wants it
   * any more.
   */
  async subscribe(
    { connection, id, request, prepared }: SocketRequest,
    prefix: string,
    isWanted: () => boolean = () => true,
  ): Promise<Subscription | OpenFailure> {
    const { operations, contextOf, resumePoints } = this.#options;
    const wanted = cursorsWanted(request.extensions);
    const open = async () => operations.open(prepared, request, contextOf(connection.viewer, connection));
    for (;;) {
      const { viewer } = connection;
      const opened = await open();
      const { session } = connection;
      let key: string | undefined;
      let after: string | undefined;
      if (!('errors' in opened)) {
        if (session !== undefined) key = resumeKey(viewer, session, id, opened.operationKey);
        const isStillWanted = (): boolean => isWanted() && !connection.isClosing;
        after = await resumePoints.startOf(opened.route, { ...wanted, key }, isStillWanted);
      }
      if (!isWanted()) return { errors: [] };
      // refreshSession knows nothing of operations before they are added: nothing may come between this look and that.
      if (connection.viewer !== viewer) continue;
      if ('errors' in opened) return opened;
      const resume = this.#resumed(connection, prefix, key, wanted.wantsCursors);
      if (after !== undefined && after !== wanted.after) resume?.tell?.(after);
      const subscription = opened.start(connection.sink(prefix, wanted.wantsCursors), after);
      connection.add(id, { subscription, reopen: open, resume });
      return subscription;
    }
  }

  #resumed(
    connection: Connection,
    prefix: string,
    key: string | undefined,
    wantsCursors: boolean,
  ): ResumedOperation | undefined {
    if (key === undefined && !wantsCursors) return undefined;
    const { resumePoints } = this.#options;
    return {
      tell: wantsCursors
        ? (cursor) => connection.send(`${prefix}{"extensions":{"cursor":"${cursor}"}}}`)
        : undefined,
      onArrived: key === undefined ? undefined : (cursor) => resumePoints.save(key, cursor),
      onOver: () => (key === undefined ? undefined : resumePoints.forget(key)),
      cursor: undefined,
    };
  }
}
