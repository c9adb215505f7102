import type { ConnectionOptions } from 'node:tls';
import { TidingsError } from '../../errors.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is and how to get in. */
export interface RedisAddress {
  readonly form: 'single' | 'sentinel' | 'cluster';
  /** One for `single`; the sentinels; or some nodes of the cluster, which tell of the others. */
  readonly addresses: readonly [Address, ...Address[]];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: ConnectionOptions | undefined;
  /** Not of a cluster, which has only one. */
  readonly db: number;
  /** What the sentinels call it. */
  readonly masterName: string;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
}

const FORM =
  /^redis(?<tls>s)?(?:\+(?<form>sentinel|cluster))?:\/\/(?:(?<user>[^:@/?]*)(?::(?<password>[^@/?]*))?@)?(?<hosts>[^@/?#]+)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/;

/**
 *     redis://user:password@host:port/db                          rediss:// for TLS, here and below
 *     redis+sentinel://user:password@host:port,host:port/masterName/db?sentinelPassword=…
 *     redis+cluster://user:password@host:port,host:port
 *
 * User, password, port, db and query may be missing.
 *
 * @throws TidingsError STORE_UNAVAILABLE with a message for who configures it; it holds no password
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = FORM.exec(url)?.groups;
  if (parts === undefined) {
    throw unusable(
      'it has to be redis://, redis+sentinel:// or redis+cluster:// with hosts (rediss for TLS)',
    );
  }
  const form = (parts['form'] ?? 'single') as RedisAddress['form'];
  const [first, ...others] = (parts['hosts'] ?? '').split(',').map((host) => addressOf(host, form));
  if (first === undefined || (form === 'single' && others.length > 0)) {
    throw unusable('several hosts need redis+sentinel:// or redis+cluster://');
  }
  const path = (parts['path'] ?? '').split('/').filter((part) => part !== '');
  const masterName = form === 'sentinel' ? decoded(path.shift()) : '';
  if (masterName === undefined)
    throw unusable('redis+sentinel:// needs the name of the master behind the hosts');
  const db = path.shift() ?? '0';
  if (!/^\d{1,4}$/.test(db) || path.length > 0)
    throw unusable('behind the hosts only the number of a database fits');
  if (form === 'cluster' && Number(db) !== 0) throw unusable('a cluster has only database 0');
  const query = new URLSearchParams(parts['query']);
  return {
    form,
    addresses: [first, ...others],
    username: decoded(parts['user']),
    password: decoded(parts['password']),
    // The name that the certificate has to have is the host's, which ioredis fills in.
    tls: parts['tls'] === undefined ? undefined : {},
    db: Number(db),
    masterName,
    sentinelUsername: query.get('sentinelUsername') ?? undefined,
    sentinelPassword: query.get('sentinelPassword') ?? undefined,
  };
}

function addressOf(text: string, form: RedisAddress['form']): Address {
  const match = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[\w.-]+))(?::(?<port>\d{1,5}))?$/i.exec(text)?.groups;
  const host = match?.['v6'] ?? match?.['name'];
  const port = Number(match?.['port'] ?? (form === 'sentinel' ? 26_379 : 6_379));
  if (host === undefined || port > 65_535)
    throw unusable('a host has to be name:port, address:port or [address]:port');
  return { host, port };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw unusable('a % in it has to stand for a character, such as %40 for @');
  }
}

function unusable(why: string): TidingsError {
  return new TidingsError('STORE_UNAVAILABLE', `The URL of Redis can't be used: ${why}.`);
}
