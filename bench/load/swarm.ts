import { createHistogram } from 'node:perf_hooks';
import { HEARD, SUBSCRIPTION, targets, UNHEARD, type BenchEvent, type TargetName } from '../targets.ts';
import { Client } from './client.ts';
import { HttpClient } from './http-client.ts';

export interface SwarmOptions {
  readonly target: TargetName;
  readonly url: string;
  readonly token: string;
  readonly clients: number;
  /** Into how many streams the events are parted; each client listens to one. With 1 there is no filter. */
  readonly streams: number;
}

export interface Delivered {
  /** Events that were delivered, to however many. */
  readonly deliveries: number;
  /** From the request that published an event to its arrival; milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** So many handshakes at a time. */
const CONNECTING = 100;
/** Without any event for so long, what is missing won't come. */
const PATIENCE_MS = 30_000;

interface Member {
  readonly stream: number;
  client: Client | undefined;
  /** Number of its newest event, 0 before the first. */
  last: number;
  isAwaited: boolean;
  /** It has stopped reading: servers may lose patience with it, which it notices when it reads again. */
  mayBeCutOff: boolean;
}

/** A place in the stream of a swarm with one stream. */
export interface Place {
  readonly cursor: string;
  readonly seq: number;
}

/** Many subscribers of one server, and who publishes to them. Checks that each gets every event of its stream, in order. */
export class Swarm {
  readonly #options: SwarmOptions;
  readonly #http: HttpClient;
  readonly #members: Member[] = [];
  /** Of each stream, the number of the newest event, and when events were sent. */
  readonly #newest: number[];
  #sentAt: number[][] = [];
  #turn = 0;
  #cursor = '';
  readonly #latencies = createHistogram();
  #deliveries = 0;
  /** Awaited members that have not got the newest event of their stream. */
  #behind = 0;
  #cutOff = 0;
  #fault: string | undefined;
  #wake: () => void = () => undefined;

  private constructor(options: SwarmOptions) {
    this.#options = options;
    this.#http = new HttpClient(options, 1);
    this.#newest = Array.from({ length: options.streams }, () => 0);
    this.forgetTimes();
  }

  /** Resolves when everybody has got an event: all are live. */
  static async open(options: SwarmOptions): Promise<Swarm> {
    const swarm = new Swarm(options);
    const { prepare, publishPath } = targets[options.target];
    for (const body of prepare) await swarm.#http.post(publishPath, body);
    await swarm.grow(options.clients);
    return swarm;
  }

  /** Connects so many more. Resolves when everybody has got an event. */
  async grow(clients: number): Promise<void> {
    await this.join(clients);
    await this.#warmUp();
  }

  /**
   * Connects so many more, who subscribe from now on, or go on from a place. Those try again who are sent away meanwhile, as real clients do:
   * resolves with how often.
   */
  async join(clients: number, from?: Place): Promise<number> {
    const { streams } = this.#options;
    const joining = Array.from({ length: clients }, (_, i): Member => {
      return {
        stream: i % streams,
        client: undefined,
        last: from?.seq ?? 0,
        isAwaited: true,
        mayBeCutOff: false,
      };
    });
    for (const member of joining) this.#members.push(member);
    this.#count();
    const left = joining.values();
    let failures = 0;
    const worker = async (): Promise<void> => {
      for (const member of left) {
        while (member.client === undefined) {
          try {
            member.client = await this.#open(member, from?.cursor);
          } catch (error) {
            if (++failures > clients) throw error;
          }
        }
      }
    };
    await Promise.all(Array.from({ length: CONNECTING }, worker));
    return failures;
  }

