/** What the presence suite needs of a backend, and the tools that its tests are written with. */
import { expect } from 'vitest';
import type { Entry } from '../../src/events/event.ts';
import { presenceLog, type Holder, type Presence, type PresenceMember } from '../../src/presence/presence.ts';
import type { EventStore, Retention } from '../../src/store/store.ts';

/** A server process with the default times, which sweeps only when it is told to. */
export interface PresenceProcess extends Presence {
  sweep(): Promise<void>;
}

export interface PresenceWorld {
  readonly store: EventStore;
  /** What the processes reported that nobody waits for. Has to be empty at the end of a test. */
  readonly errors: unknown[];
  /** One clock for all processes and the backend. */
  readonly now: () => number;
  advance(ms: number): void;
  /** One more server process beside those that run. It works with `store`, if given, instead of the world's own. */
  start(options?: { readonly store?: EventStore }): PresenceProcess;
  /** Ends all processes at once: they do nothing any more, and what they had in memory is lost. */
  killAll(): void;
  end(): Promise<void>;
}

export type PresenceWorldFactory = (options?: { readonly retention?: Retention }) => Promise<PresenceWorld>;

export const LEASE = 30_000;
export const GRACE = 5_000;
export const ROOM = 'project:p1';
/** Longer than a process may take to write OFFLINE before another one tries. */
export const CLAIM = 5_000;

export const tab = (connection: string): Holder => ({ connection });
export const request = (lease = 'http'): Holder => ({ lease });

export function say(
  userId: string,
  status: PresenceMember['status'] = 'ONLINE',
  activity: string | null = null,
): Pick<PresenceMember, 'room' | 'userId' | 'status' | 'activity'> {
  return { room: ROOM, userId, status, activity };
}

export async function logOf(world: PresenceWorld, workspace = 'w'): Promise<Entry<'member'>[]> {
  const { entries } = await world.store.read(presenceLog(workspace), 'oldest', 10_000);
  return [...entries];
}

/** A process makes its calls of the table in order: when the list was read, the closed tab's hold has its grace period. */
export async function closeTab(process: Presence, connection: string): Promise<void> {
  process.release(connection);
  await process.members('w', ROOM, { limit: 1 });
}

/** The log in short, `ada ONLINE`, in order. */
export async function told(world: PresenceWorld, workspace = 'w'): Promise<string[]> {
  return (await logOf(world, workspace)).map(({ data }) => short(data));
}

/** The room in short, in the order of the list. */
export async function listed(presence: Presence, workspace = 'w', room = ROOM): Promise<string[]> {
  const { entries } = await presence.members(workspace, room, { limit: 500 });
  return entries.map(({ data }) => short(data));
}

function short({ userId, status, activity }: PresenceMember): string {
  return activity === null ? `${userId} ${status}` : `${userId} ${status} ${activity}`;
}

export async function lastSeenOf(presence: Presence, userId: string): Promise<number> {
  const { entries } = await presence.members('w', ROOM, { limit: 500 });
  const entry = entries.find(({ data }) => data.userId === userId);
  expect(entry).toBeDefined();
  return Date.parse(entry!.data.lastSeenAt);
}

/** Calls fail; wait before they are made; or are made, and their answers wait. */
type Fault = 'fail' | 'hold' | 'answer late';

/** A store that fails, or lets calls wait, while it is told to. */
export class TamperedStore {
  readonly store: EventStore;
  readonly #faults = new Map<keyof EventStore, Fault>();
  readonly #waiting: ((answers: boolean) => void)[] = [];
  #onWaiting: (() => void) | undefined;

  constructor(store: EventStore, failure: () => Error) {
    this.store = new Proxy(store, {
      get: (target, name) => {
        const method = target[name as keyof EventStore] as (...args: unknown[]) => unknown;
        return async (...args: unknown[]): Promise<unknown> => {
          const fault = this.#faults.get(name as keyof EventStore);
          if (fault === 'fail') throw failure();
          const answers = fault !== 'hold' || (await this.#wait());
          const answer: unknown = await method.apply(target, args);
          if (fault === 'answer late') await this.#wait();
          return answers ? answer : new Promise(() => undefined);
        };
      },
    });
  }

  set(method: keyof EventStore, fault: Fault): void {
    this.#faults.set(method, fault);
  }

  /** Resolves when a call waits. */
  async waits(): Promise<void> {
    if (this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#onWaiting = resolve;
    });
  }

  /** Ends all faults; what waits goes on, but whoever called died meanwhile unless it `answers`. */
  heal({ answers = true } = {}): void {
    this.#faults.clear();
    for (const resume of this.#waiting.splice(0)) resume(answers);
  }

  #wait(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#onWaiting?.();
    });
  }
}
