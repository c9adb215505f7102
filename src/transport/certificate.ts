import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

export interface CertificateOptions {
  /** Files in PEM; the first with the whole chain. */
  readonly certPath: string;
  readonly keyPath: string;
  /** How often it is looked whether they were renewed. */
  readonly pollMs: number;
  readonly onReload: () => void;
  /** Told once of each state of the files that can't be used; the last good one goes on. */
  readonly onError: (error: unknown) => void;
}

interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The certificate of the server, which is renewed while it runs. Files are compared, as some renew them by moving what a link leads to. */
export class Certificate {
  readonly #options: CertificateOptions;
  #pair: Pair;
  #timer: NodeJS.Timeout | undefined;

  /** @throws Error the files can't be read, or don't belong together */
  constructor(options: CertificateOptions) {
    this.#options = options;
    this.#pair = this.#read();
    createSecureContext(this.#pair);
  }

  get pair(): Pair {
    return this.#pair;
  }

  /** Puts what is new into use, for connections from then on. */
  watch(server: { setSecureContext(pair: Pair): void }): void {
    const { pollMs, onReload, onError } = this.#options;
    let complaint = '';
    this.#timer = setInterval(() => {
      try {
        const pair = this.#read();
        if (pair.cert.equals(this.#pair.cert) && pair.key.equals(this.#pair.key)) return;
        // While only one of the two has been replaced they don't fit, and this throws.
        server.setSecureContext(pair);
        this.#pair = pair;
        complaint = '';
        onReload();
      } catch (error) {
        if (complaint === String(error)) return;
        complaint = String(error);
        onError(error);
      }
    }, pollMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #read(): Pair {
    const { certPath, keyPath } = this.#options;
    return { cert: readFileSync(certPath), key: readFileSync(keyPath) };
  }
}
