/** Several servers, each a process with a directory of its own, on one Redis of the tests; their publishers and subscribers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCursor } from '../../src/events/position.ts';
import type { Told } from '../support/log-checker.ts';
import { ServerProcess } from '../support/process.ts';
import { RedisServer } from '../support/redis.ts';
import { tokenFor } from '../support/server.ts';
import { TestSocket, type Message } from '../support/socket.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

export const token = tokenFor();

/** A server with what stands between it and Redis, and between its clients and it. */
export interface Member {
  /** Another one once it was started again. */
  server: ServerProcess;
  readonly link: TcpProxy;
  readonly front: TcpProxy;
}

export interface ClusterOptions {
  readonly servers: number;
  /** Of the servers, beside what they need. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Lines of redis.conf. */
  readonly redis?: readonly string[];
}

const durable = ['appendonly yes', 'appendfsync always'];

export class Cluster implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly members: readonly Member[];
  readonly #directory: string;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(
    redis: RedisServer,
    members: readonly Member[],
    directory: string,
    environment: Readonly<Record<string, string>>,
  ) {
    this.redis = redis;
    this.members = members;
    this.#directory = directory;
    this.#environment = environment;
  }

  static async start({
    servers,
    environment = {},
    redis: config = durable,
  }: ClusterOptions): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), 'tidings-processes-'));
    const redis = await RedisServer.start({ config });
    const members = await Promise.all(
      Array.from({ length: servers }, async (_, index): Promise<Member> => {
        const link = await TcpProxy.start(redis.url);
        const REDIS_URL = link.url.replace('http', 'redis');
        const server = await ServerProcess.start(join(directory, String(index)), {
          ...environment,
          REDIS_URL,
        });
        return { server, link, front: await TcpProxy.start(server.url) };
      }),
    );
    return new Cluster(redis, members, directory, environment);
  }

  /** Going round. */
  member(index: number): Member {
    return this.members[index % this.members.length]!;
  }

  /** Asks a server to end, and starts another one in its place. Tells the exit code of the first. */
  async restart(index: number): Promise<number | null> {
    const member = this.member(index);
    const { server, link } = member;
    await server.kill('SIGTERM');
    const REDIS_URL = link.url.replace('http', 'redis');
    member.server = await ServerProcess.start(join(this.#directory, String(index)), {
      ...this.#environment,
      REDIS_URL,
    });
    return server.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.members.map(async ({ server, link, front }) => {
        await server[Symbol.asyncDispose]();
        await Promise.all([link[Symbol.asyncDispose](), front[Symbol.asyncDispose]()]);
      }),
    );
    await this.redis[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Runs a test on a cluster of its own. */
export async function onCluster(
  options: ClusterOptions,
  test: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  await using cluster = await Cluster.start(options);
  await test(cluster);
}

interface Refusal {
  readonly message: string;
  readonly extensions: Readonly<Record<string, unknown>>;
}

// Tests look into results as they expect them; a wrong look fails there.
// oxlint-disable-next-line typescript/no-explicit-any
type Data = any;

export interface Answer {
  readonly status: number;
  readonly data?: Data;
  readonly errors?: readonly Refusal[];
}

export async function graphql(
  url: string,
  query: string,
  variables: unknown = {},
  bearer = token,
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, ...((await response.json()) as object) };
}

export const ANNOUNCE = 'mutation ($input: AnnounceInput!) { announce(input: $input) { cursor duplicate } }';

export const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What was acknowledged, and how often it took more than one attempt. */
export class Publishers {
  readonly acknowledged: Told[] = [];
  retries = 0;
  /** Acknowledged as duplicates: the answer to the first attempt was lost. */
  known = 0;

  readonly #label: string;

  /** `label` keeps what they publish apart from what others do. */
  constructor(label: string) {
    this.#label = label;
  }

