import { setTimeout } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError, type ErrorCode } from '../errors.ts';
import { Pace } from './pace.ts';
import { RedisTally } from './redis-tally.ts';
import { MemoryTally, type Release, type Tally } from './tally.ts';
import { TokenBucket } from './token-bucket.ts';
import { Waits } from './waits.ts';

/** Each 0 for no limit. Connections are WebSockets and streams over HTTP. */
export interface LimitSettings {
  readonly connections: number;
  readonly connectionsPerUser: number;
  readonly connectionsPerAddress: number;
  /** A second. */
  readonly newConnections: number;
  readonly newConnectionsPerAddress: number;
  /** A second, of one WebSocket. */
  readonly messages: number;
  readonly messageBurst: number;
  /** Events a second, of one token. */
  readonly publishes: number;
  /** Streams over HTTP, of one user from one address. */
  readonly streams: number;
}

export interface LimitsOptions {
  readonly settings: LimitSettings;
  /** Where processes count together; null: each for itself. Limits of the process are each one's own anyway. */
  readonly redis: Redis | Cluster | null;
  readonly now: () => number;
  /** Told what was refused, by the name of its setting. */
  readonly onLimited: (what: keyof LimitSettings) => void;
  /** Resolves after so many milliseconds. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/** Seconds after which a place may be free: told to whoever found none. */
const PLACE_RETRY_SECONDS = 5;

/** For how long whoever flooded a WebSocket gets no new one from the same address. */
const PENALTY_MS = 5_000;

/** Milliseconds, at the least and at the most, after which whoever comes back too early is refused: not all at the same moment. */
const HOLD_BACK_MS = { least: 500, most: 1_000 };
/** So many wait for that at a time; all others are refused at once. */
const MOST_HELD_BACK = 1_000;

const nothing: Release = () => undefined;

/** How much of everything one client may use, so that there is enough for the others. */
export class Limits {
  readonly #options: LimitsOptions;
  readonly #places: Tally;
  readonly #ofProcess = new MemoryTally();
  readonly #newConnections: Rate;
  readonly #newConnectionsPerAddress: Rate;
  readonly #publishes: Rate;
  /** Who was told to come later: tokens that have published what they may in this second, for example. */
  readonly #waits: Waits;
  readonly #pace: Pace;
  readonly #sleep: (ms: number) => Promise<unknown>;
  #heldBack = 0;

  constructor(options: LimitsOptions) {
    this.#options = options;
    const { settings, redis, now } = options;
    this.#waits = new Waits(now);
    this.#sleep = options.sleep ?? setTimeout;
    this.#pace = new Pace({ perSecond: settings.publishes, now, sleep: this.#sleep });
    this.#places = redis === null ? new MemoryTally() : new RedisTally({ redis });
    this.#newConnections = rate('process', settings.newConnections, null);
    this.#newConnectionsPerAddress = rate('address', settings.newConnectionsPerAddress, redis);
    this.#publishes = rate('publishes', settings.publishes, redis);
  }

