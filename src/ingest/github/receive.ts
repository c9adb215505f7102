import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { TidingsError } from '../../errors.ts';
import type { Plan } from '../../publishing/change.ts';
import type { SpooledItem } from '../spool-file.ts';
import { isStoreAway, type Spool } from '../spool.ts';
import { normalise } from './normalise.ts';
import { planOf } from './plan.ts';

export interface GithubRequest {
  readonly headers: {
    /** X-GitHub-Event */
    readonly event: string | undefined;
    /** X-GitHub-Delivery */
    readonly delivery: string | undefined;
    /** X-Hub-Signature-256 */
    readonly signature: string | undefined;
    /** Content-Type: application/json or application/x-www-form-urlencoded, whichever the hook is set to. */
    readonly contentType: string | undefined;
  };
  /** The body as it came over the wire: the signature is over these bytes. */
  readonly rawBody: Buffer;
}

export interface GithubReceiverDeps {
  /** Null: none is configured. */
  readonly secret: string | null;
  /** Without a secret, take deliveries unsigned (development); else refuse them all. */
  readonly allowUnsigned: boolean;
  /** Resolves when the events are durable. */
  readonly publish: (plan: Plan, idempotencyKeys: readonly string[]) => Promise<GithubPublished>;
  /** Where deliveries wait while the store can't be reached; without one they are refused. */
  readonly spool?: Pick<Spool, 'isEmpty' | 'add'>;
}

export interface GithubPublished {
  readonly duplicate: boolean;
  /** Events appended, or, of a duplicate, appended then. */
  readonly count: number;
  /** Behind the last of them; null when there were none. */
  readonly cursor: string | null;
}

export interface GithubResponse {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Takes the deliveries of GitHub webhooks. */
export class GithubReceiver {
  readonly #deps: GithubReceiverDeps;
  /** By repository: settles when the last delivery so far has been published or refused. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(deps: GithubReceiverDeps) {
    this.#deps = deps;
  }

  /**
   * Takes one delivery.
   *
   * - 200 `{ events, cursor }`: published, durably · `{ duplicate: true }`: it was before · `{ ping: true }`
   * - 202 `{ spooled: true }`: durable, and published when the store can be reached again
   * - 202 `{ ignored: reason }`: fine, but nothing that Tidings tells
   * - 4xx, 5xx `{ error: { code, message } }`: refused; GitHub does not repeat deliveries by itself
   */
  async receive(request: GithubRequest): Promise<GithubResponse> {
    try {
      return await this.#receive(request);
    } catch (error) {
      if (!(error instanceof TidingsError)) throw error;
      const { code, message, details, httpStatus } = error;
      return { status: httpStatus, body: { error: { code, message, ...details } } };
    }
  }

  /**
   * Publishes a delivery that was spooled. It was verified then, and the secret may be another one by now.
   *
   * @throws TidingsError it could not be published
   */
  async replay({ about, body }: SpooledItem): Promise<void> {
    const { event = '', delivery: id = '', contentType } = about;
    const delivery = normalise(event, parse(contentType, body));
    if ('ignored' in delivery) return;
    const keys = keysOf(id, body);
    await this.#inTurn(delivery.github.githubId, async () => publish(this.#deps, planOf(delivery), keys));
  }

  async #receive({ headers, rawBody }: GithubRequest): Promise<GithubResponse> {
    // First of all: whoever can't sign learns nothing more.
    requireSignature(headers.signature, rawBody, this.#deps);
    const event = requireHeader('X-GitHub-Event', headers.event);
    const deliveryId = requireHeader('X-GitHub-Delivery', headers.delivery);
    const body = parse(headers.contentType, rawBody);
    if (event === 'ping') return { status: 200, body: { ping: true } };

    const delivery = normalise(event, body);
    if ('ignored' in delivery) return { status: 202, body: { ignored: delivery.ignored } };
    const keys = keysOf(deliveryId, rawBody);
    const item = {
      about: { source: 'github', event, delivery: deliveryId, contentType: headers.contentType ?? '' },
      body: rawBody,
    };
    const outcome = await this.#inTurn(delivery.github.githubId, async () =>
      this.#publishOrSpool(item, () => publish(this.#deps, planOf(delivery), keys)),
    );
    if ('spooled' in outcome) {
      await outcome.spooled;
      return { status: 202, body: { spooled: true } };
    }
    const { duplicate, count, cursor } = outcome;
    if (duplicate) return { status: 200, body: { duplicate: true } };
    if (count === 0) {
      return {
        status: 202,
        body: { ignored: delivery.otherwise ?? `${event}: there is nothing to publish` },
      };
    }
    return { status: 200, body: { events: count, cursor } };
  }

