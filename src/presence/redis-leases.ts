import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';
import { TidingsError } from '../errors.ts';
import { storeUnavailable } from '../store/store.ts';
import type { Claim, Held, Hold, LeaseTable, MemberRef, Renewed } from './leases.ts';

export interface RedisLeasesOptions {
  /**
   * A connection that neither queues nor resends by itself, and on which no command waits forever. It is up to its maker to end.
   */
  readonly redis: Redis | Cluster;
  /** How all keys begin; `tidings` when absent. Servers with the same one share their leases. */
  readonly prefix?: string;
  /** For tests: a clock in milliseconds. Redis' own when absent, the same for all processes. */
  readonly now?: () => number;
}

/** What a script answers: tables are arrays, which end at the first nil, and numbers are whole. */
type Reply = string | number | null | readonly Reply[];

type Operation =
  'hold' | 'renew' | 'adopt' | 'expired' | 'claim' | 'evict' | 'stands' | 'settle' | 'giveBack';

/** What leases.lua and workspaces.lua are to the client. */
type Scripts = Readonly<
  Record<'tidings_leases' | 'tidings_workspaces', (...values: (string | number)[]) => Promise<Reply>>
>;

/** Members in one script: others wait while it runs. */
const STEP = 200;

/** Refusals of Redis that pass, and that of leases.lua. */
const PASSING =
  /\b(?:OVERTAKEN|READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|UNKILLABLE)\b/;
const FULL = /\b(?:OOM|MISCONF)\b/;

/**
 * The leases of many servers that share a Redis, by Redis' clock. They outlive each of the servers: what a server held that died
 * runs out, and whichever comes first takes it out.
 *
 * Every call is one Lua script, sent at once, so that calls of one process arrive in their order. One that is overtaken all the
 * same, by way of an old connection or another node of a cluster, is refused there: it fails, as its caller has been told mostly
 * already, and can't undo what came after it.
 *
 * @throws TidingsError STORE_UNAVAILABLE, STORE_FULL, from every method: it may have taken effect, or not
 */
export class RedisLeases implements LeaseTable {
  readonly #redis: Redis | Cluster;
  readonly #scripts: Scripts;
  readonly #prefix: string;
  readonly #now: (() => number) | undefined;
  /** Tells this process from others. */
  readonly #caller = randomUUID();
  #calls = 0;

  constructor({ redis, prefix = 'tidings', now }: RedisLeasesOptions) {
    redis.defineCommand('tidings_leases', { lua: source('leases') });
    redis.defineCommand('tidings_workspaces', { lua: source('workspaces'), numberOfKeys: 1 });
    this.#redis = redis;
    this.#scripts = redis as unknown as Scripts;
    this.#prefix = prefix;
    this.#now = now;
  }

  async hold({ member, holder }: Hold, ms: number): Promise<Held> {
    const { workspace } = member;
    const held = await this.#filling(workspace, 'hold', ms, keyOf(member), JSON.stringify(holder));
    const [expiresAt, seenAt, contested] = held as [number, number, number];
    return { expiresAt, seenAt, contested: contested === 1 };
  }

  async renew<H extends Hold>(holds: readonly H[], ms: number): Promise<Renewed<H>> {
    const contested: H[] = [];
    const gone: H[] = [];
    const renewed = inSteps(holds, ({ member }) => member).map(async ([workspace, some]) => {
      const values = some.flatMap(({ member, holder }) => [keyOf(member), JSON.stringify(holder)]);
      const results = (await this.#filling(workspace, 'renew', ms, ...values)) as readonly number[];
      for (const [index, hold] of some.entries()) {
        if (results[index] === 0) gone.push(hold);
        if (results[index] === 2) contested.push(hold);
      }
    });
    await Promise.all(renewed);
    return { contested, gone };
  }

  async adopt(
    members: readonly { readonly member: MemberRef; readonly seenAt: number }[],
    ms: number,
  ): Promise<void> {
    const adopted = inSteps(members, ({ member }) => member).map(async ([workspace, some]) => {
      await this.#filling(
        workspace,
        'adopt',
        ms,
        ...some.flatMap(({ member, seenAt }) => [keyOf(member), seenAt]),
      );
    });
    await Promise.all(adopted);
  }

