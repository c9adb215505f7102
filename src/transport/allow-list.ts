import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stripIgnoredCharacters } from 'graphql';
import { z } from 'zod';

/** Apollo's form, or simply hash → document. */
const Manifest = z.union([
  z.object({ operations: z.array(z.object({ id: z.string(), body: z.string() })) }),
  z.record(z.string(), z.string()),
]);

/** The documents that clients may send, by whatever they call them. */
export class AllowList {
  readonly #byHash = new Map<string, string>();
  /** Without what a printer makes different: spaces, commas and comments. */
  readonly #byText = new Map<string, string>();

  /**
   * Reads a JSON file of hash → document (or one of Apollo's manifests), or a folder with a document in each `.graphql` file.
   *
   * @throws Error the path can't be read, or has something else in it
   */
  constructor(path: string) {
    if (statSync(path).isDirectory()) {
      const files = readdirSync(path, { recursive: true, encoding: 'utf8' });
      for (const file of files.filter((name) => name.endsWith('.graphql'))) {
        const text = readFileSync(join(path, file), 'utf8');
        for (const each of [text, text.trim()]) this.#add(sha256(each), text, file);
      }
    } else {
      const manifest = Manifest.parse(JSON.parse(readFileSync(path, 'utf8')));
      const entries = Array.isArray(manifest['operations'])
        ? manifest['operations'].map(({ id, body }) => [id, body] as const)
        : Object.entries(manifest as Record<string, string>);
      for (const [hash, text] of entries) this.#add(hash, text, hash);
    }
  }

  /** The document with this hash, or, where there is no hash, the one with this text. */
  find(hash: string | undefined, text: string): string | undefined {
    if (hash !== undefined) return this.#byHash.get(hash);
    const same = normalised(text);
    return same === undefined ? undefined : this.#byText.get(same);
  }

  #add(hash: string, text: string, name: string): void {
    try {
      parse(text);
    } catch (cause) {
      throw new Error(`${name} is no GraphQL document`, { cause });
    }
    this.#byHash.set(hash, text);
    this.#byText.set(normalised(text)!, text);
  }
}

/** The hash that Apollo's clients send in the place of a document, or along with it. */
export function persistedHash(extensions: unknown): string | undefined {
  const { persistedQuery } = (extensions ?? {}) as { persistedQuery?: { sha256Hash?: unknown } | null };
  const hash = persistedQuery?.sha256Hash;
  return typeof hash === 'string' ? hash : undefined;
}

function normalised(text: string): string | undefined {
  try {
    return stripIgnoredCharacters(text);
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
