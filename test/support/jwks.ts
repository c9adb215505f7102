import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import jwt from 'jsonwebtoken';

/** A key pair with a name, as an identity provider has some. */
export class SigningKey {
  readonly kid: string;
  readonly algorithm: 'RS256' | 'ES256';
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;

  constructor(kid: string, algorithm: 'RS256' | 'ES256' = 'RS256') {
    this.kid = kid;
    this.algorithm = algorithm;
    const pair =
      algorithm === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.privateKey = pair.privateKey;
    this.publicKey = pair.publicKey;
  }

  /** As it is published. */
  get jwk(): Record<string, unknown> {
    return { ...this.publicKey.export({ format: 'jwk' }), kid: this.kid, use: 'sig', alg: this.algorithm };
  }

  sign(claims: object = {}, header: object = { kid: this.kid }): string {
    const payload = { sub: 'somebody', projects: '*', scope: 'read', ...claims };
    return jwt.sign(payload, this.privateKey, {
      algorithm: this.algorithm,
      expiresIn: 24 * 3_600,
      header: { alg: this.algorithm, ...header },
    });
  }
}

/** An identity provider that publishes keys, or does something else. */
export class KeyServer implements AsyncDisposable {
  /** What it answers with. */
  body: string | Buffer = '';
  status = 200;
  headers: Record<string, string> = {};
  /** Keeps every request waiting, until `release`. */
  isStalled = false;
  readonly #waiting: (() => void)[] = [];
  requests = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((_request, response) => {
      this.requests += 1;
      const headers = { 'content-type': 'application/json', ...this.headers };
      const answer = (): void => void response.writeHead(this.status, headers).end(this.body);
      if (this.isStalled) this.#waiting.push(answer);
      else answer();
    });
  }

  static async start(...keys: readonly SigningKey[]): Promise<KeyServer> {
    const server = new KeyServer();
    server.publish(...keys);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  publish(...keys: readonly SigningKey[]): void {
    this.body = JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
  }

  release(): void {
    this.isStalled = false;
    for (const answer of this.#waiting.splice(0)) answer();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
