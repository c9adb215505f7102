import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { z } from 'zod';
import { TidingsError } from '../errors.ts';
import type { KeyHint, KeySource, VerificationKey } from './keys.ts';

export interface JwksOptions {
  /** https, or http on loopback. */
  readonly url: string;
  readonly now: () => number;
  /** Told of each attempt that failed. */
  readonly onError: (error: Error) => void;
  /** Pause between two attempts, whatever tokens ask for; 10 s when absent. */
  readonly pauseMs?: number;
  /** How old the keys may get before they are fetched again; 10 minutes when absent. */
  readonly maxAgeMs?: number;
  /** For one attempt; 5 s when absent. */
  readonly timeoutMs?: number;
}

const MAX_BYTES = 256 * 1_024;
const MAX_KEYS = 100;

const KeySet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });
/** Those that we can check tokens with; all others in a set are somebody else's. */
const SigningKey = z
  .object({
    kty: z.enum(['RSA', 'EC']),
    crv: z.literal('P-256').optional(),
    kid: z.string().optional(),
    use: z.literal('sig').optional(),
    alg: z.string().optional(),
    key_ops: z.array(z.string()).optional(),
    n: z.string().optional(),
    e: z.string().optional(),
    x: z.string().optional(),
    y: z.string().optional(),
  })
  .refine(({ key_ops }) => key_ops === undefined || key_ops.includes('verify'));

interface PublishedKey extends VerificationKey {
  readonly kid: string | undefined;
}

/**
 * The keys that an identity provider publishes (RFC 7517). They are fetched when a token needs them and kept; a `kid` that is
 * not among them means that keys were changed, and that they are fetched again. Nobody can make that happen often. While the URL
 * is away, the last ones count.
 */
export class JwksKeys implements KeySource {
  readonly #options: JwksOptions;
  #keys: readonly PublishedKey[] | undefined;
  #fetchedAt = -Infinity;
  #triedAt = -Infinity;
  #hasFailed = false;
  #fetching: Promise<void> | undefined;

  constructor(options: JwksOptions) {
    this.#options = options;
  }

  async keyFor(hint: KeyHint): Promise<VerificationKey | undefined> {
    const canBe =
      (hint.alg === 'RS256' || hint.alg === 'ES256') && ['string', 'undefined'].includes(typeof hint.kid);
    if (!canBe) return undefined;
    if (this.#isOlder(this.#fetchedAt, this.#options.maxAgeMs ?? 600_000)) {
      const refreshed = this.refresh();
      // Whoever comes during an outage doesn't wait for it to end.
      if (!this.#hasFailed || this.#keys === undefined) await refreshed;
    }
    let key = this.#find(hint);
    if (key === undefined && this.#keys !== undefined) {
      await this.refresh();
      key = this.#find(hint);
    }
    // One that was published meanwhile would be right.
    if (key === undefined && (this.#keys === undefined || this.#hasFailed))
      throw new TidingsError('AUTH_UNAVAILABLE');
    return key;
  }

  /** Fetches the keys, unless that was just tried. Never rejects. */
  refresh(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    if (!this.#isOlder(this.#triedAt, this.#options.pauseMs ?? 10_000)) return Promise.resolve();
    this.#triedAt = this.#options.now();
    this.#fetching = this.#fetch()
      .then(
        (keys) => {
          this.#keys = keys;
          this.#fetchedAt = this.#options.now();
          this.#hasFailed = false;
        },
        (error: unknown) => {
          this.#hasFailed = true;
          this.#options.onError(new Error(`the keys at JWKS_URL can't be fetched: ${reasonOf(error)}`));
        },
      )
      .finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  /** A clock that was put back must not put off anything. */
  #isOlder(time: number, ms: number): boolean {
    return Math.abs(this.#options.now() - time) >= ms;
  }

  #find({ kid, alg }: KeyHint): VerificationKey | undefined {
    const fitting = (this.#keys ?? []).filter(
      (key) => key.algorithm === alg && (kid === undefined || key.kid === kid),
    );
    // Without a kid, or with one that is given twice, it has to be clear which one is meant.
    return fitting.length === 1 ? fitting[0] : undefined;
  }

  async #fetch(): Promise<readonly PublishedKey[]> {
    const response = await fetch(this.#options.url, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      // It could lead to where tokens must not be vouched for.
      redirect: 'error',
      signal: AbortSignal.timeout(this.#options.timeoutMs ?? 5_000),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`it answers with status ${response.status}`);
    }
    const set = KeySet.safeParse(jsonOf(await textOf(response)));
    if (!set.success) throw new Error('it is no JSON Web Key Set');
    const known = set.data.keys.map(publishedKey).filter((key) => key !== undefined);
    if (known.length === 0)
      throw new Error('it has no RSA (RS256) or P-256 (ES256) key to check signatures with');
    return known;
  }
}

/** What `fetch` hides behind "fetch failed". */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The error itself quotes the text.
    throw new Error('it is no JSON');
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function publishedKey(given: unknown): PublishedKey | undefined {
  const parsed = SigningKey.safeParse(given);
  if (!parsed.success) return undefined;
  const { kid, alg, kty } = parsed.data;
  const algorithm = kty === 'EC' ? 'ES256' : 'RS256';
  if (alg !== undefined && alg !== algorithm) return undefined;
  try {
    const key = createPublicKey({ format: 'jwk', key: parsed.data as JsonWebKey });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits < 2_048 ? undefined : { key, algorithm, kid };
  } catch {
    return undefined;
  }
}
