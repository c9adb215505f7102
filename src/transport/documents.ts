import {
  getOperationAST,
  GraphQLError,
  parse,
  validate,
  type DocumentNode,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type OperationTypeNode,
} from 'graphql';
import { TidingsError } from '../errors.ts';
import { presentError } from './present.ts';

/** A GraphQL request as every transport gets it from its client. */
export interface GraphQLRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  /** As it was sent; who looks into it, checks it. */
  readonly extensions?: unknown;
}

/**
 * The request in what a client sent.
 *
 * @throws TidingsError BAD_REQUEST
 */
export function requestFrom(sent: unknown): GraphQLRequest {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) {
    throw new TidingsError('BAD_REQUEST', 'The request has to be one JSON object with a "query".');
  }
  const { query, operationName, variables, extensions } = sent as Record<string, unknown>;
  if (typeof query !== 'string' || query === '')
    throw new TidingsError('BAD_REQUEST', '"query" has to be a GraphQL document.');
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw new TidingsError('BAD_REQUEST', '"operationName" has to be a string.');
  }
  if (
    variables !== undefined &&
    variables !== null &&
    (typeof variables !== 'object' || Array.isArray(variables))
  ) {
    throw new TidingsError('BAD_REQUEST', '"variables" has to be a JSON object.');
  }
  return {
    query,
    operationName,
    variables: variables as Record<string, unknown> | null | undefined,
    extensions,
  };
}

export interface PreparedRequest {
  readonly document: DocumentNode;
  readonly type: OperationTypeNode;
}

type Checked = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLFormattedError[] };

/** Characters of all documents in the cache: their trees take about a hundred times as many bytes. */
const MAX_CACHED = 500_000;
/** Longer documents are rare, and must not drive the others out. */
const MAX_CACHED_LENGTH = MAX_CACHED / 20;

/** Parses and validates, each text once. Equal texts give the same document object, by which later stages cache in turn. */
export class Documents {
  readonly schema: GraphQLSchema;
  readonly #cache = new Map<string, Checked>();
  #cached = 0;

  constructor(schema: GraphQLSchema) {
    this.schema = schema;
  }

  check(query: string): Checked {
    const cached = this.#cache.get(query);
    if (cached !== undefined) {
      // The least recently used goes first.
      this.#cache.delete(query);
      this.#cache.set(query, cached);
      return cached;
    }
    const checked = this.#check(query);
    if (query.length > MAX_CACHED_LENGTH) return checked;
    this.#cache.set(query, checked);
    this.#cached += query.length;
    for (const oldest of this.#cache.keys()) {
      if (this.#cached <= MAX_CACHED) break;
      this.#cache.delete(oldest);
      this.#cached -= oldest.length;
    }
    return checked;
  }

  /** The document and the type of the operation meant, or all that is wrong with them. */
  prepare(request: GraphQLRequest): PreparedRequest | { readonly errors: readonly GraphQLFormattedError[] } {
    const checked = this.check(request.query);
    if ('errors' in checked) return checked;
    const operation = getOperationAST(checked.document, request.operationName ?? undefined);
    if (operation === null || operation === undefined) {
      const error = new GraphQLError(
        request.operationName === null || request.operationName === undefined
          ? 'The document has no operation, or several: operationName has to tell which.'
          : 'The document has no operation of this name.',
      );
      return { errors: [presentError(error, ignore)] };
    }
    return { document: checked.document, type: operation.operation };
  }

  #check(query: string): Checked {
    let document: DocumentNode;
    try {
      document = parse(query);
    } catch (error) {
      return { errors: [presentError(error, ignore, 'GRAPHQL_PARSE_FAILED')] };
    }
    let errors: readonly unknown[];
    try {
      errors = validate(this.schema, document);
    } catch (error) {
      // One of graphql-js's rules throws instead of reporting: for a variable in @skip on a subscription's field.
      errors = [error];
    }
    if (errors.length === 0) return { document };
    return { errors: errors.map((error) => presentError(error, ignore, 'GRAPHQL_VALIDATION_FAILED')) };
  }
}

const ignore = (): void => undefined;
