import { z } from 'zod';
import { isAddressRange } from './limits/client-addresses.ts';

/**
 * The configuration, from environment variables. The README's table is generated from `settings`; every variable has a default.
 */
interface Setting {
  readonly default: string;
  readonly example: string;
  readonly description: string;
  readonly schema: z.ZodType;
}

const setting = <Schema extends z.ZodType>(
  definition: Omit<Setting, 'schema'> & { readonly schema: Schema },
) => definition;

const whole = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'has to be a whole number').transform(Number).pipe(z.number().min(min).max(max));
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
/** Where the keys for tokens come from. */
const keySettings = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWKS_URL'] as const;
const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '[::1]', 'localhost']);

/** Who can change what is on its way to us could vouch for any token. */
function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  const isPrivate = protocol === 'https:' || (protocol === 'http:' && loopback.has(hostname));
  return isPrivate && username === '' && password === '';
}

/** What one client may use. */
const limit = (fallback: number, description: string) =>
  setting({
    default: String(fallback),
    example: '0',
    description: `${description} 0: without limit.`,
    schema: whole(0, 1_000_000_000),
  });

const limits = {
  LIMIT_CONNECTIONS: limit(
    10_000,
    'Connections (WebSockets, and streams over HTTP) of the process at a time.',
  ),
  LIMIT_CONNECTIONS_PER_USER: limit(20, 'Connections of a user at a time. Not in development mode.'),
  LIMIT_CONNECTIONS_PER_ADDRESS: limit(
    50,
    'Connections from an address (IPv6: a /64) at a time. This machine itself is not counted, here and below.',
  ),
  LIMIT_NEW_CONNECTIONS: limit(200, 'New connections of the process in a second.'),
  LIMIT_NEW_CONNECTIONS_PER_ADDRESS: limit(10, 'New connections from an address in a second.'),
  LIMIT_STREAMS: limit(
    6,
    'Streams over HTTP of a user from one address at a time, which is as many as a browser opens. Not in development mode.',
  ),
  LIMIT_OPERATIONS: limit(100, 'Operations of a WebSocket at a time.'),
  LIMIT_MESSAGES: limit(50, 'Messages of a WebSocket in a second, in the long run.'),
  LIMIT_MESSAGES_BURST: limit(200, 'Messages of a WebSocket at once.'),
  LIMIT_PUBLISHES: limit(1_000, 'Events published with a token in a second. Not those of webhooks.'),
};

const optional = z.string().transform((text) => (text === '' ? undefined : text));

