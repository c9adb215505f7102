import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  GraphQLError,
  OperationTypeNode,
  type execute,
  type ExecutionArgs,
  type FormattedExecutionResult,
} from 'graphql';
import { createYoga, type GraphQLParams, type Plugin } from 'graphql-yoga';
import type { Viewer } from '../auth/viewer.ts';
import { errorCatalogue, TidingsError, type ErrorCode } from '../errors.ts';
import type { Audit } from '../ops/audit.ts';
import type { RequestContext, Via } from '../schema/context.ts';
import { requestFrom, type GraphQLRequest } from './documents.ts';
import { parseJson, readBody, refusalHeaders, requestIdOf, sendJson } from './http-io.ts';
import { refusal, type Operations } from './operations.ts';
import { presentError, statusOf } from './present.ts';
import type { ResponseStreams } from './response-streams.ts';

export interface GraphqlHttpOptions {
  readonly operations: Operations;
  readonly sse: ResponseStreams;
  readonly multipart: ResponseStreams;
  readonly viewerOf: (request: IncomingMessage) => Promise<Viewer>;
  readonly contextOf: (viewer: Viewer, via: Via) => RequestContext;
  readonly maxBodyBytes: number;
  readonly audit: Audit;
  readonly onHidden: (error: unknown) => void;
}

/** A request as Yoga gets it. */
interface Received {
  readonly viewer: Viewer;
  readonly requestId: string | null;
  /** Its parameters, as the client has them. */
  readonly sent: GraphQLParams;
}

const ALLOW = 'GET, POST';
const JSON_TYPES = ['application/json', 'application/graphql-response+json', 'application/graphql+json'];

/** GraphQL over HTTP: Yoga for queries and mutations, server-sent events or Apollo's multipart for subscriptions. */
export function createGraphqlHttp(options: GraphqlHttpOptions) {
  const { operations, viewerOf, contextOf, maxBodyBytes, onHidden } = options;

  const yoga = createYoga<Received, RequestContext>({
    schema: operations.schema,
    context: ({ viewer, requestId }) => contextOf(viewer, { transport: 'http', requestId }),
    graphiql: false,
    landingPage: false,
    cors: false,
    batching: false,
    logging: false,
    multipart: false,
    // The body was read, within its limit, and parsed before.
    maxRequestBodySize: false,
    fetchAPI: { Response: Answer as unknown as typeof Response },
    maskedErrors: { maskError: (error) => masked(error, onHidden) },
    // Documents are parsed and validated, and cached, where all transports have it done.
    parserAndValidationCache: false,
    plugins: [
      receivedParams(),
      preparedDocuments(operations),
      watchedOperations(operations),
      refuseSubscriptions(),
      statusFromErrors(),
    ],
  });

  const answer = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const { method } = request;
    if (method !== 'GET' && method !== 'POST') throw new TidingsError('METHOD_NOT_ALLOWED');
    const viewer = await viewerOf(request);
    const body = method === 'GET' ? undefined : await bodyOf(request, maxBodyBytes);
    const sent = body === undefined ? sentIn(url.searchParams) : parseJson(body);
    const params = requestFrom(sent);
    const streams = wantedStream(request.headers.accept ?? '', params, viewer, options);
    if (streams !== undefined) return streams.handle(request, response, params, viewer);

    const prepared = operations.prepare(params, viewer);
    if ('errors' in prepared) return sendResult(request, response, statusOf(prepared), prepared);
    const answered: unknown = await yoga.handleRequest(asked(request, url), {
      viewer,
      requestId: requestIdOf(request),
      sent: { ...(sent as GraphQLParams), query: prepared.query },
    });
    // Yoga takes parameters for an answer that look like one.
    if (!(answered instanceof Answer))
      throw new TidingsError('BAD_REQUEST', 'The request has unknown parameters.');
    const { status, headers, text } = answered;
    response.writeHead(status, {
      ...headers,
      ...(status === 405 ? { allow: ALLOW } : {}),
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    });
    response.end(text);
  };

  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    try {
      await answer(request, response, url);
    } catch (error) {
      if (!(error instanceof TidingsError) || response.headersSent) throw error;
      options.audit.refused(error.code, '/graphql', null, {
        transport: 'http',
        requestId: requestIdOf(request),
      });
      const result = refusal(error);
      const allow = error.code === 'METHOD_NOT_ALLOWED' ? { allow: ALLOW } : {};
      sendResult(request, response, error.httpStatus, result, { ...allow, ...refusalHeaders(error) });
    }
  };
}

/** A refusal, in the type that the client prefers: some take errors for GraphQL's only in the newer one. */
function sendResult(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  result: FormattedExecutionResult,
  headers: Readonly<Record<string, string>> = {},
): void {
  const type = 'application/graphql-response+json';
  const accepted =
    request.headers.accept?.includes(type) === true ? { 'content-type': `${type}; charset=utf-8` } : {};
  sendJson(response, status, result, { ...accepted, ...headers });
}

