/** What GitHub is answered, as a table: the rows about webhooks of RELIABILITY's expected answers, over HTTP. */
import { createHmac, randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TidingsError, type ErrorCode } from '../../src/errors.ts';
import type { EventStore } from '../../src/store/store.ts';
import { WEBHOOK_SECRET } from '../support/keys.ts';
import { TestServer } from '../support/server.ts';
import { altered } from '../support/altered-store.ts';
import { issuesEvent } from './github.ts';

const MOST_BYTES = 25 * 1_024 * 1_024;

let server: TestServer;
let fault: ErrorCode | undefined;
beforeAll(async () => {
  const aroundStore = (store: EventStore): EventStore =>
    altered(store, {
      append: async (...args) => {
        if (fault !== undefined) throw new TidingsError(fault);
        return store.append(...args);
      },
    });
  server = await TestServer.start({ aroundStore });
});
afterAll(async () => server[Symbol.asyncDispose]());

let issues = 0;
/** An issue that nobody has heard of yet. */
const newIssue = (): string => {
  issues += 1;
  return JSON.stringify(issuesEvent('opened', { id: issues, number: issues }));
};
const signed = (body: string | Uint8Array, secret = WEBHOOK_SECRET): Record<string, string> => ({
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
});

interface Delivery {
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Beside those of every delivery; an empty one is left out. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly search?: string;
}
const deliver = async ({ body, headers = {}, search = '' }: Delivery, to = server): Promise<unknown[]> => {
  const all = {
    'content-type': 'application/json',
    'x-github-event': 'issues',
    'x-github-delivery': randomUUID(),
    ...signed(body),
    ...headers,
  };
  const response = await fetch(`${to.url}/webhooks/github${search}`, {
    method: 'POST',
    headers: Object.entries(all).filter(([, value]) => value !== ''),
    body,
  });
  const answer = (await response.json()) as Record<string, unknown>;
  const { code } = (answer['error'] ?? {}) as { code?: string };
  return [response.status, code ?? Object.keys(answer)[0]];
};
const headCursor = async (): Promise<unknown> => server.run('{ stats { headCursor } }');

const stored = newIssue();
const once = randomUUID();
/** In the order of the table, as some are about those before them. */
const refused: readonly (readonly [string, () => Delivery, readonly [number, string]])[] = [
  [
    'no signature',
    () => ({ body: newIssue(), headers: { 'x-hub-signature-256': '' } }),
    [401, 'SIGNATURE_INVALID'],
  ],
  [
    'the signature of another secret',
    () => {
      const body = newIssue();
      return { body, headers: signed(body, 'another secret') };
    },
    [401, 'SIGNATURE_INVALID'],
  ],
  [
    'the signature of another body',
    () => ({ body: newIssue(), headers: signed(newIssue()) }),
    [401, 'SIGNATURE_INVALID'],
  ],
  [
    'a signature by SHA-1 alone',
    () => {
      const body = newIssue();
      const sha1 = createHmac('sha1', WEBHOOK_SECRET).update(body).digest('hex');
      return { body, headers: { 'x-hub-signature-256': '', 'x-hub-signature': `sha1=${sha1}` } };
    },
    [401, 'SIGNATURE_INVALID'],
  ],
  [
    'an event that is unknown',
    () => ({ body: '{}', headers: { 'x-github-event': 'meteor_strike' } }),
    [202, 'ignored'],
  ],
  ['the same delivery', () => ({ body: stored, headers: { 'x-github-delivery': once } }), [200, 'duplicate']],
  ['the same body as another delivery', () => ({ body: stored }), [200, 'duplicate']],
  [
    'another body under an id that was there',
    () => ({ body: newIssue(), headers: { 'x-github-delivery': once } }),
    [200, 'duplicate'],
  ],
  ['broken JSON', () => ({ body: '{' }), [400, 'BAD_REQUEST']],
  ['a list', () => ({ body: `[${newIssue()}]` }), [400, 'BAD_REQUEST']],
  [
    'no name of its event',
    () => ({ body: newIssue(), headers: { 'x-github-event': '' } }),
    [400, 'BAD_REQUEST'],
  ],
  ['no id', () => ({ body: newIssue(), headers: { 'x-github-delivery': '' } }), [400, 'BAD_REQUEST']],
  ['a token in the URL', () => ({ body: newIssue(), search: '?token=x' }), [400, 'BAD_REQUEST']],
  [
    'plain text',
    () => ({ body: newIssue(), headers: { 'content-type': 'text/plain' } }),
    [415, 'UNSUPPORTED_MEDIA_TYPE'],
  ],
  [
    'a compressed body',
    () => ({ body: gzipSync(newIssue()), headers: { 'content-encoding': 'gzip' } }),
    [415, 'UNSUPPORTED_MEDIA_TYPE'],
  ],
  ['25 MiB and a byte', () => ({ body: newIssue().padEnd(MOST_BYTES + 1) }), [413, 'PAYLOAD_TOO_LARGE']],
];

describe('a delivery', () => {
  it('is published', async () => {
    expect(await deliver({ body: stored, headers: { 'x-github-delivery': once } })).toEqual([200, 'events']);
  });

  it.each(refused)('with %s is answered so, and nothing is written', async (_what, delivery, answer) => {
    const before = await headCursor();
    expect(await deliver(delivery())).toEqual(answer);
    expect(await headCursor()).toEqual(before);
  });

  it('is published whatever keys are in it beside those that count, as users of GitHub name some of them', async () => {
    const body = newIssue().replace(
      /^{/,
      '{"__proto__":{"issue":null},"inputs":{"__proto__":{"admin":true}},',
    );
    expect(await deliver({ body })).toEqual([200, 'events']);
    expect({}).not.toHaveProperty('admin');
  });

  it('of 25 MiB is published', async () => {
    expect(await deliver({ body: newIssue().padEnd(MOST_BYTES) })).toEqual([200, 'events']);
  });

  it.each<ErrorCode>(['STORE_UNAVAILABLE', 'STORE_FULL'])(
    'is kept until it can be stored where that is %s',
    async (code) => {
      fault = code;
      const body = newIssue();
      expect(await deliver({ body })).toEqual([202, 'spooled']);
      fault = undefined;
    },
  );

  it('is refused where no secret is set, but in development mode', async () => {
    const unsigned = { body: newIssue(), headers: { 'x-hub-signature-256': '' } };
    await using strict = await TestServer.start({ environment: { GITHUB_WEBHOOK_SECRET: '' } });
    expect(await deliver(unsigned, strict)).toEqual([401, 'SIGNATURE_INVALID']);
    await using open = await TestServer.start({ environment: { GITHUB_WEBHOOK_SECRET: '', JWT_SECRET: '' } });
    expect(await deliver(unsigned, open)).toEqual([200, 'events']);
  });
});
