import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { TidingsError } from '../errors.ts';
import { Recent } from '../recent.ts';
import type { KeyHint, KeySource, VerificationKey } from './keys.ts';
import type { Scope, Viewer } from './viewer.ts';

export interface TokenOptions {
  readonly keys: KeySource;
  /** Wanted `iss`; absent: any. */
  readonly issuer?: string | undefined;
  /** Wanted `aud`; absent: any. */
  readonly audience?: string | undefined;
  readonly now: () => number;
}

/** No token is valid for longer, whatever it says. */
export const MAX_LIFETIME_MS = 30 * 24 * 3_600_000;
const scopes: ReadonlySet<string> = new Set<Scope>(['read', 'publish', 'admin']);

/** jsonwebtoken accepts a missing exp and a sub of any type; a token without them could never be ended, or be told from another. */
const Claims = z.object({
  sub: z.string().min(1).max(256),
  exp: z.number(),
  iat: z.number().optional(),
  jti: z.string().min(1).max(256).optional(),
  workspace: z.string().min(1).max(256).default('default'),
  projects: z.union([z.literal('*'), z.array(z.string().max(256)).max(10_000)]).default([]),
  scope: z.string().default('read'),
});

/** Characters of the tokens that are remembered. */
const REMEMBERED = 1_000_000;

/** A token that was found valid. */
interface Verified {
  readonly hint: KeyHint;
  readonly key: VerificationKey;
  /** In seconds, as `now` was. */
  readonly at: number;
  readonly viewer: Viewer;
}

/** Turns tokens into viewers. A token that comes again is not checked again while its key counts and its time isn't over. */
export class TokenVerifier {
  readonly #options: TokenOptions;
  readonly #verified = new Recent<Verified>(REMEMBERED);

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /** @throws TidingsError UNAUTHENTICATED, AUTH_UNAVAILABLE; the message says what is wrong, never what the token holds */
  async verify(token: string): Promise<Viewer> {
    const { keys, now } = this.#options;
    const before = this.#verified.get(token);
    const hint = before?.hint ?? hintOf(token);
    const key = await keys.keyFor(hint);
    if (key === undefined) throw refused('The token is not valid.');
    const seconds = Math.floor(now() / 1_000);
    if (before !== undefined && stillHolds(before, key, seconds)) return before.viewer;
    const viewer = this.#check(token, key, seconds);
    // One from the future will be another when its time has come.
    if (viewer.issuedAt !== null) this.#verified.set(token, { hint, key, at: seconds, viewer }, token.length);
    return viewer;
  }

  #check(token: string, known: VerificationKey, seconds: number): Viewer {
    const { issuer, audience } = this.#options;
    let payload: unknown;
    try {
      const verified = jwt.verify(token, known.key, {
        algorithms: [known.algorithm],
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
    const { sub, exp, iat, jti, workspace, projects, scope } = claims.data;
    // From when it was issued, but never from later than now.
    if ((exp - Math.min(iat ?? seconds, seconds)) * 1_000 > MAX_LIFETIME_MS)
      throw refused('The token lives for more than 30 days.');
    return {
      userId: sub,
      workspace,
      projects: projects === '*' ? '*' : new Set(projects),
      scopes: new Set(scope.split(' ').filter((each): each is Scope => scopes.has(each))),
      tokenId: jti ?? null,
      // From the future it would outlive every revocation of its user.
      issuedAt: iat === undefined || iat > seconds ? null : iat * 1_000,
      expiresAt: exp * 1_000,
    };
  }
}

/** It doesn't where the clock was put back: it may be too early again. */
function stillHolds({ key, at, viewer }: Verified, keyNow: VerificationKey, seconds: number): boolean {
  return key === keyNow && at <= seconds && seconds * 1_000 < (viewer.expiresAt ?? 0);
}

/** What the header says, before anything is checked. */
function hintOf(token: string): KeyHint {
  try {
    return jwt.decode(token, { complete: true })?.header ?? {};
  } catch {
    return {};
  }
}

function refused(message: string): TidingsError {
  return new TidingsError('UNAUTHENTICATED', message);
}

export interface TokenClaims {
  readonly sub: string;
  /** The token's id, by which it can be revoked. */
  readonly jti?: string;
  readonly workspace?: string;
  readonly projects?: '*' | readonly string[];
  /** Scopes with spaces between them. */
  readonly scope?: string;
  readonly iss?: string;
  readonly aud?: string;
}

/** Makes an HS256 token. */
export function signToken(secret: string, claims: TokenClaims, expiresInSeconds: number): string {
  // As text it would be tried as a PEM first, which takes thirty times as long as to sign.
  const key = createSecretKey(Buffer.from(secret));
  return jwt.sign({ ...claims }, key, { algorithm: 'HS256', expiresIn: expiresInSeconds });
}
