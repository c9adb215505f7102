/** Presence with leases in memory over embedded stores. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { MemoryLeases } from '../../src/presence/leases.ts';
import { LogPresence } from '../../src/presence/log-presence.ts';
import { EmbeddedEventStore } from '../../src/store/embedded/embedded-store.ts';
import type { EventStore, LogName, Retention } from '../../src/store/store.ts';
import type { PresenceWorldFactory } from './world.ts';

/** Never, as timers go. */
export const NEVER = 2 ** 31 - 1;

let clock = Date.UTC(2026, 0, 1);
const now = (): number => clock;
const ample: Retention = { events: 100_000, hours: 1_000_000, bytes: 1e9 };
let directory: string;
let opened = 0;
const open = (retention: Retention): Promise<EmbeddedEventStore> =>
  EmbeddedEventStore.open({ directory: join(directory, String(opened++)), retention: () => retention, now });

let shared: EmbeddedEventStore;

/** Keeps, while the tests of the calling file run, what their worlds are on. */
export function keepMemoryWorlds(): void {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidings-presence-'));
    shared = await open(ample);
  });
  afterAll(async () => {
    await shared.close();
    rmSync(directory, { recursive: true });
  });
}

/** The logs of a store under other names, so that worlds which share it don't meet. */
function apart(store: EventStore, prefix: string): EventStore {
  return new Proxy(store, {
    get: (_, name) => {
      const method = store[name as keyof EventStore] as (
        log: LogName | undefined,
        ...rest: unknown[]
      ) => unknown;
      return (log: LogName | undefined, ...rest: unknown[]): unknown =>
        method.call(store, log && { ...log, workspace: `${prefix}/${log.workspace}` }, ...rest);
    },
  });
}

/** An embedded store has one process only; for the suite several share the lease table, and killing them ends it. */
let worlds = 0;
export const memoryWorld: PresenceWorldFactory = async (options) => {
  const own = options?.retention === undefined ? undefined : await open(options.retention);
  const store = own ?? apart(shared, String(worlds++));
  const errors: unknown[] = [];
  const all: LogPresence[] = [];
  let leases = new MemoryLeases({ now });
  return {
    store,
    errors,
    now,
    advance: (ms) => {
      clock += ms;
    },
    start: (process) => {
      const onError = (error: unknown): unknown => errors.push(error);
      const presence = new LogPresence({
        store: process?.store ?? store,
        leases,
        now,
        onError,
        sweepMs: NEVER,
      });
      all.push(presence);
      return presence;
    },
    killAll: () => {
      leases = new MemoryLeases({ now });
      all.length = 0;
    },
    end: async () => {
      await Promise.all(all.map((presence) => presence.close()));
      await own?.close();
    },
  };
};
