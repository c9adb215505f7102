import { TidingsError } from '../errors.ts';
import { MAX_LIFETIME_MS } from './tokens.ts';
import type { Viewer } from './viewer.ts';

/** One token, or all tokens of a user that were made until then. */
export type RevocationTarget = { readonly tokenId: string } | { readonly userId: string };

export interface Revocation {
  readonly target: RevocationTarget;
  /** The user who did it. */
  readonly revokedBy: string | null;
  /** Milliseconds since 1970, as `expiresAt`. */
  readonly revokedAt: number;
  /** Nothing that was revoked is valid any more from then on. */
  readonly expiresAt: number;
}

export interface RevocationChange {
  readonly action: 'revoke' | 'liftRevocation';
  readonly workspace: string;
  readonly by: string | null;
  readonly target: RevocationTarget;
}

/** Where revocations are kept: what it needs of the records beside the logs. */
interface RevocationRecords {
  put(collection: string, records: ReadonlyMap<string, string>, ttlMs: number): Promise<void>;
  all(collection: string): Promise<ReadonlyMap<string, string>>;
}

export interface RevocationsOptions {
  readonly records: RevocationRecords;
  readonly now: () => number;
  /** Told who revoked what, or took it back. */
  readonly onChange: (change: RevocationChange) => void;
  /** Told when the records can't be read. What was known last holds. */
  readonly onError: (error: unknown) => void;
  /** How often it is looked for what other processes revoked; 1 s when absent. */
  readonly pollMs?: number;
}

const COLLECTION = 'revocations';

/** As it is stored, under the JSON of workspace, kind and id. */
interface Kept {
  readonly by: string | null;
  readonly at: number;
  readonly until: number;
  /** Taken back. It stays, so that nobody who still knows the revocation brings it back. */
  readonly lifted?: true;
}

interface Watcher {
  readonly viewer: Viewer;
  readonly onRevoked: () => void;
}

/**
 * The tokens that don't count any more although their time isn't over. They are kept beside the logs, where every process looks
 * for them each second; what is known here is answered without asking. What the store has lost is put back by whoever knows it.
 */
