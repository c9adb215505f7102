import { createHash } from 'node:crypto';
import { sign } from '@octokit/webhooks-methods';
import { describe, expect, it } from 'vitest';
import { TidingsError } from '../../src/errors.ts';
import {
  GithubReceiver,
  type GithubPublished,
  type GithubReceiverDeps,
  type GithubRequest,
  type GithubResponse,
} from '../../src/ingest/github/receive.ts';
import { checkRunEvent, pullRequestEvent, repository, sender } from './github.ts';
import { MemoryState } from './memory-state.ts';

/** The secret of the example in GitHub's documentation of signatures. */
const SECRET = "It's a Secret to Everybody";
const opened = JSON.stringify(pullRequestEvent('opened'));

/** A receiver with a store that remembers idempotency keys as the real one does. */
class Receiver {
  readonly state = new MemoryState();
  readonly keys: (readonly string[])[] = [];
  readonly #known = new Set<string>();
  readonly #receiver: GithubReceiver;

  constructor(deps: Partial<GithubReceiverDeps> = {}) {
    const publish: GithubReceiverDeps['publish'] = async (plan, keys): Promise<GithubPublished> => {
      this.keys.push(keys);
      if (keys.some((key) => this.#known.has(key))) return { duplicate: true, count: 2, cursor: 'c2' };
      const facts = await this.state.publish(plan);
      if (facts.length > 0) for (const key of keys) this.#known.add(key);
      return { duplicate: false, count: facts.length, cursor: facts.length > 0 ? `c${facts.length}` : null };
    };
    this.#receiver = new GithubReceiver({ secret: SECRET, allowUnsigned: false, publish, ...deps });
  }

  async send(
    rawBody: Buffer | string,
    headers: Partial<GithubRequest['headers']> = {},
  ): Promise<GithubResponse> {
    const body = Buffer.from(rawBody as string);
    return this.#receiver.receive({
      headers: {
        event: 'pull_request',
        delivery: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
        signature: await sign(SECRET, body.toString()),
        contentType: 'application/json',
        ...headers,
      },
      rawBody: body,
    });
  }
}

const codeOf = ({ status, body }: GithubResponse): unknown => [
  status,
  (body['error'] as { code: string }).code,
];

describe('a signed delivery', () => {
  it('is published, and answered when it is durable', async () => {
    expect(await new Receiver().send(opened)).toEqual({ status: 200, body: { events: 2, cursor: 'c2' } });
  });

  it('is taken with GitHub’s own example of a signature', async () => {
    // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    const response = await new Receiver().send('Hello, World!', {
      signature: 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    });
    // Past the signature: now it is the body that is wrong.
    expect(codeOf(response)).toEqual([400, 'BAD_REQUEST']);
  });

  it('may be a form, signed as it is', async () => {
    const form = new URLSearchParams({ payload: opened }).toString();
    const receiver = new Receiver();
    const contentType = 'application/x-www-form-urlencoded; charset=utf-8';
    expect(await receiver.send(form, { contentType })).toMatchObject({ status: 200, body: { events: 2 } });
    expect(await receiver.state.entity('pullRequest', 'github:100#7')).toMatchObject({
      body: 'Finds things.',
    });
  });
});

describe('a delivery is refused', () => {
  it.each([
    ['without a signature', undefined],
    ['with an empty signature', ''],
    ['with the signature of another secret', 'other'],
    ['with a signature by SHA-1', 'sha1=7d38cdd689735b008b3c702edd92eea23791c5f6'],
    ['with a signature that is too short', 'sha256=757107ea'],
    ['with a signature that is not hexadecimal', `sha256=${'z'.repeat(64)}`],
  ])('%s', async (_, signature) => {
    const given = signature === 'other' ? await sign('another secret', opened) : signature;
    const receiver = new Receiver();
    expect(codeOf(await receiver.send(opened, { signature: given }))).toEqual([401, 'SIGNATURE_INVALID']);
    expect(receiver.keys).toEqual([]);
  });

  it('when one byte of the body is another, though it decodes to the same text', async () => {
    const signature = await sign(SECRET, '{"a":"\ufffd"}');
    const rawBody = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(codeOf(await new Receiver().send(rawBody, { signature }))).toEqual([401, 'SIGNATURE_INVALID']);
  });

  it('before anything else is said about it', async () => {
    const receiver = new Receiver();
    const response = await receiver.send('not JSON', { signature: undefined, event: undefined });
    expect(codeOf(response)).toEqual([401, 'SIGNATURE_INVALID']);
  });

  it.each([
    ['X-GitHub-Event', { event: undefined }, 'missing'],
    ['X-GitHub-Delivery', { delivery: '' }, 'missing'],
    ['X-GitHub-Event', { event: 'push\r\nX-Other: 1' }, 'malformed'],
    ['X-GitHub-Delivery', { delivery: 'x'.repeat(200) }, 'malformed'],
  ])('when the header %s is wrong: %o is %s', async (name, headers, what) => {
    expect(await new Receiver().send(opened, headers)).toEqual({
      status: 400,
      body: { error: { code: 'BAD_REQUEST', message: `The header ${name} is ${what}.` } },
    });
  });

  it.each([
    ['broken JSON', '{"action":'],
    ['no JSON at all', 'hello'],
    ['white space', ' '],
    ['an array', '[]'],
    ['a text', '"opened"'],
    ['null', 'null'],
    ['10 MB of opening brackets', '['.repeat(10_000_000)],
  ])('when the body is %s', async (_, body) => {
    const response = await new Receiver().send(body);
    expect(codeOf(response)).toEqual([400, 'BAD_REQUEST']);
    if (body.trim() !== '') expect(JSON.stringify(response.body)).not.toContain(body);
  });

  it('when the body is not UTF-8', async () => {
    const receiver = new Receiver({ secret: null, allowUnsigned: true });
    expect(codeOf(await receiver.send(Buffer.from([0x7b, 0xff, 0x7d])))).toEqual([400, 'BAD_REQUEST']);
  });

  it('when it is a form without a payload', async () => {
    const contentType = 'application/x-www-form-urlencoded';
    expect(codeOf(await new Receiver().send('body=1', { contentType }))).toEqual([400, 'BAD_REQUEST']);
  });

  it.each(['text/plain', 'multipart/form-data; boundary=x', undefined])(
    'when its content type is %s',
    async (contentType) => {
      const response = await new Receiver().send(opened, { contentType });
      expect(codeOf(response)).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    },
  );

  it('with the path of what is missing', async () => {
    const response = await new Receiver().send(JSON.stringify({ action: 'opened', repository: { id: 1 } }));
    expect(response).toEqual({
      status: 400,
      body: {
        error: {
          code: 'INVALID_INPUT',
          message: 'The input is invalid. repository.full_name: must be a text that is not empty',
          issues: [{ path: ['repository', 'full_name'], message: 'must be a text that is not empty' }],
        },
      },
    });
  });

  it('when the store can’t be reached, so that the sender knows', async () => {
    const publish = (): Promise<never> => Promise.reject(new TidingsError('STORE_UNAVAILABLE'));
    expect(codeOf(await new Receiver({ publish }).send(opened))).toEqual([503, 'STORE_UNAVAILABLE']);
  });

  it('but a mistake of ours is not hidden', async () => {
    const publish = (): Promise<never> => Promise.reject(new TypeError('a bug'));
    await expect(new Receiver({ publish }).send(opened)).rejects.toThrow('a bug');
  });
});

