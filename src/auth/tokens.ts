import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { TidingsError } from '../errors.ts';
import type { Scope, Viewer } from './viewer.ts';

export interface TokenOptions {
  /** HS256 secret of at least 32 bytes, or a public key in PEM (RS256 or ES256 by its type). */
  readonly key: { readonly secret: string } | { readonly publicKey: string };
  /** Wanted `iss`; absent: any. */
  readonly issuer?: string | undefined;
  /** Wanted `aud`; absent: any. */
  readonly audience?: string | undefined;
  readonly now: () => number;
}

const MAX_LIFETIME_SECONDS = 30 * 24 * 3_600;
const scopes: ReadonlySet<string> = new Set<Scope>(['read', 'publish', 'admin']);

/** jsonwebtoken accepts a missing exp and a sub of any type; a token without them could never be ended, or be told from another. */
const Claims = z.object({
  sub: z.string().min(1).max(256),
  exp: z.number(),
  iat: z.number().optional(),
  workspace: z.string().min(1).max(256).default('default'),
  projects: z.union([z.literal('*'), z.array(z.string().max(256)).max(10_000)]).default([]),
  scope: z.string().default('read'),
});

/** Turns tokens into viewers. */
export class TokenVerifier {
  readonly #options: TokenOptions;
  readonly #key: KeyObject;
  readonly #algorithm: jwt.Algorithm;

  constructor(options: TokenOptions) {
    this.#options = options;
    if ('secret' in options.key) {
      this.#key = createSecretKey(Buffer.from(options.key.secret));
      this.#algorithm = 'HS256';
    } else {
      this.#key = createPublicKey(options.key.publicKey);
      // Pinned by the key: a public key is never taken for an HMAC secret.
      this.#algorithm = this.#key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256';
    }
  }

  /** @throws TidingsError UNAUTHENTICATED; the message says what is wrong, never what the token holds */
  verify(token: string): Viewer {
    const { issuer, audience, now } = this.#options;
    const seconds = Math.floor(now() / 1_000);
    let payload: unknown;
    try {
      const verified = jwt.verify(token, this.#key, {
        algorithms: [this.#algorithm],
        clockTimestamp: seconds,
        complete: true,
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      // Extensions that must be understood, and aren't.
      if ('crit' in verified.header) throw refused('The token has critical extensions.');
      payload = verified.payload;
    } catch (error) {
      if (error instanceof TidingsError) throw error;
      throw refused(
        error instanceof jwt.TokenExpiredError ? 'The token has expired.' : 'The token is not valid.',
      );
    }
    const claims = Claims.safeParse(payload);
    if (!claims.success) {
      throw refused(
        `The token's claims are not valid: ${claims.error.issues.map((issue) => issue.path.join('.')).join(', ')}.`,
      );
    }
    const { sub, exp, iat, workspace, projects, scope } = claims.data;
    // From when it was issued, but never from later than now.
    if (exp - Math.min(iat ?? seconds, seconds) > MAX_LIFETIME_SECONDS)
      throw refused('The token lives for more than 30 days.');
    return {
      userId: sub,
      workspace,
      projects: projects === '*' ? '*' : new Set(projects),
      scopes: new Set(scope.split(' ').filter((each): each is Scope => scopes.has(each))),
      expiresAt: exp * 1_000,
    };
  }
}

function refused(message: string): TidingsError {
  return new TidingsError('UNAUTHENTICATED', message);
}

export interface TokenClaims {
  readonly sub: string;
  readonly workspace?: string;
  readonly projects?: '*' | readonly string[];
  /** Scopes with spaces between them. */
  readonly scope?: string;
}

/** Makes an HS256 token, for development and tests. */
export function signToken(secret: string, claims: TokenClaims, expiresInSeconds: number): string {
  return jwt.sign({ ...claims }, secret, { algorithm: 'HS256', expiresIn: expiresInSeconds });
}
