import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisTiming } from './clients.ts';
import { keepAwake, reportOutages } from './link.ts';

export interface SubscriberOptions {
  readonly client: Redis;
  readonly timing: RedisTiming;
  /** All wanted channels are subscribed again after a loss: messages of the time between are missing. */
  readonly onBack: () => void;
  readonly onError: (error: Error) => void;
}

/**
 * The connection that messages come over, as RedisPubSub needs one. It wants channels rather than to send commands: it
 * subscribes them whenever it is connected, and so never fails. RedisPubSub can't deal with failure: a SUBSCRIBE or
 * UNSUBSCRIBE that is refused leaves a promise behind that is rejected and looked at by nobody, which ends the process.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  /** Wanted channels, each with who waits to hear that it is subscribed. */
  readonly #channels = new Map<string, (() => void)[]>();
  readonly #stopPinging: () => void;

  constructor(options: SubscriberOptions) {
    const { client, timing, onError } = options;
    this.#options = options;
    reportOutages(client, onError);
    client.on('ready', () => void this.#subscribeAll());
    this.#stopPinging = keepAwake(client, timing);
  }

  get isReady(): boolean {
    return this.#options.client.status === 'ready';
  }

  close(): void {
    this.#channels.clear();
    this.#stopPinging();
  }

  // What RedisPubSub calls.

  on(event: 'message', listener: (channel: string, message: string) => void): this {
    this.#options.client.on(event, listener);
    return this;
  }

  /** Calls back, without an error, when it is subscribed for the first time, however long that takes. */
  subscribe(channel: string, onSubscribed: () => void): void {
    const waiting = this.#channels.get(channel) ?? [];
    waiting.push(onSubscribed);
    this.#channels.set(channel, waiting);
    if (this.isReady) void this.#send([channel]);
  }

  unsubscribe(channel: string): void {
    this.#channels.delete(channel);
    // Where the connection is gone so is the subscription.
    if (this.isReady) this.#options.client.unsubscribe(channel).catch(() => undefined);
  }

  /** Patterns are not used; RedisPubSub unsubscribes both kinds. */
  punsubscribe(): void {}

  async #subscribeAll(): Promise<void> {
    const channels = [...this.#channels.keys()];
    if (channels.length > 0 && (await this.#send(channels))) this.#options.onBack();
  }

  /** Whether Redis has confirmed them. */
  async #send(channels: readonly string[]): Promise<boolean> {
    const wanted = channels.filter((channel) => this.#channels.has(channel));
    if (wanted.length === 0) return false;
    try {
      await this.#options.client.subscribe(...wanted);
    } catch (error) {
      const { name, message } = error as Error;
      // A refusal, of an ACL for one, is for the operator.
      if (name === 'ReplyError') {
        this.#options.onError(new Error(`Redis refuses a subscription: ${message}`));
        return false;
      }
      // A connection that is ending still says that it is ready, and refuses at once: without a pause it would not come to its end.
      await pause(this.#options.timing.pingMs, undefined, { ref: false });
      // Lost with its connection: the next one subscribes again. Else only late, and twice does no harm.
      return this.isReady && this.#send(wanted);
    }
    for (const channel of wanted) {
      for (const onSubscribed of this.#channels.get(channel)?.splice(0) ?? []) onSubscribed();
    }
    return true;
  }
}