  /**
   * Takes a place for a new connection. The address is null where none is counted.
   *
   * @throws TidingsError RATE_LIMITED; OVERLOADED the process can't take more
   */
  async connection(address: string | null): Promise<Release> {
    const { settings } = this.#options;
    if (address !== null) {
      await this.#checkWait('messages', address);
      await this.#checkWait('newConnectionsPerAddress', address);
    }
    await this.#checkWait('newConnections', '', 'OVERLOADED');
    // At once, so that those who wait for the rest are counted too.
    const place = await this.#place(this.#ofProcess, '', 'connections', 'OVERLOADED');
    try {
      // Whoever comes too often uses up nothing of what all share.
      if (address !== null)
        await this.#spend(this.#newConnectionsPerAddress, 'newConnectionsPerAddress', address, 1);
      await this.#spend(this.#newConnections, 'newConnections', '', 1, 'OVERLOADED');
      if (address === null || settings.connectionsPerAddress === 0) return place;
      return both(place, await this.#place(this.#places, `address:${address}`, 'connectionsPerAddress'));
    } catch (error) {
      place();
      throw error;
    }
  }

  /**
   * Counts an open connection for its user.
   *
   * @throws TidingsError RATE_LIMITED
   */
  async user({ workspace, userId }: Viewer): Promise<Release> {
    if (userId === null) return nothing;
    return this.#place(this.#places, `user:${JSON.stringify([workspace, userId])}`, 'connectionsPerUser');
  }

  /**
   * Takes a place for a stream over HTTP, which is a connection too.
   *
   * @throws TidingsError RATE_LIMITED, OVERLOADED
   */
  async stream(viewer: Viewer, address: string | null): Promise<Release> {
    let held = await this.connection(address);
    try {
      held = both(held, await this.user(viewer));
      if (address === null && viewer.userId === null) return held;
      const who = JSON.stringify([viewer.workspace, viewer.userId, address]);
      return both(held, await this.#place(this.#places, `stream:${who}`, 'streams'));
    } catch (error) {
      held();
      throw error;
    }
  }

  /**
   * To be asked before so many events are published with the viewer's token. Resolves when it is their turn.
   *
   * @throws TidingsError RATE_LIMITED
   */
  async publish(viewer: Viewer, events: number): Promise<void> {
    if (this.#options.settings.publishes === 0) return;
    await this.checkPublish(viewer);
    const key = tokenKey(viewer);
    await this.#spend(this.#publishes, 'publishes', key, events);
    await this.#pace.turn(key, events);
  }

  /**
   * Whether it is worth looking at what is to be published with the viewer's token. It costs next to nothing.
   *
   * @throws TidingsError RATE_LIMITED
   */
  async checkPublish(viewer: Viewer): Promise<void> {
    await this.#checkWait('publishes', tokenKey(viewer));
  }

  /** For the messages of one WebSocket. After a flood its address has to wait before it may connect again. */
  messages(address: string | null): Pick<TokenBucket, 'take'> {
    const { settings, now } = this.#options;
    const bucket = new TokenBucket({ perSecond: settings.messages, burst: settings.messageBurst, now });
    return {
      take: () => {
        const verdict = bucket.take();
        if (verdict !== 'fine') this.#options.onLimited('messages');
        if (verdict === 'abuse' && address !== null)
          this.#waits.begin(waitKey('messages', address), PENALTY_MS);
        return verdict;
      },
    };
  }

  async close(): Promise<void> {
    await this.#places.close();
  }

  /**
   * Whoever comes back before it was told to is answered late: a client that tries again at once, for ever, costs next to nothing then.
   *
   * @throws TidingsError
   */
  async #checkWait(what: keyof LimitSettings, key: string, code: ErrorCode = 'RATE_LIMITED'): Promise<void> {
    const waitMs = this.#waits.leftOf(waitKey(what, key));
    if (waitMs === 0) return;
    if (this.#heldBack < MOST_HELD_BACK) {
      this.#heldBack += 1;
      const { least, most } = HOLD_BACK_MS;
      await this.#sleep(least + Math.random() * (most - least));
      this.#heldBack -= 1;
    }
    throw this.#refused(what, code, Math.ceil(waitMs / 1_000));
  }

  async #place(
    tally: Tally,
    key: string,
    what: keyof LimitSettings,
    code: ErrorCode = 'RATE_LIMITED',
  ): Promise<Release> {
    const most = this.#options.settings[what];
    if (most === 0) return nothing;
    const release = await tally.take(key, most);
    if (release === undefined) throw this.#refused(what, code, PLACE_RETRY_SECONDS);
    return release;
  }

  async #spend(
    spend: Rate,
    what: keyof LimitSettings,
    key: string,
    points: number,
    code: ErrorCode = 'RATE_LIMITED',
  ): Promise<void> {
    const waitMs = await spend(key, points);
    if (waitMs === 0) return;
    // What was refused counts as well: nothing else gets through until then.
    this.#waits.begin(waitKey(what, key), waitMs);
    throw this.#refused(what, code, Math.ceil(waitMs / 1_000));
  }

  #refused(what: keyof LimitSettings, code: ErrorCode, retryAfter: number): TidingsError {
    this.#options.onLimited(what);
    return new TidingsError(code, refusals[what], { retryAfter });
  }
}

function waitKey(what: keyof LimitSettings, key: string): string {
  return `${what} ${key}`;
}

function tokenKey({ workspace, userId, tokenId }: Viewer): string {
  return JSON.stringify([workspace, userId, tokenId]);
}

const refusals: Readonly<Record<keyof LimitSettings, string>> = {
  connections: 'The server has as many connections as it takes; come back later.',
  connectionsPerUser: 'This user has as many connections as are allowed.',
  connectionsPerAddress: 'There are as many connections from this address as are allowed.',
  newConnections: 'Too many are connecting at once; come back later.',
  newConnectionsPerAddress: 'There are too many new connections from this address.',
  messages: 'There were too many messages from this address.',
  messageBurst: 'There are too many messages on this connection.',
  publishes: 'Too many events are published with this token.',
  streams: 'This user has as many streams from this address as are allowed.',
};

/** Spends points of a key; milliseconds to wait where there are not enough, else 0. */
type Rate = (key: string, points: number) => Promise<number>;

/** Where Redis can't be asked, each process counts by itself. */
function rate(name: string, perSecond: number, redis: Redis | Cluster | null): Rate {
  if (perSecond === 0) return async () => 0;
  const options = { keyPrefix: `tidings:limits:${name}`, points: perSecond, duration: 1 };
  const memory = new RateLimiterMemory(options);
  const limiter =
    redis === null
      ? memory
      : new RateLimiterRedis({
          ...options,
          storeClient: redis,
          insuranceLimiter: memory,
          rejectIfRedisNotReady: true,
        });
  return async (key, points) => {
    try {
      // A batch that is larger than a second's worth takes a whole one.
      await limiter.consume(key, Math.min(points, perSecond));
      return 0;
    } catch (refused) {
      // A second at the most, but where the clock was put back meanwhile, by which this goes.
      if (refused instanceof RateLimiterRes) return Math.min(1_000, Math.max(1, refused.msBeforeNext));
      throw refused;
    }
  };
}

function both(one: Release, other: Release): Release {
  return () => {
    one();
    other();
  };
}
