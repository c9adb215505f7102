import {
  GraphQLError,
  type ExecutionResult,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
} from 'graphql';
import { errorCatalogue, TidingsError, type ErrorCode } from '../errors.ts';

/** An error that a client may see, with the code of the catalogue. What nobody expected is hidden and handed to `onHidden`. */
export function presentError(
  error: unknown,
  onHidden: (error: unknown) => void,
  fallback?: ErrorCode,
): GraphQLFormattedError {
  const { locations, path } = error instanceof GraphQLError ? error.toJSON() : {};
  const place = {
    ...(locations === undefined ? {} : { locations }),
    ...(path === undefined ? {} : { path }),
  };
  const cause = rootOf(error);
  if (cause instanceof TidingsError) {
    return { message: cause.message, ...place, extensions: { code: cause.code, ...cause.details } };
  }
  // graphql-js itself refuses: wrong variables, unknown operations.
  if (error instanceof GraphQLError && cause instanceof GraphQLError && !isUnshowable(path, cause)) {
    const { code } = error.extensions;
    return {
      message: error.message,
      ...place,
      extensions: { code: fallback ?? (isKnown(code) ? code : 'BAD_REQUEST') },
    };
  }
  onHidden(cause);
  const code = 'INTERNAL_SERVER_ERROR';
  return { message: errorCatalogue[code].message, ...place, extensions: { code } };
}

/** The result with its errors as clients may see them. */
export function presentResult(
  result: ExecutionResult,
  onHidden: (error: unknown) => void,
): FormattedExecutionResult {
  const { data, errors } = result;
  if (errors === undefined || errors.length === 0) return data === undefined ? {} : { data };
  const formatted = errors.map((error) => presentError(error, onHidden));
  return data === undefined ? { errors: formatted } : { errors: formatted, data };
}

/** The HTTP status of a result: errors count only where there is nothing beside them. */
export function statusOf(result: FormattedExecutionResult): number {
  const code = result.errors?.[0]?.extensions?.['code'] as ErrorCode | undefined;
  if (code === undefined || (result.data !== undefined && result.data !== null)) return 200;
  return code === 'INTERNAL_SERVER_ERROR' ? 200 : errorCatalogue[code].httpStatus;
}

/** One of ours: scalars say so what is wrong with a value. */
const isKnown = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorCatalogue, code);

/** Of a mistake in a document graphql-js tells where in there it is; of a value that is none for its field, only where in the result. */
function isUnshowable(path: GraphQLError['path'], { nodes }: GraphQLError): boolean {
  return path !== undefined && nodes === undefined;
}

function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof GraphQLError && root.originalError !== undefined) root = root.originalError;
  return root;
}