describe('without a secret', () => {
  it.each([null, ''])('unsigned deliveries are taken where that is allowed (secret: %o)', async (secret) => {
    const receiver = new Receiver({ secret, allowUnsigned: true });
    expect(await receiver.send(opened, { signature: undefined })).toMatchObject({ status: 200 });
  });

  it.each([null, ''])('all are refused where it is not (secret: %o)', async (secret) => {
    const receiver = new Receiver({ secret });
    expect(codeOf(await receiver.send(opened, { signature: await sign('x', opened) }))).toEqual([
      401,
      'SIGNATURE_INVALID',
    ]);
  });

  it('a secret that there is must be used, whatever is allowed', async () => {
    const receiver = new Receiver({ allowUnsigned: true });
    expect(codeOf(await receiver.send(opened, { signature: undefined }))).toEqual([401, 'SIGNATURE_INVALID']);
  });
});

describe('a repeated delivery', () => {
  it('is known by its id, whatever the body', async () => {
    const receiver = new Receiver();
    await receiver.send(opened);
    expect(await receiver.send(` ${opened}`)).toEqual({ status: 200, body: { duplicate: true } });
  });

  it('is known by its body under another id, which the signature does not cover', async () => {
    const receiver = new Receiver();
    await receiver.send(opened);
    expect(await receiver.send(opened, { delivery: 'another' })).toEqual({
      status: 200,
      body: { duplicate: true },
    });
  });

  it('is recognised by these keys', async () => {
    const receiver = new Receiver();
    await receiver.send(opened, { delivery: 'd-1' });
    const hash = createHash('sha256').update(opened).digest('hex');
    expect(receiver.keys).toEqual([['github-delivery:d-1', `github-body:${hash}`]]);
  });

  it('that was ignored for want of a pull request counts once there is one', async () => {
    const receiver = new Receiver();
    const check = JSON.stringify(checkRunEvent({ pull_requests: [] }));
    const headers = { event: 'check_run', delivery: 'check' };
    expect(await receiver.send(check, headers)).toMatchObject({ status: 202 });
    await receiver.send(opened);
    expect(await receiver.send(check, headers)).toMatchObject({ status: 200, body: { events: 1 } });
  });
});

describe('a delivery with nothing to tell', () => {
  it('is answered to a ping', async () => {
    const ping = JSON.stringify({ zen: 'Design for failure.', hook_id: 1 });
    expect(await new Receiver().send(ping, { event: 'ping' })).toEqual({ status: 200, body: { ping: true } });
  });

  it.each([
    ['an unknown event', 'meteor_strike', { action: 'sighted' }, 'meteor_strike.sighted is not mapped'],
    ['an event of an object’s prototype', 'constructor', {}, 'constructor is not mapped'],
    ['an event without action', 'fork', { repository: repository(), sender }, 'fork is not mapped'],
    [
      'an unknown action of a repository',
      'repository',
      { action: 'teleported', repository: repository(), sender },
      'repository.teleported is not mapped',
    ],
  ])('is ignored with a reason: %s', async (_, event, payload, ignored) => {
    const receiver = new Receiver();
    expect(await receiver.send(JSON.stringify(payload), { event })).toEqual({
      status: 202,
      body: { ignored },
    });
    expect(receiver.keys).toEqual([]);
  });

  it('is ignored when it is older than the deletion of its project', async () => {
    const publish = (): Promise<never> => Promise.reject(new TidingsError('NOT_FOUND'));
    expect(await new Receiver({ publish }).send(opened)).toEqual({
      status: 202,
      body: { ignored: 'pull_request: there is nothing to publish' },
    });
  });
});