/** Forms and plain text are what a foreign page can make a browser send without being asked: they are never read. */
async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (!JSON_TYPES.includes(type.trim().toLowerCase())) {
    throw new TidingsError('UNSUPPORTED_MEDIA_TYPE', 'The content type has to be application/json.');
  }
  return readBody(request, maxBytes);
}

function sentIn(search: URLSearchParams): unknown {
  const json = (name: string): unknown => {
    const text = search.get(name);
    return text === null || text === '' ? undefined : parseJson(Buffer.from(text));
  };
  return {
    query: search.get('query') ?? undefined,
    operationName: search.get('operationName') ?? undefined,
    variables: json('variables'),
    extensions: json('extensions'),
  };
}

/**
 * What Yoga looks at of a request. A whole Request, with its streams and its signal, costs more than executing most operations.
 */
function asked({ method, headers }: IncomingMessage, url: URL): Request {
  const known = { accept: headers.accept ?? 'application/json' } as Readonly<Record<string, string>>;
  return {
    method,
    url: url.href,
    parsedUrl: url,
    headers: { get: (name: string) => known[name.toLowerCase()] ?? null },
  } as unknown as Request;
}

/** What Yoga answers, in the place of a Response. */
class Answer {
  readonly text: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    body: string | null,
    init: { readonly status?: number; readonly headers?: Record<string, string> } = {},
  ) {
    this.text = body ?? '';
    this.status = init.status ?? 200;
    const { headers = {} } = init;
    this.headers = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
  }
}

/** Some clients name JSON too for everything and mean: a stream for subscriptions, JSON for the rest. */
function wantedStream(
  accept: string,
  params: GraphQLRequest,
  viewer: Viewer,
  { operations, sse, multipart }: GraphqlHttpOptions,
): ResponseStreams | undefined {
  const isEvents = accept.includes('text/event-stream');
  if (isEvents && !JSON_TYPES.some((type) => accept.includes(type))) return sse;
  if (!isEvents && !/multipart\/mixed[^,]*;\s*subscriptionSpec="?1\.0/i.test(accept)) return undefined;
  const prepared = operations.prepare(params, viewer);
  // Multipart is asked for with subscriptions only: what nobody can understand was meant to be one.
  if ('errors' in prepared) return isEvents ? undefined : multipart;
  if (prepared.type !== OperationTypeNode.SUBSCRIPTION) return undefined;
  return isEvents ? sse : multipart;
}

/** The parameters were read from the request before Yoga saw it. */
function receivedParams(): Plugin<object, Received> {
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      setRequestParser(() => serverContext.sent);
    },
  };
}

function preparedDocuments(operations: Operations): Plugin {
  return {
    onParse({ params, setParsedDocument }) {
      const prepared = operations.check(params.source as string);
      if ('document' in prepared) setParsedDocument(prepared.document);
    },
    onValidate: ({ setResult }) => setResult([]),
  };
}

function watchedOperations(operations: Operations): Plugin {
  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn(async (args: ExecutionArgs) => {
        const { document, operationName } = args;
        const context = args.contextValue as RequestContext;
        const result = await operations.watch.execute({ document, operationName, context }, () =>
          (executeFn as typeof execute)(args),
        );
        operations.withoutSuggestions(result.errors, context.viewer);
        return result;
      });
    },
  };
}

function refuseSubscriptions(): Plugin {
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(() => {
        throw new TidingsError(
          'BAD_REQUEST',
          'A subscription needs a WebSocket, or "Accept: text/event-stream" with a GET or POST.',
        );
      });
    },
  };
}

/** An error counts for the HTTP status only where there is no data beside it. */
function statusFromErrors(): Plugin {
  return {
    onResultProcess({ result }) {
      const { errors, data } = result as { errors?: readonly GraphQLError[]; data?: unknown };
      const [first] = errors ?? [];
      if (first === undefined) return;
      const status = statusOf({ errors, data } as FormattedExecutionResult);
      const { retryAfter } = first.extensions;
      const headers =
        status !== 200 && typeof retryAfter === 'number' ? { 'retry-after': `${retryAfter}` } : {};
      Object.assign(first.extensions, { http: { status, headers } });
    },
  };
}

const isKnown = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorCatalogue, code);

/** What Yoga and graphql-js refuse, with our codes; everything else hidden. */
function masked(error: unknown, onHidden: (error: unknown) => void): GraphQLError {
  if (!(error instanceof GraphQLError)) {
    const { message, extensions } = presentError(error, onHidden);
    return new GraphQLError(message, { extensions: extensions ?? null });
  }
  const { code, http } = error.extensions as { code?: unknown; http?: { status?: number } };
  const fallback = http?.status === 405 ? 'METHOD_NOT_ALLOWED' : isKnown(code) ? code : 'BAD_REQUEST';
  const { message, extensions } = presentError(error, onHidden, fallback);
  const { nodes, source, positions, path } = error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions: extensions ?? null,
  });
}
