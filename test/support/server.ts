import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken, type TokenClaims } from '../../src/auth/tokens.ts';
import { readConfig, settings } from '../../src/config.ts';
import { createGateway, type Gateway, type Overrides } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/ops/logger.ts';
import { JWT_SECRET, WEBHOOK_SECRET } from './keys.ts';
import { suiteLog } from './suite-log.ts';

/** No limits: tests have a hundred clients on one machine, and publish as fast as they can. */
export const unlimited: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(settings)
    .filter((name) => name.startsWith('LIMIT_'))
    .map((name) => [name, '0']),
);

/** What an answer over HTTP holds; `data` is there on success. */
export interface Answer<Data> {
  readonly status: number;
  readonly headers: Headers;
  readonly data?: Data | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: unknown;
    readonly extensions: Record<string, unknown>;
  }[];
}

export interface TestServerOptions extends Overrides {
  readonly environment?: Readonly<Record<string, string>>;
  /** With the limits that users have; without any when absent. */
  readonly isLimited?: boolean;
  /** Makes the token of `ownToken`, where the server doesn't take those of the tests' secret. */
  readonly ownToken?: () => string;
  /** To start again on what another server left; it is then up to the test to remove it. */
  readonly directory?: string;
}

/** A whole server on a free port, with a directory of its own. */
export class TestServer implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly directory: string;
  readonly #keepsDirectory: boolean;
  readonly #ownToken: () => string;

  private constructor(
    gateway: Gateway,
    directory: string,
    keepsDirectory: boolean,
    ownToken: () => string = () => tokenFor(),
  ) {
    this.gateway = gateway;
    this.directory = directory;
    this.#keepsDirectory = keepsDirectory;
    this.#ownToken = ownToken;
  }

  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const { environment, directory, ownToken, isLimited = false, ...overrides } = options;
    const dataDirectory = directory ?? (await mkdtemp(join(tmpdir(), 'tidings-test-')));
    const config = readConfig({
      PORT: '0',
      DATA_DIR: dataDirectory,
      JWT_SECRET,
      GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
      DRAIN_SECONDS: '0',
      ...(isLimited ? {} : unlimited),
      ...environment,
    });
    const logger = await createLogger({ level: 'debug', pretty: false, destination: suiteLog });
    const gateway = await createGateway(config, { logger, ...overrides });
    await gateway.start();
    return new TestServer(gateway, dataDirectory, directory !== undefined, ownToken);
  }

  get url(): string {
    return this.gateway.url;
  }

  get graphqlUrl(): string {
    return `${this.url}/graphql`;
  }

  get webSocketUrl(): string {
    return this.graphqlUrl.replace('http', 'ws');
  }

  /** A token that the server takes, whatever its key is. */
  get ownToken(): string {
    return this.#ownToken();
  }

  /** A token that may do everything, but for what the claims say. */
  token(claims: Partial<TokenClaims> = {}, expiresInSeconds = 3_600): string {
    return tokenFor(claims, expiresInSeconds);
  }

  /** A query or mutation by POST. `token: null` sends none. */
  async query<Data, Variables>(
    document: TypedDocumentNode<Data, Variables> | string,
    variables?: Variables,
    options: { readonly token?: string | null } = {},
  ): Promise<Answer<Data>> {
    const token = options.token === undefined ? this.token() : options.token;
    const response = await fetch(this.graphqlUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query: typeof document === 'string' ? document : print(document), variables }),
    });
    return { status: response.status, headers: response.headers, ...((await response.json()) as object) };
  }

  /** As `query`, for what has to succeed. */
  async run<Data, Variables>(
    document: TypedDocumentNode<Data, Variables> | string,
    variables?: Variables,
    options: { readonly token?: string | null } = {},
  ): Promise<Data> {
    const { data, errors } = await this.query(document, variables, options);
    if (errors !== undefined || data === undefined || data === null)
      throw new Error(`failed: ${JSON.stringify(errors)}`);
    return data;
  }

  /** A signed delivery of a GitHub webhook. */
  async deliver(
    event: string,
    payload: unknown,
    options: { readonly delivery?: string; readonly secret?: string } = {},
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const response = await fetch(`${this.url}/webhooks/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': event,
        'x-github-delivery': options.delivery ?? randomUUID(),
        'x-hub-signature-256': `sha256=${createHmac('sha256', options.secret ?? WEBHOOK_SECRET)
          .update(body)
          .digest('hex')}`,
      },
      body,
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.stop();
    if (!this.#keepsDirectory) await rm(this.directory, { recursive: true, force: true });
  }
}

/** A token of the tests' key that may do everything, but for what the claims say. */
export function tokenFor(claims: Partial<TokenClaims> = {}, expiresInSeconds = 3_600): string {
  return signToken(
    JWT_SECRET,
    { sub: 'tester', projects: '*', scope: 'read publish admin', ...claims },
    expiresInSeconds,
  );
}
