import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';

type Algorithm = 'HS256' | 'RS256' | 'ES256';

/** A key and the one algorithm that it is good for: a public key must never be taken for an HMAC secret. */
export interface VerificationKey {
  readonly key: KeyObject;
  readonly algorithm: Algorithm;
}

/** What a token says of its key. Nobody has vouched for it. */
export interface KeyHint {
  readonly kid?: unknown;
  readonly alg?: unknown;
}

/** Where the keys are that tokens are checked with. */
export interface KeySource {
  /**
   * The key for a token; undefined: there is none, so that the token is not valid.
   *
   * @throws TidingsError AUTH_UNAVAILABLE it can't be told now
   */
  keyFor(hint: KeyHint): Promise<VerificationKey | undefined>;
}

/** One key for all tokens: an HS256 secret of at least 32 bytes, or a public key in PEM, RS256 or ES256 by its type. */
export function fixedKey(given: { readonly secret: string } | { readonly publicKey: string }): KeySource {
  const key = 'secret' in given ? secretKey(given.secret) : publicKey(given.publicKey);
  return { keyFor: async () => key };
}

function secretKey(secret: string): VerificationKey {
  return { key: createSecretKey(Buffer.from(secret)), algorithm: 'HS256' };
}

function publicKey(pem: string): VerificationKey {
  const key = createPublicKey(pem);
  return { key, algorithm: key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256' };
}
