import {
  getOperationAST,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionResult,
  type SelectionSetNode,
} from 'graphql';
import { TidingsError, type ErrorCode } from '../errors.ts';
import type { Subscription } from '../hub/subscription.ts';
import type { RequestContext } from '../schema/context.ts';
import type { Audit } from './audit.ts';
import type { Metrics } from './metrics.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Tracing } from './tracing.ts';

export interface OperationWatchOptions {
  readonly metrics: Metrics;
  readonly audit: Audit;
  readonly subscriptions: Subscriptions;
  readonly tracing: Tracing;
}

/** An operation, whatever it came in on. */
interface Started {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly context: RequestContext;
}

/** What is counted and noted of every GraphQL operation, on every transport. */
export class OperationWatch {
  readonly #options: OperationWatchOptions;

  constructor(options: OperationWatchOptions) {
    this.#options = options;
  }

  /** Around the execution of a query or mutation. */
  async execute<Result>(started: Started, run: () => Result | Promise<Result>): Promise<Result> {
    const { type, field } = nameOf(started);
    this.#options.metrics.operation(started.context.via.transport, type, field);
    const result = await this.#options.tracing.span(`${type} ${field}`, async () => run());
    this.#refused((result as ExecutionResult).errors ?? [], field, started.context);
    return result;
  }

  subscribed(subscription: Subscription, { context }: Started): void {
    const { metrics, audit, subscriptions } = this.#options;
    const state = subscription.state();
    metrics.operation(context.via.transport, OperationTypeNode.SUBSCRIPTION, state.field);
    audit.subscribed(state, context.viewer, context.via);
    subscriptions.add(subscription, context);
  }

  ended(subscription: Subscription): void {
    this.#options.subscriptions.remove(subscription);
  }

  /** A subscription did not come to be. */
  notSubscribed(errors: readonly unknown[], started: Started): void {
    this.#refused(errors, nameOf(started).field, started.context);
  }

  #refused(errors: readonly unknown[], field: string, { viewer, via }: RequestContext): void {
    const codes = new Set(errors.map(codeOf));
    for (const code of codes) this.#options.audit.refused(code, field, viewer, via);
  }
}

function codeOf(error: unknown): ErrorCode {
  let root = error;
  while (root instanceof GraphQLError && root.originalError !== undefined) root = root.originalError;
  if (root instanceof TidingsError) return root.code;
  return root instanceof GraphQLError ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR';
}

const names = new WeakMap<DocumentNode, Map<string, ReturnType<typeof find>>>();

/** Type and first field of a valid operation. Documents come from a cache, so that each is looked at once. */
function nameOf({ document, operationName }: Started): ReturnType<typeof find> {
  let byName = names.get(document);
  if (byName === undefined) names.set(document, (byName = new Map<string, ReturnType<typeof find>>()));
  const key = operationName ?? '';
  let name = byName.get(key);
  if (name === undefined) byName.set(key, (name = find(document, operationName)));
  return name;
}

function find(
  document: DocumentNode,
  operationName: string | null | undefined,
): { readonly type: OperationTypeNode; readonly field: string } {
  const operation = getOperationAST(document, operationName);
  if (operation === null || operation === undefined) return { type: OperationTypeNode.QUERY, field: '' };
  return { type: operation.operation, field: firstField(document, operation.selectionSet) ?? '' };
}

function firstField(document: DocumentNode, { selections }: SelectionSetNode): string | undefined {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) return selection.name.value;
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection
        : document.definitions.find(
            (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === selection.name.value,
          );
    if (fragment === undefined || !('selectionSet' in fragment)) continue;
    const field = firstField(document, fragment.selectionSet);
    if (field !== undefined) return field;
  }
  return undefined;
}
