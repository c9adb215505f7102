import type { StreamFormat } from './response-streams.ts';

const BOUNDARY = '\r\n--graphql';

// A part ends with the boundary, which belongs to the next one: clients wait for it before they read what is in front of it.
const part = (json: string): string => `\r\ncontent-type: application/json\r\n\r\n${json}${BOUNDARY}`;

/**
 * Apollo's subscriptions over HTTP, `multipart/mixed;subscriptionSpec=1.0`: each result is the `payload` of a part. Errors beside a payload of
 * null are those of the transport: Apollo Client's RetryLink asks again after them, and for nothing else.
 */
export const multipart: StreamFormat = {
  contentType: 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
  opening: BOUNDARY,
  result: (payload) => part(`{"payload":${payload}}`),
  heartbeat: part('{}'),
  end: '--\r\n',
  interruption: (errors) => `${part(`{"payload":null,"errors":${errors}}`)}--\r\n`,
  lastSeen: () => ({}),
};
