import { execute, GraphQLError, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { cursorOf, type Entry } from '../events/event.ts';
import { encodeCursor, PositionLost, type LossReason, type Position } from '../events/position.ts';
import type { EventStore } from '../store/store.ts';
import type { BacklogMemory } from './backlog-memory.ts';
import type { Delivery } from './delivery.ts';
import type { Operation } from './operation.ts';
import type { Kept, ResultCache } from './result-cache.ts';
import type { Route } from './route.ts';
import { EncodedResult } from './sink.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';
import { isFiledUnder } from './topic-index.ts';

export interface SharedOperationOptions {
  /** Operation and access: equal keys share. */
  readonly key: string;
  readonly schema: GraphQLSchema;
  readonly store: EventStore;
  readonly operation: Operation;
  readonly route: Route;
  readonly cache: ResultCache;
  readonly memory: BacklogMemory;
  /** Turns an execution's result into what clients may see. */
  readonly present: (result: ExecutionResult) => object;
  /** Counts executions. */
  readonly onExecute: () => void;
}

/**
 * One operation on behalf of all who subscribed to it with the same access: executed once an event, encoded once. There is no viewer here;
 * who may listen was settled before.
 */
export class SharedOperation {
  readonly key: string;
  readonly operation: Operation;
  readonly route: Route;
  /** Deliveries that get each event as it comes. */
  readonly live = new Set<Delivery>();
  /** All deliveries of the operation, live or not. */
  readonly deliveries = new Set<Delivery>();
  readonly #options: SharedOperationOptions;
  /** As many as the cache lets stay, and no longer than anybody has the entry, without which nobody would look for them. */
  readonly #results = new WeakMap<Entry, Kept>();
  #snapshot: Promise<Snapshot> | undefined;

  constructor(options: SharedOperationOptions) {
    this.#options = options;
    this.key = options.key;
    this.operation = options.operation;
    this.route = options.route;
  }

  /** What its subscribers get of an entry of the log, if anything. A result that is known has passed every check before. */
  resultFor(entry: Entry): EncodedResult | undefined {
    const known = this.#results.get(entry)?.result;
    if (known !== undefined) return known;
    return this.wants(entry) ? this.result(entry) : undefined;
  }

  /** Whether its subscribers get an entry of the log. */
  wants(entry: Entry): boolean {
    return isFiledUnder(this.route, entry) && this.accepts(entry);
  }

  /** As `wants`, where the kind and topics are known to be right: on the live path that is the index's business. */
  accepts(entry: Entry): boolean {
    const { scope, matches } = this.route;
    return scope.mayRead(entry) && matches(entry);
  }

  /** Of an entry that is accepted. */
  result(entry: Entry): EncodedResult {
    const known = this.#results.get(entry)?.result;
    if (known !== undefined) return known;
    const result = new EncodedResult(this.#execute(entry), cursorOf(entry));
    const kept = this.#options.cache.keep(result);
    if (kept !== undefined) this.#results.set(entry, kept);
    return result;
  }

  /**
   * The first result of a snapshot that begins anew, at a position. It tells so, because its client may hold what is no more; where there is
   * no item to tell it beside, as an error that doesn't end the subscription.
   */
  resultAnew(reason: LossReason, position: Position, item?: Entry): EncodedResult {
    const extensions = { restarted: { reason } };
    if (item !== undefined) return new EncodedResult(this.#execute(item), cursorOf(item), extensions);
    const lost = new PositionLost(reason, position).toTidingsError();
    const errors = [new GraphQLError(lost.message, { originalError: lost })];
    const result = this.#options.present({ data: null, errors });
    return new EncodedResult(result, encodeCursor(position), extensions);
  }

  #execute(entry: Entry): object {
    const { schema, operation, present, onExecute } = this.#options;
    onExecute();
    const executed = execute({
      schema,
      document: operation.document,
      operationName: operation.operationName,
      variableValues: operation.variables,
      rootValue: entry,
      contextValue: {},
    });
    // Events carry all that their types show, so that no resolver waits: an event leaves in the turn in which it came.
    if (executed instanceof Promise)
      throw new Error(`A resolver under ${operation.field} is not synchronous.`);
    return present(executed);
  }

  /** Hands a live entry to all who are live. Tells how many that were. */
  deliver(entry: Entry): number {
    const { size } = this.live;
    if (size === 0 || !this.accepts(entry)) return 0;
    const result = this.result(entry);
    for (const delivery of this.live) delivery.deliverLive(entry, result);
    return size;
  }

  /** The current state. Whoever asks while it is read gets the same. */
  async snapshot(): Promise<Snapshot> {
    const { store, memory } = this.#options;
    const accepts = (entry: Entry): boolean => this.accepts(entry);
    const isWanted = (): boolean => this.deliveries.size > 0;
    this.#snapshot ??= takeSnapshot({ store, route: this.route, accepts, isWanted }, memory).finally(
      () => (this.#snapshot = undefined),
    );
    return this.#snapshot;
  }
}
