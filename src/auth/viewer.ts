/** Who asks, and what the token allows. */
export type Scope = 'read' | 'publish' | 'admin';

export interface Viewer {
  /** The token's `sub`; null for anonymous readers. */
  readonly userId: string | null;
  /** The tenant that everything is read from and written to. Only ever from the token. */
  readonly workspace: string;
  readonly projects: '*' | ReadonlySet<string>;
  readonly scopes: ReadonlySet<Scope>;
  /** The token's `jti`, by which it can be revoked alone; null where it has none. */
  readonly tokenId: string | null;
  /** When the token was made, in milliseconds since 1970; null where it doesn't say, or can't be believed. */
  readonly issuedAt: number | null;
  /** When the token ends, in milliseconds since 1970; null for viewers without a token. */
  readonly expiresAt: number | null;
}

/** A part of the server that publishes on behalf of a verified source, such as GitHub. */
export function serviceViewer(workspace: string): Viewer {
  return {
    userId: null,
    workspace,
    projects: '*',
    scopes: new Set(['publish']),
    tokenId: null,
    issuedAt: null,
    expiresAt: null,
  };
}
