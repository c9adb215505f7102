import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  GraphQLError,
  OperationTypeNode,
  execute,
  type ExecutionArgs,
  type FormattedExecutionResult,
} from 'graphql';
import { createYoga, type GraphQLParams, type Plugin } from 'graphql-yoga';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Viewer } from '../auth/viewer.ts';
import { errorCatalogue, TidingsError, type ErrorCode } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { Limits } from '../limits/limits.ts';
import type { Audit } from '../ops/audit.ts';
import type { RequestContext, Via } from '../schema/context.ts';
import { requestFrom, type GraphQLRequest } from './documents.ts';
import type { Bodies, LargeBodies } from './bodies.ts';
import { acceptedBy, refusalHeaders, requestIdOf, sendJson } from './http-io.ts';
import { refusal, type Operations } from './operations.ts';
import { presentError, statusOf } from './present.ts';
import type { ResponseStreams } from './response-streams.ts';

export interface GraphqlHttpOptions {
  readonly operations: Operations;
  readonly sse: ResponseStreams;
  readonly multipart: ResponseStreams;
  readonly authenticator: Pick<Authenticator, 'fromHeaders' | 'verifyAgain'>;
  readonly contextOf: (viewer: Viewer, via: Via) => RequestContext;
  readonly bodies: Bodies;
  readonly maxBodyBytes: number;
  readonly limits: Pick<Limits, 'checkPublish'>;
  readonly audit: Audit;
  readonly onHidden: (error: unknown) => void;
}

/** What Yoga makes an operation's context of. */
interface Received {
  readonly viewer: Viewer;
  readonly requestId: string | null;
}

const ALLOW = 'GET, POST';
const LARGE_BYTES = 8 * 1_024;
const JSON_TYPES = ['application/json', 'application/graphql-response+json', 'application/graphql+json'];

/**
 * GraphQL over HTTP: Yoga for queries and mutations, server-sent events or Apollo's multipart for subscriptions.
 *
 * Yoga gets the parameters and gives the result. Its way from a Request to a Response costs as much as everything else that a mutation takes.
 */
export function createGraphqlHttp(options: GraphqlHttpOptions) {
  const { operations, authenticator, contextOf, limits, onHidden } = options;

  const yoga = createYoga<Received, RequestContext>({
    schema: operations.schema,
    context: ({ viewer, requestId }) => contextOf(viewer, { transport: 'http', requestId }),
    graphiql: false,
    landingPage: false,
    cors: false,
    batching: false,
    logging: false,
    multipart: false,
    maskedErrors: { maskError: (error) => masked(error, onHidden) },
    // Documents are parsed and validated, and cached, where all transports have it done.
    parserAndValidationCache: false,
    plugins: [preparedDocuments(operations), watchedOperations(operations), refuseSubscriptions()],
  });

  const answer = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const { method } = request;
    if (method !== 'GET' && method !== 'POST') throw new TidingsError('METHOD_NOT_ALLOWED');
    const viewer = await authenticator.fromHeaders(request.headers);
    // Only what publishes much is that large: no need to read it to say that it is too much.
    const large = { above: LARGE_BYTES, check: async () => limits.checkPublish(viewer) };
    const body = method === 'GET' ? undefined : await bodyOf(request, options, large);
    if (body !== undefined) await authenticator.verifyAgain(viewer);
    const sent = body === undefined ? sentIn(url.searchParams) : parseJson(body);
    const params = requestFrom(sent);
    const streams = wantedStream(acceptedBy(request), params, viewer, options);
    if (streams !== undefined) return streams.handle(request, response, params, viewer);

    const prepared = operations.prepare(params, viewer);
    if ('errors' in prepared) return sendResult(request, response, statusOf(prepared), prepared);
    const operation = { ...(sent as GraphQLParams), query: prepared.query };
    const received = { viewer, requestId: requestIdOf(request) };
    let result: FormattedExecutionResult;
    try {
      // It only looks at the method: mutations are refused to a GET.
      const asked = { method } as Request;
      result = (await yoga.getResultForParams(
        { params: operation, request: asked },
        received,
      )) as FormattedExecutionResult;
    } catch (error) {
      result = { errors: [presentError(error, onHidden)] };
    }
    const status = statusOf(result);
    sendResult(request, response, status, result, status === 200 ? {} : headersOf(status, result));
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
  const accepted = acceptedBy(request).includes(type) ? { 'content-type': `${type}; charset=utf-8` } : {};
  sendJson(response, status, result, { ...accepted, ...headers });
}

/** Forms and plain text are what a foreign page can make a browser send without being asked: they are never read. */
async function bodyOf(
  request: IncomingMessage,
  { bodies, maxBodyBytes }: GraphqlHttpOptions,
  large: LargeBodies,
): Promise<Buffer> {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (!JSON_TYPES.includes(type.trim().toLowerCase())) {
    throw new TidingsError('UNSUPPORTED_MEDIA_TYPE', 'The content type has to be application/json.');
  }
  return bodies.read(request, maxBodyBytes, large);
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
    onExecute({ setExecuteFn }) {
      setExecuteFn(async (args: ExecutionArgs) => {
        const { document, operationName } = args;
        const context = args.contextValue as RequestContext;
        const result = await operations.watch.execute({ document, operationName, context }, () =>
          execute(args),
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

/** What a result with this status needs beside its body. */
function headersOf(status: number, { errors }: FormattedExecutionResult): Record<string, string> {
  const retryAfter = errors?.[0]?.extensions?.['retryAfter'];
  return {
    ...(status === 405 ? { allow: ALLOW } : {}),
    ...(typeof retryAfter === 'number' ? { 'retry-after': `${retryAfter}` } : {}),
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
