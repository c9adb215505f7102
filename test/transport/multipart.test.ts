import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AnnounceDocument, StatsDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';

const announcements = 'subscription ($after: Cursor) { announcement(after: $after) { message } }';
/** As Apollo Client has it. */
const ACCEPT =
  'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9';
const part = (json: unknown) =>
  `\r\n--graphql\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(json)}`;
const END = '\r\n--graphql--\r\n';

describe('over multipart subscriptions', () => {
  let server: TestServer;
  let aborts: AbortController[] = [];

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterEach(() => {
    for (const abort of aborts) abort.abort();
    aborts = [];
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const announce = async (message: string): Promise<string> =>
    (await server.run(AnnounceDocument, { input: { message } })).announce.cursor;
  const ask = async (
    query: string,
    variables: Record<string, unknown> = {},
    { url = server.graphqlUrl, accept = ACCEPT } = {},
  ): Promise<Response> => {
    const abort = new AbortController();
    aborts.push(abort);
    return fetch(url, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${tokenFor()}` },
      body: JSON.stringify({ query, variables }),
      signal: abort.signal,
    });
  };
  /** What has come by the time that it is this. */
  const expectBody = async (response: Response, expected: string): Promise<void> => {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= expected.length) break;
    }
    expect(text).toBe(expected);
  };

  it.each([
    ['as Apollo Client asks for it', ACCEPT],
    [
      'as its helper for Relay does',
      'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json',
    ],
    ['as others do', 'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0", application/json'],
  ])('each result is a part, which ends with the boundary of the next, %s', async (_name, accept) => {
    const after = await announce('start');
    await announce('one "quoted"');
    await announce('two');
    const response = await ask(announcements, { after }, { accept });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(
      'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
    );
    const payloads = ['one "quoted"', 'two'].map((message) => ({
      payload: { data: { announcement: { message } } },
    }));
    await expectBody(response, `${payloads.map(part).join('')}\r\n--graphql`);
  });

  it('an idle stream has heartbeats', async () => {
    await using lively = await TestServer.start({ limits: { pingMs: 20 } });
    const response = await ask(announcements, {}, { url: lively.graphqlUrl });
    await expectBody(response, `${part({})}${part({})}\r\n--graphql`);
  });

  it('an operation that is refused is told so in a part, and ended', async () => {
    const response = await ask('subscription {');
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toMatch(
      /^\r\n--graphql\r\ncontent-type: application\/json\r\n\r\n\{"payload":\{"errors":\[/,
    );
    expect(text).toContain('"code":"GRAPHQL_PARSE_FAILED"');
    expect(text.endsWith(END)).toBe(true);
  });

  it('a server that stops says so as an error of the transport', async () => {
    const own = await TestServer.start();
    const response = await ask(announcements, {}, { url: own.graphqlUrl });
    await until(async () => (await own.run(StatsDocument)).stats.live === 1);
    const [text] = await Promise.all([response.text(), own[Symbol.asyncDispose]()]);
    const message = 'The server is going away; reconnect.';
    expect(text).toBe(
      `${part({ payload: null, errors: [{ message, extensions: { code: 'SHUTTING_DOWN' } }] })}${END}`,
    );
  });

  it('queries are answered in JSON', async () => {
    const response = await ask('{ viewer { userId } }');
    expect(response.headers.get('content-type')).toContain('json');
    expect(await response.json()).toEqual({ data: { viewer: { userId: 'tester' } } });
  });

  it('subscriptions are not answered so to those who ask for another kind of multipart', async () => {
    const response = await ask(
      announcements,
      {},
      { accept: 'multipart/mixed;deferSpec=20220824, application/json' },
    );
    expect(response.status).toBe(400);
  });
});
