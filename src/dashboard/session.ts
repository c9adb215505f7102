/** Where a pasted token is kept: this tab, and no longer than it is open. */
const KEY = 'tidings-token';

/** A token that was pasted here, else the one that a server in development mode puts into the page. */
export function currentToken(): string | null {
  const given = document.querySelector<HTMLMetaElement>('meta[name="tidings-token"]')?.content;
  return sessionStorage.getItem(KEY) ?? given ?? null;
}

export function isPasted(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token.trim().replace(/^Bearer\s+/i, ''));
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}

/** Whether a token's own end has come. The server alone decides if a token counts; this only tells the two refusals apart. */
export function hasExpired(token: string): boolean {
  try {
    const [, claims = ''] = token.split('.');
    const { exp } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))) as { exp?: unknown };
    return typeof exp === 'number' && exp * 1_000 <= Date.now();
  } catch {
    return false;
  }
}