  /** Behind the newest event. */
  get place(): Place {
    return { cursor: this.#cursor, seq: this.#newest[0]! };
  }

  /** Publishes that many events, to all streams in turn, in one request. Resolves when they are acknowledged. */
  async publish(count: number, padding = 0): Promise<void> {
    const events: BenchEvent[] = [];
    for (let i = 0; i < count; i++) {
      const stream = this.#turn++ % this.#options.streams;
      const seq = ++this.#newest[stream]!;
      this.#sentAt[stream]![seq] = performance.now();
      events.push({ repoId: HEARD, author: authorOf(stream), seq, padding });
    }
    this.#count();
    await this.#post(events);
  }

  /** Publishes events that nobody listens to. */
  async publishUnheard(count: number, padding = 0): Promise<void> {
    const author = authorOf(0);
    await this.#post(
      Array.from({ length: count }, () => ({ repoId: UNHEARD, author, seq: ++this.#turn, padding })),
    );
  }

  /** Resolves when all that are awaited have got all. */
  async caughtUp(): Promise<void> {
    for (let seen = -1; this.#behind > 0 && this.#fault === undefined;) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, PATIENCE_MS);
      });
      clearTimeout(timer);
      if (seen === this.#deliveries) this.#fault ??= `${this.#behind} clients wait in vain for an event`;
      seen = this.#deliveries;
    }
    if (this.#fault !== undefined) throw new Error(this.#fault);
  }

  /** As `caughtUp`; tells about what came since the last time. */
  async settled(): Promise<Delivered> {
    await this.caughtUp();
    const { count } = this.#latencies;
    const at = (percentile: number): number =>
      count === 0 ? 0 : this.#latencies.percentile(percentile) / 1_000;
    const delivered = { deliveries: this.#deliveries, p50: at(50), p99: at(99) };
    this.#latencies.reset();
    this.#deliveries = 0;
    return delivered;
  }

  /** The first of them stop reading, and are not waited for. */
  pause(clients: number): void {
    for (const member of this.#members.slice(0, clients)) {
      member.client?.pause();
      member.isAwaited = false;
      member.mayBeCutOff = true;
    }
    this.#count();
  }

  /** All read, and are waited for. */
  resume(): void {
    for (const member of this.#members) {
      member.isAwaited = true;
      member.client?.resume();
    }
    this.#count();
  }

  /** How many have lost their connections because they had stopped reading. They are not waited for. */
  get cutOff(): number {
    return this.#cutOff;
  }

  /** What was sent up to now is late, and how late tells nothing. */
  forgetTimes(): void {
    this.#sentAt = this.#newest.map(() => []);
  }

  close(): void {
    for (const { client } of this.#members) client?.destroy();
    this.#http.close();
  }

  #open(member: Member, after: string | undefined): Promise<Client> {
    const { target, url, token, streams } = this.#options;
    const { hostname, port } = new URL(url);
    const { path, protocol } = targets[target];
    return Client.open({
      host: hostname,
      port: Number(port),
      path,
      protocol,
      init: { authorization: `Bearer ${token}` },
      subscribe: {
        query: SUBSCRIPTION,
        variables: {
          ...(streams === 1 ? {} : { author: authorOf(member.stream) }),
          ...(after === undefined ? {} : { after }),
        },
      },
      onEvent: (seq) => this.#arrived(member, seq),
      onMistake: (what) => this.#fail(`a client got ${what}`),
      onClosed: (reason) => {
        if (!member.mayBeCutOff) return this.#fail(reason);
        this.#cutOff++;
        member.isAwaited = false;
        this.#count();
        if (this.#behind === 0) this.#wake();
      },
    });
  }

  /** Subscriptions are not acknowledged: who is still being subscribed may miss an event, and gets a later one. */
  async #warmUp(): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      await this.publish(this.#options.streams);
      for (let seen = -1; this.#behind > 0 && seen !== this.#deliveries;) {
        seen = this.#deliveries;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      if (this.#behind === 0 || this.#fault !== undefined) {
        await this.settled();
        return;
      }
    }
    throw new Error(`${this.#behind} clients were never subscribed`);
  }

  async #post(events: readonly BenchEvent[]): Promise<void> {
    const { publish, publishPath } = targets[this.#options.target];
    const { publishEvents } = await this.#http.post(publishPath, publish(events));
    this.#cursor = (publishEvents as { cursors: string[] } | undefined)?.cursors.at(-1) ?? '';
  }

  #arrived(member: Member, seq: number): void {
    if (member.last !== 0 && seq !== member.last + 1) {
      return this.#fail(`a client got event ${seq} after event ${member.last}`);
    }
    member.last = seq;
    this.#deliveries++;
    const sentAt = this.#sentAt[member.stream]![seq];
    if (sentAt !== undefined) this.#latencies.record(1 + Math.round((performance.now() - sentAt) * 1_000));
    if (member.isAwaited && !this.#isBehind(member) && --this.#behind === 0) this.#wake();
  }

  #isBehind(member: Member): boolean {
    return member.last < this.#newest[member.stream]!;
  }

  #count(): void {
    this.#behind = 0;
    for (const member of this.#members) if (member.isAwaited && this.#isBehind(member)) this.#behind++;
  }

  #fail(reason: string): void {
    this.#fault ??= reason;
    this.#wake();
  }
}

const authorOf = (stream: number): string => `author-${stream}`;
