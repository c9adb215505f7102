/** What the server keeps and where. Nothing else names a concrete store. */
import { resolve } from 'node:path';
import type { Config } from './config.ts';
import { Spool, type SpoolOptions } from './ingest/spool.ts';
import { MemoryLeases, type LeaseTable } from './presence/leases.ts';
import { DirectoryLock } from './store/embedded/directory-lock.ts';
import { EmbeddedEventStore } from './store/embedded/embedded-store.ts';
import type { Records } from './store/records.ts';
import type { RedisClients } from './store/redis/clients.ts';
import type { EventStore, LogName, Retention } from './store/store.ts';

/** What is kept where: on this machine by one process, or in Redis by any number of them. */
export interface Backend {
  readonly store: EventStore;
  readonly leases: LeaseTable;
  readonly records: Records;
  /** The connection to Redis, where that is the backend. */
  readonly redis: RedisClients['commands'] | null;
  close(): Promise<void>;
}

export interface BackendOptions {
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
  /** Absent: as configured. */
  readonly retention?: (log: LogName) => Retention;
}

/** @throws TidingsError STORE_UNAVAILABLE DATA_DIR is in use or can't be written, or REDIS_URL is none */
export async function openBackend(
  config: Pick<Config, 'REDIS_URL' | 'DATA_DIR' | 'RETENTION_EVENTS' | 'RETENTION_HOURS' | 'RETENTION_MIB'>,
  { now, onError, retention = (log) => retentionOf(log, config) }: BackendOptions,
): Promise<Backend> {
  const shared = { retention, onError };
  if (config.REDIS_URL === undefined) {
    const store = await EmbeddedEventStore.open({ ...shared, directory: resolve(config.DATA_DIR), now });
    return {
      store,
      leases: new MemoryLeases({ now }),
      records: store.records,
      redis: null,
      close: async () => store.close(),
    };
  }
  // Loaded where they are needed: they are a tenth of what a server loads.
  const [{ connectRedis, defaultTiming }, { RedisEventStore }, { RedisLeases }] = await Promise.all([
    import('./store/redis/clients.ts'),
    import('./store/redis/redis-store.ts'),
    import('./presence/redis-leases.ts'),
  ]);
  const clients = connectRedis(config.REDIS_URL, defaultTiming);
  const store = await RedisEventStore.open({ ...shared, redis: clients });
  return {
    store,
    leases: new RedisLeases({ redis: clients.commands }),
    records: store.records,
    redis: clients.commands,
    async close() {
      await store.close();
      clients.commands.disconnect();
      clients.subscriber.disconnect();
    },
  };
}

/** Presence is worth nothing once it is stale. */
function retentionOf(
  log: LogName,
  config: Pick<Config, 'RETENTION_EVENTS' | 'RETENTION_HOURS' | 'RETENTION_MIB'>,
): Retention {
  if (log.stream === 'presence') return { events: 10_000, hours: 1, bytes: 16 * 1_024 * 1_024 };
  return {
    events: config.RETENTION_EVENTS,
    hours: config.RETENTION_HOURS,
    bytes: config.RETENTION_MIB * 1_024 * 1_024,
  };
}

/** Where webhooks wait while the store is away. */
export function openSpool(
  directory: string,
  options: Omit<SpoolOptions, 'directory' | 'lock'>,
): Promise<Spool> {
  const lock = (): DirectoryLock => {
    try {
      return new DirectoryLock(directory);
    } catch (cause) {
      throw new Error('another server uses it; each needs a DATA_DIR of its own', { cause });
    }
  };
  return Spool.open({ ...options, directory, lock });
}
