import type { IncomingHttpHeaders } from 'node:http';
import { TidingsError } from '../errors.ts';
import type { Revocations } from './revocations.ts';
import { onceAt } from './timer.ts';
import type { TokenVerifier } from './tokens.ts';
import type { Viewer } from './viewer.ts';

export interface AuthenticatorOptions {
  readonly verifier: TokenVerifier;
  readonly revocations: Pick<Revocations, 'check' | 'watch'>;
  readonly now: () => number;
  /** Projects of the workspace "default" that anybody may read; empty: every request needs a token. */
  readonly anonymousProjects: readonly string[];
  /** Origins beside the server's own from which browsers may use it, such as `https://app.example.com`. */
  readonly allowedOrigins: readonly string[];
}

export const SESSION_COOKIE = 'tidings_session';

/** Finds out who asks, on every transport. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #anonymous: Viewer | null;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    const { anonymousProjects } = options;
    this.#anonymous =
      anonymousProjects.length === 0
        ? null
        : {
            userId: null,
            workspace: 'default',
            projects: new Set(anonymousProjects),
            scopes: new Set(['read']),
            tokenId: null,
            issuedAt: null,
            expiresAt: null,
          };
  }

  /** @throws TidingsError UNAUTHENTICATED, AUTH_UNAVAILABLE */
  async verify(token: string): Promise<Viewer> {
    const { verifier, revocations } = this.#options;
    const viewer = await verifier.verify(token);
    await revocations.check(viewer);
    return viewer;
  }

  /**
   * Passes if the viewer's token still counts, for what has waited since it was verified.
   *
   * @throws TidingsError UNAUTHENTICATED
   */
  async verifyAgain(viewer: Viewer): Promise<void> {
    const { revocations, now } = this.#options;
    if (viewer.expiresAt !== null && viewer.expiresAt <= now())
      throw new TidingsError('UNAUTHENTICATED', 'The token has expired.');
    await revocations.check(viewer);
  }

  /**
   * Calls back once when the viewer's token doesn't count any more: with UNAUTHENTICATED when its time is up, with FORBIDDEN when it is
   * revoked, which may be at once. Everything that outlives a request has to end then. Returns what ends the waiting.
   */
  whenOver(viewer: Viewer, onOver: (why: TidingsError) => void): () => void {
    const { revocations, now } = this.#options;
    const { expiresAt } = viewer;
    if (expiresAt === null) return () => undefined;
    const over = (why: TidingsError): void => {
      cancel();
      onOver(why);
    };
    const cancelExpiry = onceAt(expiresAt, now, () =>
      over(new TidingsError('UNAUTHENTICATED', 'The token has expired.')),
    );
    let unwatch = (): void => undefined;
    const cancel = (): void => {
      cancelExpiry();
      unwatch();
    };
    unwatch = revocations.watch(viewer, () => over(new TidingsError('FORBIDDEN', 'The token was revoked.')));
    return cancel;
  }

  /**
   * The viewer of an HTTP request: by its Authorization header, else by the session cookie. Whoever shows neither may be anonymous; who shows
   * something else than a token took it for one.
   *
   * @throws TidingsError UNAUTHENTICATED, AUTH_UNAVAILABLE
   */
  async fromHeaders(headers: IncomingHttpHeaders): Promise<Viewer> {
    const token = bearer(headers.authorization) ?? this.#cookie(headers);
    if (token !== undefined) return this.verify(token);
    if ((headers.authorization ?? '') !== '')
      throw new TidingsError('UNAUTHENTICATED', 'The Authorization header has to be "Bearer" and a token.');
    return this.#withoutToken();
  }

  /**
   * The viewer of a WebSocket: by the init payload as the various clients fill it, else by the upgrade request.
   *
   * @throws TidingsError UNAUTHENTICATED, AUTH_UNAVAILABLE
   */
  async fromConnection(
    payload: Readonly<Record<string, unknown>> | undefined,
    upgrade: IncomingHttpHeaders,
  ): Promise<Viewer> {
    const token = payload === undefined ? undefined : tokenOf(payload);
    return token === undefined ? this.fromHeaders(upgrade) : this.verify(token);
  }

  /**
   * Whether a browser's page may use the server: pages of the server itself, and of the allowed origins. Programs send no Origin.
   */
  isAllowedOrigin(headers: IncomingHttpHeaders): boolean {
    const { origin, host } = headers;
    if (origin === undefined) return true;
    if (this.#options.allowedOrigins.includes(origin)) return true;
    return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
  }

  #withoutToken(): Viewer {
    if (this.#anonymous === null) throw new TidingsError('UNAUTHENTICATED');
    return this.#anonymous;
  }

  /** A cookie comes along whoever made the browser ask, so it counts only for pages that may use the server. */
  #cookie(headers: IncomingHttpHeaders): string | undefined {
    const site = headers['sec-fetch-site'];
    const isForeign =
      headers.origin === undefined && site !== undefined && site !== 'same-origin' && site !== 'none';
    if (isForeign || !this.isAllowedOrigin(headers)) return undefined;
    for (const pair of headers.cookie?.split(';') ?? []) {
      const [name, value] = pair.trim().split('=', 2);
      if (name === SESSION_COOKIE && value !== undefined && value !== '') return value;
    }
    return undefined;
  }
}

function bearer(header: unknown): string | undefined {
  return typeof header === 'string' ? /^Bearer +([^\s]+)$/i.exec(header.trim())?.[1] : undefined;
}

/** Clients put it into `Authorization` in any case, under `headers`, or bare into `authToken` or `token`. */
function tokenOf(payload: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, value] of Object.entries(payload)) {
    if (typeof value !== 'string' || value === '') continue;
    const lower = name.toLowerCase();
    if (lower === 'authorization') return bearer(value) ?? value;
    if (lower === 'authtoken' || lower === 'token') return bearer(value) ?? value;
  }
  const { headers } = payload;
  return typeof headers === 'object' && headers !== null
    ? tokenOf(headers as Record<string, unknown>)
    : undefined;
}
