import { Cluster, Redis, type CommonRedisOptions, type RedisOptions } from 'ioredis';
import { parseRedisUrl, type RedisAddress } from './url.ts';

/** All in milliseconds. */
export interface RedisTiming {
  /** Between two pings of a connection. */
  readonly pingMs: number;
  /** A connection that answers nothing for so long is given up: of a stalled link no error tells. */
  readonly silenceMs: number;
  /** Longest wait for one answer; longer than `silenceMs`, which mostly comes first. */
  readonly commandMs: number;
  readonly connectMs: number;
  /** Longest pause between two attempts to connect. */
  readonly reconnectMs: number;
  /** How long a call that lost its answer waits for the connection to be back, to ask once more. */
  readonly returnMs: number;
}

export const defaultTiming: RedisTiming = {
  pingMs: 1_000,
  silenceMs: 3_000,
  commandMs: 5_000,
  connectMs: 3_000,
  reconnectMs: 1_000,
  returnMs: 2_000,
};

/**
 * Two connections to the same Redis. Neither queues, resends or resubscribes by itself, which ioredis does unless it is told:
 * an append would be sent twice, or late, and wake-ups would be missing without anybody knowing.
 */
export interface RedisClients {
  readonly commands: Redis | Cluster;
  readonly subscriber: Redis;
}

/**
 * Connects in the background, again and again until it is told to end.
 *
 * @param url in a form that parseRedisUrl describes
 * @throws TidingsError STORE_UNAVAILABLE: the URL is none
 */
export function connectRedis(url: string, timing: RedisTiming): RedisClients {
  const address = parseRedisUrl(url);
  const shared = sharedOptions(address, timing);
  if (address.form === 'cluster') return connectCluster(address, shared, timing);
  const [{ host, port }] = address.addresses;
  const options = {
    ...shared,
    db: address.db,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => pauseBefore(attempt, timing),
    ...(address.form === 'single' ? { host, port } : sentinelOptions(address, timing)),
  } satisfies RedisOptions;
  return { commands: new Redis(options), subscriber: new Redis(options) };
}

function sharedOptions(address: RedisAddress, timing: RedisTiming) {
  return {
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls === undefined ? {} : { tls: address.tls }),
    connectionName: 'tidings',
    connectTimeout: timing.connectMs,
    commandTimeout: timing.commandMs,
    socketTimeout: timing.silenceMs,
    maxLoadingRetryTime: timing.reconnectMs,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // A master that was demoted keeps its connections: the next one leads to the new master.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  } satisfies CommonRedisOptions & RedisOptions;
}

function sentinelOptions(address: RedisAddress, timing: RedisTiming) {
  return {
    sentinels: [...address.addresses],
    name: address.masterName,
    sentinelCommandTimeout: timing.commandMs,
    sentinelRetryStrategy: (attempt) => pauseBefore(attempt, timing),
    // Leaves a master that was voted out although it still answers: what it takes would be lost.
    failoverDetector: true,
    ...(address.sentinelUsername === undefined ? {} : { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword === undefined ? {} : { sentinelPassword: address.sentinelPassword }),
    ...(address.tls === undefined ? {} : { sentinelTLS: address.tls, enableTLSForSentinelMode: true }),
  } satisfies RedisOptions;
}

function connectCluster(
  address: RedisAddress,
  shared: ReturnType<typeof sharedOptions>,
  timing: RedisTiming,
): RedisClients {
  // What is redirected or was refused is sent again by ioredis. Nothing is stored twice by that: every batch has a key.
  const commands = new Cluster([...address.addresses], {
    enableOfflineQueue: false,
    // 100 ms apart where a node is away.
    maxRedirections: 6,
    slotsRefreshTimeout: timing.connectMs,
    clusterRetryStrategy: (attempt) => pauseBefore(attempt, timing),
    redisOptions: shared,
    ...(address.tls === undefined
      ? {}
      : {
          dnsLookup: (host: string, callback: (error: null, address: string) => void) => callback(null, host),
        }),
  });
  // A message reaches every node. Cluster's own subscriber resubscribes by itself and doesn't tell, so this is an ordinary
  // connection, to another node after each loss.
  const subscriber = new Redis({
    ...shared,
    ...anyNode(commands, address),
    enableOfflineQueue: false,
    retryStrategy: (attempt) => {
      Object.assign(subscriber.options, anyNode(commands, address));
      return pauseBefore(attempt, timing);
    },
  });
  return { commands, subscriber };
}

function anyNode(cluster: Cluster, { addresses }: RedisAddress): Pick<RedisOptions, 'host' | 'port'> {
  const known = cluster.nodes().map(({ options: { host, port } }) => ({ host, port }));
  const nodes = known.length > 0 ? known : addresses;
  const { host, port } = nodes[Math.floor(Math.random() * nodes.length)] ?? addresses[0];
  return { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) };
}

/** Doubles from 25 ms on, with a random part, so that many servers don't come back in one instant. */
function pauseBefore(attempt: number, { reconnectMs }: RedisTiming): number {
  const pause = Math.min(25 * 2 ** Math.min(attempt - 1, 10), reconnectMs);
  return pause / 2 + (Math.random() * pause) / 2;
}
