import { setTimeout } from 'node:timers/promises';
import {
  createSourceEventStream,
  execute,
  GraphQLError,
  type ExecutionResult,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError } from '../errors.ts';
import type { Hub } from '../hub/hub.ts';
import type { Subscription } from '../hub/subscription.ts';
import { operationOf } from '../hub/operation.ts';
import { RoutedSubscription, type Route } from '../hub/route.ts';
import type { Sink } from '../hub/sink.ts';
import type { OperationWatch } from '../ops/operation-watch.ts';
import type { RequestContext } from '../schema/context.ts';
import { withoutSuggestion, type Documents, type GraphQLRequest, type PreparedRequest } from './documents.ts';
import { presentError, presentResult } from './present.ts';

export interface OperationsOptions {
  readonly documents: Documents;
  readonly hub: Hub;
  readonly watch: OperationWatch;
  /** Milliseconds before a failed read of the store is tried again. */
  readonly retryMs: number;
  /** Gets the errors that clients are not shown. */
  readonly onHidden: (error: unknown) => void;
}

export type OpenFailure = { readonly errors: readonly GraphQLFormattedError[] };

/** A subscription that is allowed and waits to be started. */
export interface Opened {
  readonly route: Route;
  /** Equal for operations that ask for the same. */
  readonly operationKey: string;
  /** `after` wins over the cursor in the operation. `onEnd`: see `Hub.subscribe`. */
  start(sink: Sink, onEnd: (error: unknown) => void, after?: string): Subscription;
}

/** What every transport does with a GraphQL request, in one place. */
export class Operations {
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  get schema(): GraphQLSchema {
    return this.#options.documents.schema;
  }

  /** The document of a text, parsed and validated, or what is wrong with it. */
  check(query: string): ReturnType<Documents['check']> {
    return this.#options.documents.check(query);
  }

  prepare(request: GraphQLRequest, viewer: Viewer): PreparedRequest | OpenFailure {
    return this.#options.documents.prepare(request, viewer);
  }

  /** The errors as this viewer may see them: without what they tell of the schema. */
  withoutSuggestions<Errors extends readonly unknown[] | undefined>(errors: Errors, viewer: Viewer): Errors {
    if (this.#options.documents.mayExplore(viewer)) return errors;
    for (const error of errors ?? [])
      if (error instanceof GraphQLError) error.message = withoutSuggestion(error.message);
    return errors;
  }

  /** What is counted and noted of operations that somebody else executes. */
  get watch(): OperationWatch {
    return this.#options.watch;
  }

  /** Executes a query or mutation. */
  async execute(
    prepared: PreparedRequest,
    request: GraphQLRequest,
    context: RequestContext,
  ): Promise<FormattedExecutionResult> {
    const { documents, onHidden, watch } = this.#options;
    const { document } = prepared;
    const { operationName, variables } = request;
    const result = await watch.execute({ document, operationName, context }, () =>
      execute({
        schema: documents.schema,
        document,
        operationName,
        variableValues: variables,
        contextValue: context,
      }),
    );
    this.withoutSuggestions(result.errors, context.viewer);
    return presentResult(result, onHidden);
  }

  /**
   * Checks the arguments and the access of a subscription, and tells where its events come from. Where that can't be told as the store is
   * away, it waits while `mayWait` says so: the hub does the same for what needs no look, and few clients come back for an error.
   */
  async open(
    prepared: PreparedRequest,
    request: GraphQLRequest,
    context: RequestContext,
    mayWait: () => boolean = () => false,
  ): Promise<Opened | OpenFailure> {
    const { documents, hub, watch, onHidden, retryMs } = this.#options;
    const { schema } = documents;
    const { document } = prepared;
    const { operationName, variables } = request;
    const started = { document, operationName, context };
    const refuse = (errors: readonly unknown[]): OpenFailure => {
      watch.notSubscribed(errors, started);
      return {
        errors: this.withoutSuggestions(errors, context.viewer).map((error) => presentError(error, onHidden)),
      };
    };
    const subscribe = async (): Promise<AsyncIterable<unknown> | ExecutionResult> =>
      createSourceEventStream({
        schema,
        document,
        operationName,
        variableValues: variables,
        contextValue: context,
      });
    let source: AsyncIterable<unknown> | ExecutionResult;
    try {
      source = await subscribe();
      while (isStoreAway(source) && mayWait()) {
        await setTimeout(retryMs);
        source = await subscribe();
      }
    } catch (error) {
      return refuse([error]);
    }
    if (!(source instanceof RoutedSubscription)) {
      const { errors = [new GraphQLError('The subscription selects nothing.')] } = source as ExecutionResult;
      return refuse(errors);
    }
    const { route } = source;
    const operation = operationOf({ schema, document, operationName, variables });
    return {
      route,
      operationKey: operation.key,
      start: (sink, onEnd, after) => {
        const start = after === undefined ? route.start : { ...route.start, after };
        const subscription = hub.subscribe(operation, { ...route, start }, sink, (error) => {
          watch.ended(subscription);
          onEnd(error);
        });
        watch.subscribed(subscription, started);
        return subscription;
      },
    };
  }

  /** What ended a subscription, as its client is told. */
  presentEnd(error: unknown): GraphQLFormattedError {
    return presentError(error, this.#options.onHidden);
  }
}

function isStoreAway(source: AsyncIterable<unknown> | ExecutionResult): boolean {
  const cause = 'errors' in source ? source.errors?.[0]?.originalError : undefined;
  return cause instanceof TidingsError && cause.code === 'STORE_UNAVAILABLE';
}

/** A refusal in the form of a GraphQL result. */
export function refusal(error: TidingsError): OpenFailure {
  return { errors: [presentError(error, () => undefined)] };
}

/** For what is beyond the messages of its connection. That is filled up all the time. */
export function tooManyMessages(): OpenFailure {
  const what = 'There are too many messages on this connection.';
  return refusal(new TidingsError('RATE_LIMITED', what, { retryAfter: 1 }));
}
