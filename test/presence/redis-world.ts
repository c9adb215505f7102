/** Presence with leases and log in one Redis. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { LogPresence } from '../../src/presence/log-presence.ts';
import { RedisLeases, type RedisLeasesOptions } from '../../src/presence/redis-leases.ts';
import { RedisEventStore } from '../../src/store/redis/redis-store.ts';
import type { Retention } from '../../src/store/store.ts';
import { anyRedis } from '../support/redis.ts';
import type { PresenceWorldFactory } from './world.ts';

const ample: Retention = { events: 100_000, hours: 1_000_000, bytes: 1e9 };
/** Never, as timers go. */
const NEVER = 2 ** 31 - 1;
/** As many as the processes of any test. */
const CONNECTIONS = 4;

let server: Awaited<ReturnType<typeof anyRedis>>;
let connections: Redis[];

/** Keeps, while the tests of the calling file run, the Redis that their worlds are on. */
export function keepRedisWorlds(): void {
  beforeAll(async () => {
    server = await anyRedis();
    connections = await Promise.all(Array.from({ length: CONNECTIONS }, connected));
  });
  afterAll(async () => {
    for (const connection of connections) connection.disconnect();
    await server[Symbol.asyncDispose]();
  });
}

export function redisUrl(): string {
  return server.url;
}

/** With what leases need of the settings that the server has. */
export async function connected(): Promise<Redis> {
  const redis = new Redis(server.url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 5_000,
  });
  await once(redis, 'ready');
  return redis;
}

let taken = 0;

/** A process of its own among those with the same prefix. */
export function leasesOf(options: Omit<RedisLeasesOptions, 'redis'>): RedisLeases {
  return new RedisLeases({ redis: connections[taken++ % CONNECTIONS]!, ...options });
}

export const redisWorld: PresenceWorldFactory = async (options) => {
  const prefix = `test-${randomUUID()}`;
  let clock = Date.UTC(2026, 0, 1);
  const now = (): number => clock;
  const errors: unknown[] = [];
  const onError = (error: unknown): unknown => errors.push(error);
  const store = await RedisEventStore.open({
    redis: server.url,
    prefix,
    retention: () => options?.retention ?? ample,
    now,
    onError,
  });
  let running: LogPresence[] = [];
  return {
    store,
    errors,
    now,
    advance: (ms) => {
      clock += ms;
    },
    start: (process) => {
      const leases = leasesOf({ prefix, now });
      const presence = new LogPresence({
        store: process?.store ?? store,
        leases,
        now,
        onError,
        sweepMs: NEVER,
      });
      running.push(presence);
      return presence;
    },
    killAll: () => {
      running = [];
    },
    end: async () => {
      await Promise.all(running.map((presence) => presence.close()));
      await store.close();
    },
  };
};
