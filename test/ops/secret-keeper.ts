import { randomBytes } from 'node:crypto';

/** Makes secrets, and finds those that got out. */
export class SecretKeeper {
  readonly #secrets = new Map<string, string>();

  /** One that nothing else holds by chance. */
  make(name: string): string {
    return this.keep(name, `secret-${randomBytes(20).toString('hex')}`);
  }

  /** A text that is to stay secret. Of a token each part but the header, which is the same for all. */
  keep<Text extends string>(name: string, text: Text): Text {
    const [header = '', ...parts] = /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text) ? text.split('.') : ['', text];
    for (const part of [...parts, ...(header === '' ? [] : [text])])
      if (part !== '') this.#secrets.set(`${name}: ${part}`, part);
    return text;
  }

  /** What of it a text holds, also in part, as some errors quote the beginning of what they dislike, or as others write it. */
  leaksIn(text: string): string[] {
    const said = text.replaceAll(String.raw`\"`, '"').replaceAll(String.raw`\n`, '\n');
    return [...this.#secrets]
      .filter(([, secret]) => formsOf(secret).some((form) => said.includes(form)))
      .map(([name]) => name);
  }
}

/** Shorter pieces are there by chance. */
const SHORTEST = 24;

function formsOf(secret: string): string[] {
  const whole = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64url')];
  // The second half has nothing in common with other tokens; the first of a token is its first claims.
  const half = Math.ceil(secret.length / 2);
  return secret.length < 2 * SHORTEST
    ? whole
    : [...whole, secret.slice(half), secret.slice(half - SHORTEST, half)];
}