export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #known = new Map<string, Kept>();
  readonly #watchers = new Set<Watcher>();
  /** Counts what was revoked and lifted here: what was read before doesn't have it. */
  #changes = 0;
  #isLoaded = false;
  #polling: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Resolves when they are known, or can't be for now. */
  async start(): Promise<void> {
    const look = (): Promise<void> => this.#poll().catch(this.#options.onError);
    this.#timer = setInterval(() => void look(), this.#options.pollMs ?? 1_000);
    await look();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#polling?.catch(() => undefined);
  }

  /**
   * Passes if the viewer's token was not revoked.
   *
   * @throws TidingsError UNAUTHENTICATED; AUTH_UNAVAILABLE where the records could not be read once yet
   */
  async check(viewer: Viewer): Promise<void> {
    if (!this.#isLoaded) {
      await this.#poll().catch((cause: unknown) => {
        throw new TidingsError('AUTH_UNAVAILABLE', undefined, {}, { cause });
      });
    }
    if (this.#isRevoked(viewer)) throw new TidingsError('UNAUTHENTICATED', 'The token was revoked.');
  }

  /** Calls back when the viewer's token is revoked: at once where it is already. Returns what ends that. */
  watch(viewer: Viewer, onRevoked: () => void): () => void {
    if (viewer.userId === null) return () => undefined;
    if (this.#isRevoked(viewer)) {
      onRevoked();
      return () => undefined;
    }
    const watcher = { viewer, onRevoked };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * Revokes within the viewer's workspace. It counts here when this resolves, and elsewhere when they have looked.
   *
   * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL
   */
  async revoke({ workspace, userId }: Viewer, target: RevocationTarget): Promise<Revocation> {
    const at = this.#options.now();
    // A token that is valid now has ended by then.
    const kept: Kept = { by: userId, at, until: at + MAX_LIFETIME_MS };
    await this.#keep(keyOf(workspace, target), kept);
    this.#options.onChange({ action: 'revoke', workspace, by: userId, target });
    return revocationOf(target, kept);
  }

  /**
   * Takes a revocation back. False where there is none.
   *
   * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL
   */
  async lift({ workspace, userId }: Viewer, target: RevocationTarget): Promise<boolean> {
    await this.#poll();
    const key = keyOf(workspace, target);
    const known = this.#known.get(key);
    if (known === undefined || !this.#counts(known)) return false;
    await this.#keep(key, { ...known, lifted: true });
    this.#options.onChange({ action: 'liftRevocation', workspace, by: userId, target });
    return true;
  }

  /**
   * Those of the viewer's workspace, the latest first.
   *
   * @throws TidingsError STORE_UNAVAILABLE
   */
  async list({ workspace }: Viewer): Promise<readonly Revocation[]> {
    await this.#poll();
    const found: Revocation[] = [];
    for (const [key, kept] of this.#known) {
      const [where, kind, id] = JSON.parse(key) as [string, 'tokenId' | 'userId', string];
      if (where !== workspace || !this.#counts(kept)) continue;
      found.push(revocationOf(kind === 'tokenId' ? { tokenId: id } : { userId: id }, kept));
    }
    return found.toSorted((one, other) => other.revokedAt - one.revokedAt);
  }

  #isRevoked({ workspace, userId, tokenId, issuedAt }: Viewer): boolean {
    if (userId === null) return false;
    const token = tokenId === null ? undefined : this.#known.get(keyOf(workspace, { tokenId }));
    if (token !== undefined && this.#counts(token)) return true;
    const user = this.#known.get(keyOf(workspace, { userId }));
    // Tokens tell whole seconds: one of the same second may be from before.
    return user !== undefined && this.#counts(user) && (issuedAt === null || issuedAt <= user.at);
  }

  #counts({ lifted, until }: Kept): boolean {
    return lifted !== true && until > this.#options.now();
  }

  async #keep(key: string, kept: Kept): Promise<void> {
    await this.#options.records.put(COLLECTION, new Map([[key, JSON.stringify(kept)]]), MAX_LIFETIME_MS);
    this.#changes += 1;
    this.#known.set(key, kept);
    this.#tellWatchers();
  }

  #poll(): Promise<void> {
    this.#polling ??= this.#read().finally(() => (this.#polling = undefined));
    return this.#polling;
  }

  async #read(): Promise<void> {
    const { records, now } = this.#options;
    const changes = this.#changes;
    const stored = await records.all(COLLECTION);
    // The next look has it.
    if (changes !== this.#changes) return;
    let isNew = false;
    for (const [key, text] of stored) {
      const kept = JSON.parse(text) as Kept;
      const before = this.#known.get(key);
      isNew ||= before?.at !== kept.at || before.lifted !== kept.lifted;
      this.#known.set(key, kept);
    }
    const lost = new Map<string, string>();
    for (const [key, kept] of this.#known) {
      if (kept.until <= now()) this.#known.delete(key);
      else if (!stored.has(key)) lost.set(key, JSON.stringify(kept));
    }
    this.#isLoaded = true;
    if (isNew) this.#tellWatchers();
    if (lost.size > 0) await records.put(COLLECTION, lost, MAX_LIFETIME_MS);
  }

  #tellWatchers(): void {
    for (const watcher of this.#watchers) {
      if (!this.#isRevoked(watcher.viewer)) continue;
      this.#watchers.delete(watcher);
      watcher.onRevoked();
    }
  }
}

function keyOf(workspace: string, target: RevocationTarget): string {
  return JSON.stringify([
    workspace,
    ...('tokenId' in target ? ['tokenId', target.tokenId] : ['userId', target.userId]),
  ]);
}

function revocationOf(target: RevocationTarget, { by, at, until }: Kept): Revocation {
  return { target, revokedBy: by, revokedAt: at, expiresAt: until };
}
