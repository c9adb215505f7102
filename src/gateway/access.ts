import { Authenticator } from '../auth/authenticator.ts';
import { developmentSecret } from '../auth/development-key.ts';
import { JwksKeys } from '../auth/jwks.ts';
import { fixedKey, type KeySource } from '../auth/keys.ts';
import { Revocations, type RevocationsOptions } from '../auth/revocations.ts';
import { signToken, TokenVerifier } from '../auth/tokens.ts';
import type { Config } from '../config.ts';

export interface Access {
  readonly authenticator: Authenticator;
  readonly revocations: Revocations;
  /** May do everything for a day; null unless in development mode. */
  readonly developmentToken: string | null;
}

export interface AccessOptions extends RevocationsOptions {
  /** Of the data, where the secret of development mode is kept. */
  readonly directory: string;
}

/** Who may come in, as configured. */
export function accessOf(config: Config, options: AccessOptions): Access {
  const { directory, now, onError } = options;
  const secret = config.JWT_SECRET ?? developmentSecret(directory);
  const verifier = new TokenVerifier({
    keys: keysOf(config, secret, { now, onError }),
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
    now,
  });
  const revocations = new Revocations(options);
  const authenticator = new Authenticator({
    verifier,
    revocations,
    now,
    anonymousProjects: config.ANONYMOUS_PROJECTS,
    allowedOrigins: config.ALLOWED_ORIGINS,
  });
  const developmentToken = config.developmentMode
    ? signToken(secret, { sub: 'developer', projects: '*', scope: 'read publish admin' }, 24 * 3_600)
    : null;
  return { authenticator, revocations, developmentToken };
}

/** Where the keys for tokens come from; in development mode it is the secret of that. */
function keysOf(
  { JWT_PUBLIC_KEY, JWKS_URL }: Config,
  secret: string,
  options: { readonly now: () => number; readonly onError: (error: unknown) => void },
): KeySource {
  if (JWKS_URL !== undefined) return new JwksKeys({ ...options, url: JWKS_URL });
  return fixedKey(JWT_PUBLIC_KEY === undefined ? { secret } : { publicKey: JWT_PUBLIC_KEY });
}
