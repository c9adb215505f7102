import type { IncomingMessage } from 'node:http';
import type { Viewer } from '../auth/viewer.ts';
import type { Limits as ClientLimits } from '../limits/limits.ts';
import type { RequestContext, Via } from '../schema/context.ts';
import type { Connection } from '../transport/connection.ts';
import { GraphiqlPage } from '../transport/graphiql.ts';
import { Bodies } from '../transport/bodies.ts';
import { createGraphqlHttp } from '../transport/graphql-http.ts';
import { LegacyWs } from '../transport/legacy-ws.ts';
import { multipart } from '../transport/multipart.ts';
import type { Operations } from '../transport/operations.ts';
import { RecentMutations } from '../transport/recent-mutations.ts';
import { ResponseStreams } from '../transport/response-streams.ts';
import type { ResumePoints } from '../transport/resume.ts';
import { serverSentEvents } from '../transport/sse.ts';
import { Tarpit } from '../transport/tarpit.ts';
import { TransportWs } from '../transport/transport-ws.ts';
import { WebServer, type WebServerOptions } from '../transport/web-server.ts';
import { WebSockets } from '../transport/web-sockets.ts';
import type { Limits } from './limits.ts';

type OwnToTransports =
  'graphql' | 'graphiql' | 'webSockets' | 'bodies' | 'bodyBytes' | 'webhookBodyBytes' | 'silenceMs';

/** What is on the port beside GraphQL, and what GraphQL over all transports has in common. */
export interface TransportsOptions extends Omit<WebServerOptions, OwnToTransports> {
  readonly operations: Operations;
  readonly contextOf: (viewer: Viewer, via: Via, connection?: RequestContext['connection']) => RequestContext;
  readonly resumePoints: ResumePoints;
  readonly limits: Limits;
  readonly clientLimits: ClientLimits;
  readonly addressOf: (request: IncomingMessage) => string | null;
  /** Hears of each WebSocket that has closed. */
  readonly release: (connection: string) => void;
  /** For GraphiQL on this machine. */
  readonly developmentToken: string | null;
}

/** The one port, with all that clients can speak there. */
export interface Transports {
  /** How many are open, by transport. */
  connections(): Readonly<Record<string, number>>;
  /** Resolves with the URL. */
  listen: WebServer['listen'];
  /** Sends everybody away over so many milliseconds. */
  drain(ms: number): Promise<void>;
  close: WebServer['close'];
}

export function createTransports(options: TransportsOptions): Transports {
  const { operations, contextOf, authenticator, limits, clientLimits, addressOf, audit, onError, now } =
    options;
  const { highWaterMark, writeDeadlineMs } = limits;
  const streamOptions = {
    operations,
    contextOf,
    authenticator,
    limits: clientLimits,
    addressOf,
    highWaterMark,
    writeDeadlineMs,
    heartbeatMs: limits.pingMs,
  };
  const sse = new ResponseStreams({ ...streamOptions, transport: 'sse', format: serverSentEvents });
  const multipartStreams = new ResponseStreams({
    ...streamOptions,
    transport: 'multipart',
    format: multipart,
  });
  const webSocketOptions = {
    services: {
      operations,
      contextOf: (viewer: Viewer, connection: Connection) => contextOf(viewer, connection.via, connection),
      resumePoints: options.resumePoints,
      recentMutations: new RecentMutations(now),
    },
    authenticator,
    maxOperations: limits.operationsPerConnection,
    initTimeoutMs: limits.initTimeoutMs,
    audit,
    onError,
  };
  const webSockets: WebSockets = new WebSockets({
    ...limits,
    authenticator,
    transportWs: (connection, headers) => void new TransportWs(connection, headers, webSocketOptions),
    legacyWs: (connection, headers) =>
      void new LegacyWs(connection, headers, { ...webSocketOptions, keepAliveMs: limits.pingMs }),
    release: options.release,
    requests: options.requests,
    limits: clientLimits,
    addressOf,
    tarpit: new Tarpit(limits.tarpitMs),
    onError,
  });
  const { developmentToken } = options;
  const bodies = new Bodies(limits.unfinishedBytes);
  const web = new WebServer({
    ...options,
    bodies,
    graphql: createGraphqlHttp({
      operations,
      sse,
      multipart: multipartStreams,
      authenticator,
      contextOf,
      bodies,
      maxBodyBytes: limits.bodyBytes,
      limits: clientLimits,
      audit,
      onHidden: onError,
    }),
    graphiql: {
      open: new GraphiqlPage(null),
      withToken: developmentToken === null ? null : new GraphiqlPage(developmentToken),
    },
    webSockets,
    bodyBytes: limits.bodyBytes,
    webhookBodyBytes: limits.webhookBodyBytes,
    silenceMs: limits.silenceMs,
  });
  return {
    connections: () => ({
      ...webSockets.counts,
      sse: sse.connections,
      multipart: multipartStreams.connections,
    }),
    listen: (port, host) => web.listen(port, host),
    drain: async (ms) => {
      await Promise.all([web, sse, multipartStreams].map(async (each) => each.drain(ms)));
    },
    close: (graceMs) => web.close(graceMs),
  };
}