export const settings = {
  HOST: setting({
    default: '127.0.0.1',
    example: '0.0.0.0',
    description: 'Address to listen on.',
    schema: z.string().min(1),
  }),
  PORT: setting({
    default: '4000',
    example: '8080',
    description: 'Port to listen on; 0 takes a free one.',
    schema: whole(0, 65_535),
  }),
  DATA_DIR: setting({
    default: './data',
    example: '/var/lib/tidings',
    description:
      'Directory of the embedded store, and of webhooks that wait for the store. Each server has one of its own.',
    schema: z.string().min(1),
  }),
  REDIS_URL: setting({
    default: '',
    example: 'redis://:password@redis:6379',
    description:
      'Redis (7 or newer) that holds the logs instead of DATA_DIR, for any number of servers. Also redis+sentinel://host:port,host:port/masterName and redis+cluster://host:port,host:port; rediss for TLS.',
    schema: optional.refine(
      (url) => url === undefined || /^rediss?(?:\+sentinel|\+cluster)?:\/\/[^/\s]+(?:\/\S*)?$/.test(url),
      'has to be redis://, redis+sentinel:// or redis+cluster:// (rediss for TLS) with a host',
    ),
  }),
  JWT_SECRET: setting({
    default: '',
    example: '$(openssl rand -hex 32)',
    description:
      'Secret of at least 32 bytes that tokens are signed with (HS256). Without it, JWT_PUBLIC_KEY and JWKS_URL the server runs in development mode: on loopback only, with a key of its own.',
    schema: optional.refine(
      (secret) => secret === undefined || Buffer.byteLength(secret) >= 32,
      'has to have at least 32 bytes',
    ),
  }),
  JWT_PUBLIC_KEY: setting({
    default: '',
    example: '$(cat public.pem)',
    description: 'Public key in PEM that tokens are checked with: RSA (RS256) or P-256 (ES256).',
    schema: optional.refine(
      (key) => key === undefined || key.includes('-----BEGIN PUBLIC KEY-----'),
      'has to be a public key in PEM',
    ),
  }),
  JWKS_URL: setting({
    default: '',
    example: 'https://id.example.com/.well-known/jwks.json',
    description:
      'Where an identity provider publishes the keys that tokens are checked with (RS256, ES256). They are fetched again every 10 minutes, and when a token names an unknown one, but no more often than every 10 seconds.',
    schema: optional.refine(
      (url) => url === undefined || isSafeUrl(url),
      'has to be https, or http on this machine, and without a user or password',
    ),
  }),
  JWT_ISSUER: setting({
    default: '',
    example: 'https://id.example.com',
    description: 'Tokens of another `iss` are refused.',
    schema: optional,
  }),
  JWT_AUDIENCE: setting({
    default: '',
    example: 'tidings',
    description: 'Tokens of another `aud` are refused.',
    schema: optional,
  }),
  ANONYMOUS_PROJECTS: setting({
    default: '',
    example: 'website,docs',
    description: 'Projects of the workspace `default` that anybody may read without a token.',
    schema: list,
  }),
  ALLOWED_ORIGINS: setting({
    default: '',
    example: 'https://app.example.com',
    description: "Origins of web pages that may use the server, beside the server's own.",
    schema: list.refine(
      (origins) => origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
      'has to list origins, such as https://app.example.com, without a path',
    ),
  }),
  GITHUB_WEBHOOK_SECRET: setting({
    default: '',
    example: '$(openssl rand -hex 32)',
    description: 'Secret of the GitHub webhook. Without it deliveries are refused, but in development mode.',
    schema: optional,
  }),
  GITHUB_WORKSPACE: setting({
    default: 'default',
    example: 'acme',
    description: "Workspace that GitHub's events belong to.",
    schema: z.string().min(1).max(256),
  }),
  RETENTION_EVENTS: setting({
    default: '100000',
    example: '1000000',
    description: 'Events kept in the log of a workspace, at most.',
    schema: whole(100, 1_000_000_000),
  }),
  RETENTION_HOURS: setting({
    default: '72',
    example: '168',
    description: 'Hours for which events are kept, at most.',
    schema: whole(1, 87_600),
  }),
  RETENTION_MIB: setting({
    default: '256',
    example: '1024',
    description: 'MiB of events kept in the log of a workspace, at most.',
    schema: whole(1, 1_048_576),
  }),
  METRICS_TOKEN: setting({
    default: '',
    example: '$(openssl rand -hex 32)',
    description:
      'What Prometheus has to send as its bearer token to read /metrics; tokens with scope `admin` may as well. Without it, /metrics is open to programs on this machine.',
    schema: optional.refine(
      (token) => token === undefined || /^[!-~]{16,}$/.test(token),
      'has to have at least 16 characters, without spaces',
    ),
  }),
  PERSISTED_ONLY: setting({
    default: '',
    example: './persisted.json',
    description:
      'The documents that clients may send, by their text or their hash (Apollo: `extensions.persistedQuery`): a JSON file of hash and document, or a folder of `.graphql` files. Unset: any. Tokens with scope `admin` may send others.',
    schema: optional,
  }),
  TLS_CERT: setting({
    default: '',
    example: '/etc/tidings/fullchain.pem',
    description:
      'File with the certificate and its chain in PEM: with TLS_KEY the server speaks https and wss, and nothing else. Both files may be renewed while it runs.',
    schema: optional,
  }),
  TLS_KEY: setting({
    default: '',
    example: '/etc/tidings/privkey.pem',
    description: 'File with the private key of TLS_CERT.',
    schema: optional,
  }),
  TRUSTED_PROXIES: setting({
    default: '127.0.0.0/8,::1',
    example: '10.0.0.0/8,192.168.1.5',
    description:
      'Addresses of proxies, also as ranges, whose `X-Forwarded-For` tells where clients are. All others are themselves what limits of an address count.',
    schema: list.refine(
      (ranges) => ranges.every(isAddressRange),
      'has to list IP addresses, or ranges such as 10.0.0.0/8',
    ),
  }),
  ...limits,
  OTEL_EXPORTER_OTLP_ENDPOINT: setting({
    default: '',
    example: 'http://127.0.0.1:4318',
    description:
      'Where traces go, by OTLP over HTTP. Without it nothing is traced. The other variables of OpenTelemetry (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER …) hold as well.',
    schema: optional.refine(
      (url) => url === undefined || (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)),
      'has to be an http or https URL',
    ),
  }),
  LOG_LEVEL: setting({
    default: 'info',
    example: 'debug',
    description:
      'trace, debug, info, warn, error or silent. Who did what is at info; requests, and mistakes of clients, at debug.',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
  }),
  DRAIN_SECONDS: setting({
    default: '20',
    example: '60',
    description: 'Seconds over which connections are closed at the end.',
    schema: whole(0, 3_600),
  }),
} satisfies Record<string, Setting>;

type Settings = { readonly [Name in keyof typeof settings]: z.output<(typeof settings)[Name]['schema']> };

export interface Config extends Settings {
  /** No key is configured: tokens are made here, and nobody from outside can reach the server. */
  readonly developmentMode: boolean;
}

/** All mistakes of the environment, each with the variable's name and an example. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(`The configuration is wrong:\n${mistakes.map((each) => `  ${each}`).join('\n')}`);
    this.mistakes = mistakes;
  }
}

/** @throws ConfigError */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const mistakes: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { default: fallback, example, schema }] of Object.entries(settings)) {
    const parsed = schema.safeParse(environment[name] ?? fallback);
    if (parsed.success) values[name] = parsed.data;
    else
      mistakes.push(
        `${name}: ${parsed.error.issues[0]?.message ?? 'is wrong'}, for example ${name}=${example}`,
      );
  }
  const { HOST } = values as unknown as Settings;
  const given = keySettings.filter((name) => (environment[name] ?? '') !== '');
  if (given.length > 1) mistakes.push(`${given.join(' and ')}: set one of them only`);
  const [cert, key] = [environment['TLS_CERT'] ?? '', environment['TLS_KEY'] ?? ''];
  if ((cert === '') !== (key === '')) mistakes.push('TLS_CERT and TLS_KEY: set both of them, or none');
  const developmentMode = given.length === 0;
  if (developmentMode && !loopback.has(HOST)) {
    mistakes.push(
      `HOST: is reachable from outside, which needs a key for tokens, for example JWT_SECRET=${settings.JWT_SECRET.example}`,
    );
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { ...(values as unknown as Settings), developmentMode };
}
