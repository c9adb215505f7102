import { RedisPubSub } from 'graphql-redis-subscriptions';
import type { Redis } from 'ioredis';
import type { Entry } from '../../events/event.ts';
import { storeUnavailable, type Unwatch } from '../store.ts';
import type { RedisClients, RedisTiming } from './clients.ts';
import { publishedEntries, type Message } from './stored.ts';
import { Subscriber } from './subscriber.ts';

type Watcher = (entries: readonly Entry[]) => void;

/** One log that is watched: subscribed once, however many watch. */
interface Watched {
  readonly watchers: Set<Watcher>;
  readonly subscribed: Promise<void>;
  /** Ends the subscription; undefined while it is being made. RedisPubSub would keep half of one that is ended sooner. */
  id: number | undefined;
}

/** Tells the watchers of this process what any process appends. */
export class Wakeups {
  readonly #subscriber: Subscriber;
  readonly #pubsub: RedisPubSub;
  readonly #timing: RedisTiming;
  readonly #onError: (error: Error) => void;
  /** By channel. */
  readonly #watched = new Map<string, Watched>();

  constructor({ commands, subscriber }: RedisClients, timing: RedisTiming, onError: (error: Error) => void) {
    this.#timing = timing;
    this.#onError = onError;
    this.#subscriber = new Subscriber({
      client: subscriber,
      timing,
      onBack: () => {
        for (const { watchers } of this.#watched.values()) this.#tell(watchers, []);
      },
      onError,
    });
    // Nothing is published through it: append.lua does, in the step that appends.
    this.#pubsub = new RedisPubSub({ publisher: commands, subscriber: this.#subscriber as unknown as Redis });
  }

  get isReady(): boolean {
    return this.#subscriber.isReady;
  }

  /** @throws TidingsError STORE_UNAVAILABLE */
  async watch(channel: string, onAppended: Watcher): Promise<Unwatch> {
    if (!this.isReady) throw storeUnavailable(new Error('there is no connection to Redis'));
    const watched = this.#watched.get(channel) ?? this.#subscribe(channel);
    // A function of its own for each call: the same callback may watch twice.
    const watcher: Watcher = (entries) => onAppended(entries);
    const leave = (): void => {
      if (watched.watchers.delete(watcher)) this.#endUnused(channel, watched);
    };
    watched.watchers.add(watcher);
    if (await isDoneWithin(watched.subscribed, this.#timing.commandMs)) return leave;
    leave();
    throw storeUnavailable(new Error('Redis does not answer to a subscription'));
  }

  close(): void {
    this.#watched.clear();
    this.#subscriber.close();
  }

  #subscribe(channel: string): Watched {
    const watchers = new Set<Watcher>();
    const onMessage = (message: Message): void => this.#tell(watchers, entriesOf(message));
    const subscribed = this.#pubsub.subscribe<Message>(channel, onMessage).then((id) => {
      watched.id = id;
      this.#endUnused(channel, watched);
    });
    const watched: Watched = { watchers, subscribed, id: undefined };
    this.#watched.set(channel, watched);
    return watched;
  }

  #endUnused(channel: string, { watchers, id }: Watched): void {
    if (watchers.size > 0 || id === undefined) return;
    this.#watched.delete(channel);
    this.#pubsub.unsubscribe(id);
  }

  #tell(watchers: ReadonlySet<Watcher>, entries: readonly Entry[]): void {
    for (const watcher of watchers) {
      try {
        watcher(entries);
      } catch (error) {
        this.#onError(error as Error);
      }
    }
  }
}

/** Anybody who gets at Redis can publish: what is not one of our messages only says that the log should be looked at. */
function entriesOf(message: Message): readonly Entry[] {
  try {
    return publishedEntries(message);
  } catch {
    return [];
  }
}

async function isDoneWithin(done: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
