/**
 * The catalogue of everything that Tidings refuses: one row a code, the same on every transport.
 *
 * `httpStatus` is the answer where nothing else is in the response, `closeCode` the WebSocket code where the whole
 * connection ends because of it, `retryable` tells a client whether the same request can succeed later unchanged.
 */
interface ErrorRow {
  readonly message: string;
  readonly httpStatus: number;
  readonly closeCode?: number;
  readonly retryable: boolean;
}

export const errorCatalogue = {
  UNAUTHENTICATED: {
    message: 'A valid token is required.',
    httpStatus: 401,
    closeCode: 4403,
    retryable: false,
  },
  AUTH_UNAVAILABLE: {
    message: 'Tokens cannot be checked now; come back later.',
    httpStatus: 503,
    closeCode: 1013,
    retryable: true,
  },
  FORBIDDEN: { message: 'Your token does not allow this.', httpStatus: 403, retryable: false },
  BAD_REQUEST: { message: 'The request cannot be understood.', httpStatus: 400, retryable: false },
  INVALID_INPUT: { message: 'The input is invalid.', httpStatus: 400, retryable: false },
  NOT_FOUND: { message: 'There is nothing with this id.', httpStatus: 404, retryable: false },
  CONFLICT: {
    message: 'Others kept changing the same entity; nothing was written.',
    httpStatus: 409,
    retryable: true,
  },
  METHOD_NOT_ALLOWED: {
    message: 'This method is not allowed here.',
    httpStatus: 405,
    retryable: false,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    message: 'The content type is not supported.',
    httpStatus: 415,
    retryable: false,
  },
  PAYLOAD_TOO_LARGE: { message: 'The body is too large.', httpStatus: 413, retryable: false },
  GRAPHQL_PARSE_FAILED: {
    message: 'The document has a syntax error.',
    httpStatus: 400,
    retryable: false,
  },
  GRAPHQL_VALIDATION_FAILED: {
    message: 'The document does not fit the schema.',
    httpStatus: 400,
    retryable: false,
  },
  QUERY_TOO_COMPLEX: {
    message: 'The document asks for too much at once.',
    httpStatus: 400,
    retryable: false,
  },
  PERSISTED_QUERY_NOT_FOUND: {
    message: 'The document is not known here.',
    httpStatus: 404,
    retryable: false,
  },
  BAD_CURSOR: {
    message: 'The cursor is malformed; use one that this server gave.',
    httpStatus: 400,
    retryable: false,
  },
  CURSOR_EXPIRED: {
    message: 'The log cannot be continued from this cursor; start from headCursor or a snapshot.',
    httpStatus: 410,
    retryable: false,
  },
  SNAPSHOT_TOO_LARGE: {
    message: 'The snapshot is too large; narrow the subscription.',
    httpStatus: 400,
    retryable: false,
  },
  TOO_MANY_SUBSCRIPTIONS: {
    message: 'This connection has as many operations as are allowed.',
    httpStatus: 429,
    retryable: true,
  },
  SIGNATURE_INVALID: {
    message: 'The webhook signature is missing or wrong.',
    httpStatus: 401,
    retryable: false,
  },
  STORE_UNAVAILABLE: {
    message: 'The event store cannot be reached; nothing was written.',
    httpStatus: 503,
    retryable: true,
  },
  STORE_FULL: {
    message: 'The event store has no room left; nothing was written.',
    httpStatus: 507,
    retryable: true,
  },
  SHUTTING_DOWN: {
    message: 'The server is going away; reconnect.',
    httpStatus: 503,
    closeCode: 1012,
    retryable: true,
  },
  RATE_LIMITED: {
    message: 'This is more than one client may use; come back later.',
    httpStatus: 429,
    closeCode: 4429,
    retryable: true,
  },
  OVERLOADED: {
    message: 'The server is full; come back later.',
    httpStatus: 503,
    closeCode: 1013,
    retryable: true,
  },
  INTERNAL_SERVER_ERROR: {
    message: 'Something went wrong on our side.',
    httpStatus: 500,
    retryable: true,
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One mistake in an input, with the path of the field that it is about. */
export interface InputIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What a client gets beside the code, for example `headCursor` of CURSOR_EXPIRED or `issues` of INVALID_INPUT. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** An expected refusal. Its message and details are shown to the client as they are: nothing secret in them. */
export class TidingsError extends Error {
  override readonly name = 'TidingsError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message?: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    // Where it was refused is told by the code; under a flood the stack would cost more than the refusal.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message ?? errorCatalogue[code].message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.details = details;
  }

  get httpStatus(): number {
    return errorCatalogue[this.code].httpStatus;
  }
}

/** Whether the same can succeed later unchanged, as when the store is back. */
export function mayPass(error: unknown): error is TidingsError {
  return error instanceof TidingsError && errorCatalogue[error.code].retryable;
}

/** All mistakes of one input at once. */
export function invalidInput(issues: readonly InputIssue[]): TidingsError {
  const list = issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  return new TidingsError('INVALID_INPUT', `The input is invalid. ${list.join('; ')}`, { issues });
}