  async seen(members: readonly MemberRef[]): Promise<readonly (number | undefined)[]> {
    const rows = inSteps(members, (member) => member).map(async ([workspace, some]) => {
      const found = await refusing(() => this.#redis.hmget(this.#keys(workspace)[0], ...some.map(keyOf)));
      return some.map((member, index) => [member, found[index]] as const);
    });
    const byMember = new Map((await Promise.all(rows)).flat());
    return members.map((member) => {
      const row = byMember.get(member);
      return typeof row === 'string' ? (JSON.parse(row) as { seen: number }).seen : undefined;
    });
  }

  async expired(limit: number): Promise<readonly MemberRef[]> {
    const workspaces = await refusing(() => this.#scripts.tidings_workspaces(this.#workspacesKey));
    const pages = (workspaces as readonly string[]).map(async (text) => {
      const workspace = JSON.parse(text) as string;
      const members = (await this.#call(workspace, 'expired', limit)) as readonly string[];
      return members.map((member) => refOf(workspace, member));
    });
    return (await Promise.all(pages)).flat().slice(0, limit);
  }

  async claim(member: MemberRef, ms: number): Promise<Claim | undefined> {
    const id = randomUUID();
    const seenAt = await this.#call(member.workspace, 'claim', ms, keyOf(member), id);
    return seenAt === null ? undefined : this.#claimOf(member, id, seenAt as number);
  }

  async evict(member: MemberRef, ms: number): Promise<Claim> {
    const id = randomUUID();
    const seenAt = await this.#filling(member.workspace, 'evict', ms, keyOf(member), id);
    return this.#claimOf(member, id, seenAt as number);
  }

  #claimOf(member: MemberRef, id: string, seenAt: number): Claim {
    const call = async (operation: Operation, ms: number | '' = ''): Promise<Reply> =>
      this.#call(member.workspace, operation, ms, keyOf(member), id);
    return {
      seenAt,
      stands: async () => (await call('stands')) === 1,
      settle: async (againMs) => void (await call('settle', againMs ?? '')),
      giveBack: async () => void (await call('giveBack')),
    };
  }

  /**
   * A call that may put the first member into a workspace. Before it resolves, every process finds the workspace: a member whose
   * event is in the log can't be overlooked.
   */
  async #filling(
    workspace: string,
    operation: Operation,
    ms: number,
    ...values: readonly (string | number)[]
  ): Promise<Reply> {
    const [reply] = await Promise.all([
      this.#call(workspace, operation, ms, ...values),
      // Another slot of a cluster, so it can't be the same script.
      refusing(() => this.#scripts.tidings_workspaces(this.#workspacesKey, JSON.stringify(workspace))),
    ]);
    return reply;
  }

  async #call(
    workspace: string,
    operation: Operation,
    number: number | '',
    ...values: readonly (string | number)[]
  ): Promise<Reply> {
    const keys = this.#keys(workspace);
    const time = this.#now?.() ?? '';
    return refusing(() =>
      this.#scripts.tidings_leases(keys.length, ...keys, operation, ++this.#calls, time, number, ...values),
    );
  }

  /** As leases.lua names them, with the hash tag of the workspace's presence log. */
  #keys(workspace: string): [string, string, string] {
    const tag = `${this.#prefix}:{presence/${plain(workspace)}}`;
    return [`${tag}:leases`, `${tag}:due`, `${tag}:caller:${this.#caller}`];
  }

  get #workspacesKey(): string {
    return `${this.#prefix}:presence`;
  }
}

async function refusing<Result>(send: () => Promise<Result>): Promise<Result> {
  try {
    return await send();
  } catch (error) {
    const { name, message } = error as Error;
    // Connections fail with many names, Redis with one.
    if (name !== 'ReplyError' || PASSING.test(message)) throw storeUnavailable(error);
    if (FULL.test(message)) throw new TidingsError('STORE_FULL', undefined, {}, { cause: error });
    throw error;
  }
}

/** By workspace, in their order, and not too many at a time. */
function inSteps<Item>(
  items: readonly Item[],
  memberOf: (item: Item) => MemberRef,
): [workspace: string, Item[]][] {
  const steps: [string, Item[]][] = [];
  const last = new Map<string, Item[]>();
  for (const item of items) {
    const { workspace } = memberOf(item);
    let step = last.get(workspace);
    if (step === undefined || step.length === STEP) {
      step = [];
      last.set(workspace, step);
      steps.push([workspace, step]);
    }
    step.push(item);
  }
  return steps;
}

/** JSON escapes what UTF-8 can't hold. */
function keyOf({ room, userId }: MemberRef): string {
  return JSON.stringify([room, userId]);
}

function refOf(workspace: string, key: string): MemberRef {
  const [room, userId] = JSON.parse(key) as [string, string];
  return { workspace, room, userId };
}

/** As the store does it: without braces, which end a hash tag, and without unpaired surrogates, which are all the same in UTF-8. */
function plain(text: string): string {
  return text.replace(/[^\w./-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function source(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}