  /** What goes to the spool has its place there when this resolves, and is durable when `spooled` does. */
  async #publishOrSpool(
    item: SpooledItem,
    attempt: () => Promise<GithubPublished>,
  ): Promise<GithubPublished | { readonly spooled: Promise<void> }> {
    const { spool } = this.#deps;
    if (spool === undefined) return attempt();
    // Nothing overtakes what waits already.
    if (spool.isEmpty) {
      try {
        return await attempt();
      } catch (error) {
        if (!isStoreAway(error)) throw error;
      }
    }
    return { spooled: spool.add(item) };
  }

  /**
   * Deliveries of one repository are published one after the other, in the order in which they came: each sees what those
   * before it did, and a crowd of them about one pull request doesn't get in its own way.
   */
  async #inTurn<Result>(repository: string, task: () => Promise<Result>): Promise<Result> {
    const result = (this.#turns.get(repository) ?? Promise.resolve()).then(task);
    const turn = result.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(repository, turn);
    try {
      return await result;
    } finally {
      if (this.#turns.get(repository) === turn) this.#turns.delete(repository);
    }
  }
}

/**
 * Two keys, because the signature covers the body only. The delivery's id recognises a redelivery by GitHub, but anybody who got
 * hold of a signed body could send it again under a new id; then the body's hash recognises it, as it does one event that a
 * repository's and an organisation's hook both deliver.
 */
function keysOf(deliveryId: string, rawBody: Buffer): string[] {
  const hash = createHash('sha256').update(rawBody).digest('hex');
  return [`github-delivery:${deliveryId}`, `github-body:${hash}`];
}

async function publish(
  deps: GithubReceiverDeps,
  plan: Plan,
  idempotencyKeys: readonly string[],
): Promise<GithubPublished> {
  try {
    return await deps.publish(plan, idempotencyKeys);
  } catch (error) {
    // A delivery older than the deletion of its project does not bring that back, and has no place to go.
    if (error instanceof TidingsError && error.code === 'NOT_FOUND')
      return { duplicate: false, count: 0, cursor: null };
    throw error;
  }
}

function requireSignature(signature: string | undefined, rawBody: Buffer, deps: GithubReceiverDeps): void {
  if (deps.secret === null || deps.secret === '') {
    if (deps.allowUnsigned) return;
    throw new TidingsError(
      'SIGNATURE_INVALID',
      'No webhook secret is configured, so no delivery can be trusted.',
    );
  }
  const [, given] = /^sha256=([0-9a-f]{64})$/i.exec(signature ?? '') ?? [];
  // Over the bytes, never over decoded text: decoding maps different bytes to the same text.
  const expected = createHmac('sha256', deps.secret).update(rawBody).digest();
  if (given === undefined || !timingSafeEqual(expected, Buffer.from(given, 'hex'))) {
    throw new TidingsError('SIGNATURE_INVALID');
  }
}

/** GitHub's are words and UUIDs; what else comes here is no delivery of GitHub's. */
const HEADER = /^[\w.:-]{1,128}$/;

function requireHeader(name: string, value: string | undefined): string {
  if (value === undefined || value === '')
    throw new TidingsError('BAD_REQUEST', `The header ${name} is missing.`);
  if (!HEADER.test(value)) throw new TidingsError('BAD_REQUEST', `The header ${name} is malformed.`);
  return value;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(contentType: string | undefined, rawBody: Buffer): unknown {
  const [mediaType = ''] = (contentType ?? '').split(';');
  switch (mediaType.trim().toLowerCase()) {
    case 'application/json':
      return parseJson(decode(rawBody));
    case 'application/x-www-form-urlencoded': {
      const payload = new URLSearchParams(decode(rawBody)).get('payload');
      if (payload === null) throw new TidingsError('BAD_REQUEST', 'The form has no field `payload`.');
      return parseJson(payload);
    }
    default:
      throw new TidingsError(
        'UNSUPPORTED_MEDIA_TYPE',
        'The content type must be application/json or application/x-www-form-urlencoded.',
      );
  }
}

function decode(rawBody: Buffer): string {
  try {
    return utf8.decode(rawBody);
  } catch (cause) {
    throw new TidingsError('BAD_REQUEST', 'The body is not UTF-8.', {}, { cause });
  }
}

/** Whatever GitHub signed: names in it are its users', `__proto__` among them, and normalisers take from it what they know. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the body, which has no place in answers and logs.
    throw new TidingsError('BAD_REQUEST', 'The payload is not valid JSON.');
  }
}