  /** With one idempotency key until it is acknowledged. `urlOf` is asked for the server at each attempt. */
  async publish(urlOf: () => string, name: string): Promise<string> {
    const content = `${this.#label}: ${name}`;
    const input = { message: content, idempotencyKey: content };
    for (let attempt = 0; ; attempt++) {
      const answer = await graphql(urlOf(), ANNOUNCE, { input }).catch(() => undefined);
      if (answer?.data?.announce) {
        const { cursor, duplicate } = answer.data.announce as { cursor: string; duplicate: boolean };
        this.acknowledged.push({ cursor, content });
        this.retries += attempt;
        if (duplicate) this.known++;
        return cursor;
      }
      const code = answer?.errors?.[0]?.extensions['code'];
      if (answer !== undefined && code !== 'STORE_UNAVAILABLE')
        throw new Error(`refused: ${JSON.stringify(answer)}`);
      await pause(20);
    }
  }

  /** Events of one publisher, one after the other. */
  async publishMany(urlOf: () => string, name: string, count: number): Promise<void> {
    for (let index = 0; index < count; index++) await this.publish(urlOf, `${name}-${index}`);
  }
}

export interface Ended {
  readonly code: unknown;
  readonly headCursor: unknown;
}

export const EVERYTHING =
  'subscription ($after: Cursor) { event: events(after: $after) { cursor ... on Announcement { content: message } } }';

export interface SubscriberOptions {
  readonly name: string;
  readonly after: string;
  /** The server to go to, asked at each attempt. */
  readonly urlOf: () => string;
}

/** A client that resumes by itself, wherever its connection may have gone to, until it is told that its cursor has expired. */
export class Subscriber implements Disposable {
  readonly name: string;
  readonly after: string;
  readonly events: Told[] = [];
  connections = 0;
  /** What its connections ended with, so far. */
  readonly closeCodes: number[] = [];
  /** Why there is no going on; undefined as long as there is. */
  expired: Ended | undefined;
  readonly #urlOf: () => string;
  #socket: TestSocket | undefined;
  #isOver = false;
  #changed: () => void = () => undefined;

  constructor({ name, after, urlOf }: SubscriberOptions) {
    this.name = name;
    this.after = after;
    this.#urlOf = urlOf;
    void this.#run();
  }

  /** Cuts its connection. */
  cut(): void {
    this.#socket?.socket.terminate();
  }

  async until(isSo: (subscriber: this) => boolean): Promise<void> {
    while (!isSo(this)) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  /** Until it has seen the event of this cursor. */
  async untilSeen(cursor: string): Promise<void> {
    const { offset } = decodeCursor(cursor).position;
    await this.until(({ events: [...events] }) => {
      const last = events.at(-1);
      return last !== undefined && decodeCursor(last.cursor).position.offset >= offset;
    });
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#listen();
      } catch {
        await pause(20);
      }
    }
  }

  async #listen(): Promise<void> {
    const url = `${this.#urlOf().replace('http', 'ws')}/graphql`;
    const socket = new TestSocket(url);
    this.#socket = socket;
    await socket.opened();
    void socket.closed.then(({ code }) => this.closeCodes.push(code));
    socket.send({ type: 'connection_init', payload: { token } });
    await socket.receive();
    this.connections++;
    socket.subscribe('1', EVERYTHING, { after: this.events.at(-1)?.cursor ?? this.after });
    for (;;) {
      const message = await socket.receive();
      if (message.type === 'next')
        this.events.push((message.payload as { data: { event: Told } }).data.event);
      if (message.type === 'error') this.#fail(message);
      this.#changed();
      if (message.type === 'error' || message.type === 'complete') return socket[Symbol.dispose]();
    }
  }

  #fail(message: Message): void {
    const [{ extensions }] = message.payload as [Refusal];
    if (extensions['code'] !== 'CURSOR_EXPIRED') return;
    this.expired = { code: extensions['code'], headCursor: extensions['headCursor'] };
    this.#isOver = true;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.cut();
  }
}

export function subscribers(count: number, after: string, urlOf: (index: number) => string): Subscriber[] {
  return Array.from(
    { length: count },
    (_, index) => new Subscriber({ name: `client ${index}`, after, urlOf: () => urlOf(index) }),
  );
}

/** The same numbers for the same seed, from 0 to 1. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** TEST_SEED repeats what a failed run printed. */
export function someSeed(): number {
  return Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
}
