import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StatsDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';
import {
  isRefused,
  mutationFor,
  projects,
  requestFor,
  shown,
  someEvent,
  someOperations,
  someViewer,
  workflows,
  workspaces,
  type Event,
  type Operation,
  type Viewer,
} from './sharing-model.ts';

/** Printed, and taken from there again: `SHARING_SEED=1 npx vitest run test/access/sharing.test.ts`. */
const seed = Number(process.env['SHARING_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Everybody asks for everything, so that as much is shared as may be. */
const round = fc.record({
  viewers: fc.array(someViewer, { minLength: 3, maxLength: 6 }),
  operations: fc.array(someOperations, { minLength: 2, maxLength: 4 }).map((some) => some.flat()),
  events: fc.array(someEvent, { minLength: 4, maxLength: 14 }),
  /** Whether subscriptions begin when everything has been published; taken in turn. */
  isLate: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
});

interface Subscriber {
  readonly viewer: Viewer;
  readonly socket: TestSocket;
}

describe('viewers who share operations', () => {
  let server: TestServer;
  let texts = 0;
  let shared = 0;

  beforeAll(async () => {
    console.log(`sharing: seed ${seed}`);
    server = await TestServer.start({ environment: { ANONYMOUS_PROJECTS: 'open' } });
    for (const workspace of workspaces) {
      const admin = { token: server.token({ workspace }) };
      for (const id of projects) await server.run(UpsertProjectDocument, { input: { id, name: id } }, admin);
    }
    // An id that nobody knows yet is refused to nobody.
    await publish(
      workspaces.flatMap((workspace) =>
        workflows.map((workflow) => ({ ...first, workspace, workflow, project: workflow.split('-')[0]! })),
      ),
    );
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const first: Omit<Event, 'workspace' | 'workflow' | 'project'> = {
    is: 'workflow',
    actor: 'ci',
    severity: 'LOW',
    rule: 'slow',
    to: 'ann',
    text: 'first',
  };

  /** In their order, those of each workspace in one request. */
  async function publish(events: readonly Event[]): Promise<void> {
    for (const workspace of workspaces) {
      const mutations = events.filter((each) => each.workspace === workspace).map(mutationFor);
      if (mutations.length === 0) continue;
      const declared = mutations.map(([, type], index) => `$input${index}: ${type}!`).join(', ');
      const called = mutations.map(
        ([field], index) => `m${index}: ${field}(input: $input${index}) { cursor }`,
      );
      const inputs = mutations.map(([, , input], index) => [`input${index}`, input] as const);
      await server.run(`mutation (${declared}) { ${called.join(' ')} }`, Object.fromEntries(inputs), {
        token: server.token({ workspace }),
      });
    }
  }

  const statsOf = async (workspace: string) =>
    (await server.run(StatsDocument, {}, { token: server.token({ workspace }) })).stats;

  async function connect({ workspace, user, projects: mine, mayRead }: Viewer): Promise<TestSocket> {
    const claims = {
      sub: user ?? '',
      workspace,
      projects: mine as '*' | string[],
      scope: mayRead ? 'read' : 'publish',
    };
    const payload = user === null ? {} : { token: server.token(claims) };
    return TestSocket.connect(server.webSocketUrl, payload);
  }

  /** Subscribes to those chosen, and resolves when so many as are let in are live. */
  async function subscribe(
    subscribers: readonly Subscriber[],
    operations: readonly Operation[],
    heads: ReadonlyMap<string, string>,
    isChosen: (who: number, what: number) => boolean,
    live: Map<string, number>,
  ): Promise<void> {
    for (const [who, { viewer: one, socket }] of subscribers.entries()) {
      for (const [what, each] of operations.entries()) {
        if (!isChosen(who, what)) continue;
        const { query, variables } = requestFor(each);
        socket.subscribe(`${what}`, query, { ...variables, after: heads.get(one.workspace) });
        if (!isRefused(one, each)) live.set(one.workspace, (live.get(one.workspace) ?? 0) + 1);
      }
    }
    for (const [workspace, count] of live) await until(async () => (await statsOf(workspace)).live === count);
  }

  it('get exactly what each of them may read and asked for, in order', async () => {
    await fc.assert(
      fc.asyncProperty(round, async ({ viewers, operations, events: drawn, isLate }) => {
        const events = drawn.map((each) => ({ ...each, text: `event ${(texts += 1)}` }));
        const heads = new Map<string, string>();
        for (const workspace of workspaces) heads.set(workspace, (await statsOf(workspace)).headCursor);
        const subscribers: Subscriber[] = [];
        try {
          for (const each of viewers) subscribers.push({ viewer: each, socket: await connect(each) });
          const live = new Map<string, number>();
          const isForLate = (who: number, what: number): boolean =>
            isLate[(who * operations.length + what) % isLate.length]!;
          await subscribe(subscribers, operations, heads, (who, what) => !isForLate(who, what), live);
          await publish(events);
          await subscribe(subscribers, operations, heads, isForLate, live);
          for (const [workspace, count] of live) {
            shared += count - (await statsOf(workspace)).sharedOperations;
          }

          for (const { viewer: one, socket } of subscribers) {
            const messages = await socket.drain();
            const got = operations.map((_, what) =>
              messages.filter(({ id }) => id === `${what}`).map(contentOf),
            );
            expect(got).toEqual(operations.map((each) => dueTo(one, each, events)));
          }
        } finally {
          for (const { socket } of subscribers) socket[Symbol.dispose]();
          for (const workspace of workspaces) {
            await until(async () => (await statsOf(workspace)).subscriptions.length === 0);
          }
        }
      }),
      { seed, numRuns: 20 },
    );
    expect(shared).toBeGreaterThan(0);
    // A few seconds, and more only to find the smallest round that fails.
  }, 120_000);
});

/** All that a subscription is told; with the code alone where it is refused. */
function dueTo(one: Viewer, each: Operation, events: readonly Event[]): unknown[] {
  if (isRefused(one, each)) return ['FORBIDDEN'];
  return events
    .map((happened) => shown(one, each, happened))
    .filter((data) => data !== undefined)
    .map((data) => ({ data: { [each.field]: data } }));
}

function contentOf({ type, payload }: Message): unknown {
  if (type !== 'error') return payload;
  return (payload as { readonly extensions: { readonly code: string } }[])[0]?.extensions.code;
}
