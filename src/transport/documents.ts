import {
  getOperationAST,
  GraphQLError,
  visit,
  type DocumentNode,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type OperationTypeNode,
} from 'graphql';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError, type ErrorCode } from '../errors.ts';
import { persistedHash, type AllowList } from './allow-list.ts';
import { parseBounded, validateBounded } from './complexity.ts';
import { presentError } from './present.ts';

/** A GraphQL request as every transport gets it from its client. */
export interface GraphQLRequest {
  /** Empty where the extensions have its hash. */
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
  if (typeof query !== 'string' && query !== undefined && query !== null)
    throw new TidingsError('BAD_REQUEST', '"query" has to be a GraphQL document.');
  if ((query ?? '') === '' && persistedHash(extensions) === undefined)
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
    query: query ?? '',
    operationName,
    variables: variables as Record<string, unknown> | null | undefined,
    extensions,
  };
}

export interface PreparedRequest {
  /** The document's text, also where the client sent its hash. */
  readonly query: string;
  readonly document: DocumentNode;
  readonly type: OperationTypeNode;
}

type Refused = { readonly errors: readonly GraphQLFormattedError[] };
type Checked = { readonly document: DocumentNode; readonly isIntrospection: boolean } | Refused;

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  /** The documents that may be sent; null: any. */
  readonly allowList: AllowList | null;
  /** Everybody may look into the schema, not only who has the scope `admin`. */
  readonly isOpen: boolean;
}

/** Characters of all documents in the cache: their trees take about a hundred times as many bytes. */
const MAX_CACHED = 500_000;
/** Longer documents are rare, and must not drive the others out. */
const MAX_CACHED_LENGTH = MAX_CACHED / 20;

/** Parses and validates, each text once. Equal texts give the same document object, by which later stages cache in turn. */
export class Documents {
  readonly #options: DocumentsOptions;
  readonly #cache = new Map<string, Checked>();
  #cached = 0;

  constructor(options: DocumentsOptions) {
    this.#options = options;
  }

  get schema(): GraphQLSchema {
    return this.#options.schema;
  }

  /** Introspection, and suggestions in errors, which tell as much with some patience. */
  mayExplore({ scopes }: Viewer): boolean {
    return this.#options.isOpen || scopes.has('admin');
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
  prepare(request: GraphQLRequest, viewer: Viewer): PreparedRequest | Refused {
    const query = this.#textOf(request, viewer);
    if (query === undefined) return refused('PERSISTED_QUERY_NOT_FOUND');
    const checked = this.check(query);
    const mayExplore = this.mayExplore(viewer);
    if ('errors' in checked) {
      if (mayExplore) return checked;
      return {
        errors: checked.errors.map((error) => ({ ...error, message: withoutSuggestion(error.message) })),
      };
    }
    if (checked.isIntrospection && !mayExplore)
      return refused('FORBIDDEN', 'Introspection needs the scope admin.');
    const operation = getOperationAST(checked.document, request.operationName ?? undefined);
    if (operation === null || operation === undefined) {
      const error = new GraphQLError(
        request.operationName === null || request.operationName === undefined
          ? 'The document has no operation, or several: operationName has to tell which.'
          : 'The document has no operation of this name.',
      );
      return { errors: [presentError(error, ignore)] };
    }
    return { query, document: checked.document, type: operation.operation };
  }

  /** Admins may send what is not in the list: they have GraphiQL and the dashboard. */
  #textOf({ query, extensions }: GraphQLRequest, { scopes }: Viewer): string | undefined {
    const { allowList } = this.#options;
    const hash = persistedHash(extensions);
    const sent = query === '' && hash !== undefined ? undefined : query;
    if (allowList === null) return sent;
    const known =
      allowList.find(hash, query) ?? (sent === undefined ? undefined : allowList.find(undefined, sent));
    return known ?? (scopes.has('admin') ? sent : undefined);
  }

  #check(query: string): Checked {
    let document: DocumentNode;
    try {
      document = parseBounded(query);
    } catch (error) {
      return { errors: [presentError(error, ignore, 'GRAPHQL_PARSE_FAILED')] };
    }
    let errors: readonly unknown[];
    try {
      errors = validateBounded(this.schema, document);
    } catch (error) {
      // One of graphql-js's rules throws instead of reporting: for a variable in @skip on a subscription's field.
      errors = [error];
    }
    if (errors.length === 0) return { document, isIntrospection: isIntrospection(document) };
    return { errors: errors.map((error) => presentError(error, ignore, 'GRAPHQL_VALIDATION_FAILED')) };
  }
}

const ignore = (): void => undefined;

function refused(code: ErrorCode, message?: string): Refused {
  return { errors: [presentError(new TidingsError(code, message), ignore)] };
}

function isIntrospection(document: DocumentNode): boolean {
  let isFound = false;
  visit(document, {
    Field({ name }) {
      isFound ||= name.value === '__schema' || name.value === '__type';
    },
  });
  return isFound;
}

/** graphql-js guesses what was meant, from what there is. */
export function withoutSuggestion(message: string): string {
  return message.replace(/ Did you mean [^]*$/, '');
}
