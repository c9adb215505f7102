import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deletions,
  enumName,
  kindNames,
  kinds,
  subjects,
  type Kind,
  type SubjectName,
} from '../../src/events/catalogue.ts';
import type { EventFacts } from '../../src/events/event.ts';
import { TestServer } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import {
  isAboutRepository,
  loadExample,
  relocate,
  relocatedEvents,
  shownEvent,
  table,
  type ExpectedEvent,
  type TableLine,
} from './github-examples.table.ts';
import {
  at,
  checkRunEvent,
  HEAD,
  listed,
  pullRequestEvent,
  repository,
  reviewEvent,
  sender,
} from './github.ts';
import { NOW } from './memory-state.ts';

/** The fields of each subject that the table shows or its id is made of, and the query that reads it by its id. */
const selections: Readonly<
  Partial<Record<SubjectName, { readonly fields: string; readonly query?: string }>>
> = {
  project: {
    fields: 'id name status repositories { id fullName defaultBranch }',
    query: 'project(id: $id)',
  },
  pullRequest: {
    fields: `repoId number state isDraft reviewDecision pipelineState headRef headSha baseRef labels assignees reviewers`,
    query: 'pullRequest(repoId: $id, number: $number)',
  },
  issue: { fields: 'id number state stateReason priority labels assignees', query: 'issue(id: $id)' },
  workflow: {
    fields: 'id name status percent step totalSteps currentStep headSha error',
    query: 'workflow(id: $id)',
  },
  alert: { fields: 'id rule severity status value message', query: 'alert(id: $id)' },
  fileChange: { fields: 'ref headSha files { path changeType }' },
};

const eventFields = `__typename cursor type reason actor source occurredAt changedFields
  ... on IssueUpdate { comment { action } }
  ${Object.entries(selections)
    .map(([name, { fields, query }]) => {
      const { payload } = subjects[name as SubjectName];
      return `... on ${payload} { ${query === undefined ? fields : `${name} { ${fields} }`} }`;
    })
    .join('\n')}`;

/** An event as GraphQL shows it. */
type EventNode = Readonly<Record<string, unknown>> & {
  readonly cursor: string;
  readonly type: string;
  readonly reason: EventFacts['reason'];
  readonly actor: string | null;
  readonly occurredAt: string;
  readonly changedFields: readonly string[];
};

interface History {
  readonly events: {
    readonly nodes: readonly EventNode[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    readonly headCursor: string;
  };
}

const kindsByName = new Map(kindNames.map((kind) => [enumName(kind), kind]));
const kindOf = (node: EventNode): Kind => kindsByName.get(node.type)!;

/** What GraphQL shows of an entity, as its state. */
const stateOf = (name: SubjectName, node: EventNode): object =>
  selections[name]?.query === undefined ? node : (node[name] as object);

/** The table shows `now` where a payload tells no time; all times that payloads tell are of long ago. */
const startedAt = new Date().toISOString();

function shown(node: EventNode): ExpectedEvent {
  const kind = kindOf(node);
  const data = stateOf(kinds[kind], node);
  const idOf = subjects[kinds[kind]].id as ((state: object) => string) | undefined;
  const comment = node['comment'] as EventFacts['detail']['comment'] | undefined | null;
  return shownEvent(
    {
      kind,
      entityId: idOf?.(data) ?? null,
      reason: node.reason,
      data: data as EventFacts['data'],
      actor: node.actor,
      occurredAt: node.occurredAt >= startedAt ? NOW : node.occurredAt,
      detail: comment === undefined || comment === null ? {} : { comment },
    },
    NOW,
  );
}

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => server[Symbol.asyncDispose]());

const HISTORY = `query History($after: Cursor) {
  events(first: 500, after: $after) { nodes { ${eventFields} } pageInfo { hasNextPage endCursor } headCursor }
}`;
const headCursor = async (): Promise<string> =>
  (await server.run<{ events: { headCursor: string } }, object>('{ events(first: 1) { headCursor } }')).events
    .headCursor;

/** All events behind a cursor. */
async function historySince(cursor: string): Promise<EventNode[]> {
  const nodes: EventNode[] = [];
  for (let after: string | null = cursor; ;) {
    const { events }: History = await server.run<History, object>(HISTORY, { after });
    nodes.push(...events.nodes);
    if (!events.pageInfo.hasNextPage) return nodes;
    after = events.pageInfo.endCursor;
  }
}

interface Sent {
  readonly event: string;
  readonly payload: object;
  readonly delivery: string;
}
type Answer = Awaited<ReturnType<TestServer['deliver']>>;

const send = async ({ event, payload, delivery }: Sent): Promise<Answer> =>
  server.deliver(event, payload, { delivery });

describe('all examples of GitHub, delivered to a running server', () => {
  /** The deliveries, each with its line (none where it only goes before one) and what came of it. */
  const done: {
    readonly sent: Sent;
    readonly line: TableLine | undefined;
    readonly n: number;
    readonly answer: Answer;
    readonly told: readonly EventNode[];
  }[] = [];
  let history: readonly EventNode[];
  let heard: readonly unknown[];
  let end: string;

  beforeAll(async () => {
    const start = await headCursor();
    using socket = await TestSocket.connect(server.webSocketUrl, { token: server.token() });
    socket.subscribe('all', `subscription ($after: Cursor) { events(after: $after) { ${eventFields} } }`, {
      after: start,
    });
    const answers: Pick<(typeof done)[number], 'sent' | 'line' | 'n' | 'answer'>[] = [];
    const deliver = async (
      from: { event: string; index: number },
      line: TableLine | undefined,
      n: number,
    ): Promise<void> => {
      const sent = {
        event: from.event,
        payload: relocate(loadExample(from), n),
        delivery: randomUUID(),
      };
      answers.push({ sent, line, n, answer: await send(sent) });
    };
    for (const [position, line] of table.entries()) {
      if (line.after !== null) await deliver(line.after, undefined, position + 1);
      await deliver(line, line, position + 1);
    }
    history = await historySince(start);
    heard = (await socket.receiveMany(history.length)).map((message) => dataOf(message)['events']);
    expect(await socket.drain()).toEqual([]);
    end = await headCursor();

    let from = 0;
    for (const each of answers) {
      const to = from + ((each.answer.body['events'] as number | undefined) ?? 0);
      done.push({ ...each, told: history.slice(from, to) });
      from = to;
    }
  });

  const ofLines = (): ((typeof done)[number] & { readonly line: TableLine })[] =>
    done.filter(
      (each): each is (typeof done)[number] & { readonly line: TableLine } => each.line !== undefined,
    );

  it('are answered as the table says', () => {
    expect(ofLines()).toHaveLength(329);
    for (const { line, answer, told } of ofLines()) {
      const expected = line.isPing
        ? { status: 200, body: { ping: true } }
        : line.ignored !== null
          ? { status: 202, body: { ignored: line.ignored } }
          : { status: 200, body: { events: told.length, cursor: told.at(-1)?.cursor } };
      expect(answer, line.text).toEqual(expected);
    }
  });

  it('become the events that the table says, no more and no fewer, in order', () => {
    for (const { line, n, sent, told } of ofLines()) {
      const isIntroduced = told[0]?.type === 'PROJECT_CREATED' && !isAboutRepository(line);
      expect((isIntroduced ? told.slice(1) : told).map(shown), line.text).toEqual(relocatedEvents(line, n));
      if (!isIntroduced) continue;
      const { id } = (sent.payload as { repository: { id: number } }).repository;
      expect(shown(told[0]!), line.text).toMatchObject({ entityId: `github:${id}`, reason: 'REPOSITORY' });
    }
    expect(done.reduce((sum, { told }) => sum + told.length, 0)).toBe(history.length);
  });

  it('are heard by a subscriber as they stand in history', () => {
    expect(heard).toEqual(history);
  });

  it('leave every entity as its last event shows it', async () => {
    const last = new Map<string, EventNode>();
    for (const node of history) {
      const { entityId } = shown(node);
      if (entityId !== null) last.set(`${kinds[kindOf(node)]} ${entityId}`, node);
    }
    expect(last.size).toBeGreaterThan(200);
    await Promise.all(
      [...last].map(async ([key, node]) => {
        const name = kinds[kindOf(node)];
        const { fields, query } = selections[name]!;
        const [, id, number] = /^\w+ ([^#]+)(?:#(\d+))?$/.exec(key)!;
        const variables = number === undefined ? '$id: ID!' : '$id: ID!, $number: Int!';
        const found = await server.run<Record<string, unknown>, object>(
          `query (${variables}) { ${query} { ${fields} } }`,
          number === undefined ? { id } : { id, number: Number(number) },
        );
        expect(found[name], key).toEqual(deletions.has(kindOf(node)) ? null : node[name]);
      }),
    );
  });

  const isPublished = ({ answer }: { readonly answer: Answer }): boolean =>
    answer.body['events'] !== undefined;

  it.each([
    ['the same delivery', (sent: Sent): Sent => sent],
    ['another delivery of the same body', (sent: Sent): Sent => ({ ...sent, delivery: randomUUID() })],
  ])('come to nothing again as %s', async (_, again) => {
    for (const each of done) {
      const expected = isPublished(each) ? { status: 200, body: { duplicate: true } } : each.answer;
      expect(await send(again(each.sent)), each.line?.text).toEqual(expected);
    }
    expect(await headCursor()).toBe(end);
  });

  it('are refused with the signature of another secret, and nothing is written', async () => {
    for (const { event, index } of table) {
      const payload = relocate(loadExample({ event, index }), 999);
      const { status, body } = await server.deliver(event, payload, { secret: 'another secret' });
      expect([status, (body['error'] as { code: string }).code]).toEqual([401, 'SIGNATURE_INVALID']);
    }
    expect(await headCursor()).toBe(end);
  });
});

/** A repository of its own for a test, and payloads in it. */
const inRepository = (id: number, payload: object): object => ({
  ...(JSON.parse(
    JSON.stringify(payload, (key, value: unknown) => (key === 'repo' ? { ...(value as object), id } : value)),
  ) as object),
  repository: repository({ id, full_name: `acme/app-${id}` }),
});

it('thirty first deliveries from one repository at once make one project', async () => {
  const start = await headCursor();
  const pushes = Array.from({ length: 30 }, (_, index) =>
    inRepository(201, { ref: 'refs/heads/main', commits: [{ added: [`${index}.ts`] }], sender }),
  );
  const answers = await Promise.all(pushes.map(async (payload) => server.deliver('push', payload)));
  expect(answers.map(({ status }) => status)).toEqual(pushes.map(() => 200));

  const told = (await historySince(start)).map(({ type }) => type);
  expect(told).toEqual(['PROJECT_CREATED', ...pushes.map(() => 'FILE_CHANGED')]);
  expect(answers.filter(({ body }) => body['events'] === 2)).toHaveLength(1);
});

describe('a crowd of deliveries about one pull request', () => {
  const sha = { head_sha: HEAD };
  const checkRun = (suite: number, name: string, conclusion: string | null, second: number): object =>
    checkRunEvent({
      ...sha,
      name,
      check_suite: { id: suite },
      ...(conclusion === null
        ? { status: 'in_progress', conclusion, started_at: at(second), completed_at: null }
        : { conclusion, completed_at: at(second) }),
    });
  const suiteEnd = (id: number, conclusion: string, second: number): object => ({
    action: 'completed',
    check_suite: {
      ...sha,
      id,
      status: 'completed',
      conclusion,
      updated_at: at(second),
      pull_requests: [listed()],
    },
    sender,
  });
  const workflowRun = (
    suite: number,
    workflow: number,
    conclusion: string | null,
    second: number,
  ): object => ({
    action: conclusion === null ? 'in_progress' : 'completed',
    workflow_run: {
      ...sha,
      id: suite,
      name: `workflow ${workflow}`,
      workflow_id: workflow,
      event: 'pull_request',
      check_suite_id: suite,
      status: conclusion === null ? 'in_progress' : 'completed',
      conclusion,
      updated_at: at(second),
      // As of a fork: found by its head commit.
      pull_requests: [],
    },
    sender,
  });
  const status = (context: string, state: string, second: number): object => ({
    id: second,
    sha: HEAD,
    context,
    state,
    updated_at: at(second),
    sender,
  });
  const review = (login: string, action: string, state: string, second: number): object => ({
    ...reviewEvent(action, state, second),
    review: { id: second, state, submitted_at: at(second), user: { login } },
  });

  /** Fifty, after which check "a" has failed and all others have passed, and hubot asks for changes. */
  const deliveries: readonly (readonly [event: string, payload: object])[] = [
    ...Array.from({ length: 20 }, (_, index) => {
      const parts = { title: `Title ${index}`, labels: [{ name: `l${index}` }], updated_at: at(index + 10) };
      return ['pull_request', pullRequestEvent('edited', parts)] as const;
    }),
    // A suite that failed, was repeated, and has passed.
    ['check_run', checkRun(1, 'build', null, 11)],
    ['check_run', checkRun(1, 'build', 'failure', 12)],
    ['check_suite', suiteEnd(1, 'failure', 13)],
    ['workflow_run', workflowRun(1, 4, 'failure', 13)],
    ['workflow_run', workflowRun(1, 4, null, 20)],
    ['check_run', checkRun(1, 'build', null, 21)],
    ['check_run', checkRun(1, 'build', 'success', 30)],
    ['check_suite', suiteEnd(1, 'success', 31)],
    ['workflow_run', workflowRun(1, 4, 'success', 31)],
    // A workflow that was run anew, and has passed.
    ['workflow_run', workflowRun(2, 5, 'failure', 13)],
    ['check_run', checkRun(2, 'title', 'failure', 12)],
    ['workflow_run', workflowRun(3, 5, 'success', 25)],
    ['check_suite', suiteEnd(3, 'success', 25)],
    // An app that reports runs only. One of them has failed, before all others passed.
    ...['a', 'b', 'c'].flatMap(
      (name, index) =>
        [
          ['check_run', checkRun(9, name, null, 14)],
          ['check_run', checkRun(9, name, name === 'a' ? 'failure' : 'success', 15 + index)],
        ] as const,
    ),
    ['status', status('ci/jenkins', 'pending', 11)],
    ['status', status('ci/jenkins', 'failure', 12)],
    ['status', status('ci/jenkins', 'success', 55)],
    ['status', status('ci/coverage', 'success', 50)],
    ['pull_request_review', review('mona', 'submitted', 'changes_requested', 10)],
    ['pull_request_review', review('mona', 'submitted', 'approved', 20)],
    ['pull_request_review', review('hubot', 'submitted', 'changes_requested', 11)],
    ['pull_request_review', review('hubot', 'submitted', 'commented', 22)],
    ['pull_request_review', review('max', 'submitted', 'changes_requested', 12)],
    ['pull_request_review', review('max', 'dismissed', 'dismissed', 12)],
    ['pull_request_review', review('mia', 'submitted', 'approved', 40)],
  ];

  it.each([1, 2, 3])('reordered, repeated and at once, ends in the right state (%i)', async (seed) => {
    expect(deliveries).toHaveLength(50);
    const id = 300 + seed;
    await server.deliver('pull_request', inRepository(id, pullRequestEvent('opened')));
    const start = await headCursor();
    const sent = deliveries.map(([event, payload]) => ({
      event,
      payload: inRepository(id, payload),
      delivery: randomUUID(),
    }));
    // Half of the repetitions are GitHub's own, the other half of another hook.
    const repeated = sent.map((each, index) =>
      index % 2 === 0 ? each : { ...each, delivery: randomUUID() },
    );
    const everything = [...sent, ...repeated];
    const crowd = fc.sample(fc.shuffledSubarray(everything, { minLength: everything.length }), {
      seed,
      numRuns: 1,
    })[0]!;
    const answers = await Promise.all(crowd.map(send));

    expect(answers.filter(({ status: code }) => code !== 200)).toEqual([]);
    expect(answers.filter(({ body }) => body['duplicate'] === true)).toHaveLength(50);
    const told = await historySince(start);
    // Of the workflow runs some are late, which is no news of a workflow; each is one of the pull request.
    expect(told.filter(({ type }) => type === 'PR_UPDATED')).toHaveLength(50);
    const changed = new Set(told.flatMap(({ changedFields }) => changedFields));
    expect(changed).toContain('pipelineState');
    for (const internal of ['checks', 'reviews']) expect(changed).not.toContain(internal);
    const { pullRequest } = await server.run<{ pullRequest: object }, object>(
      `query ($id: ID!) { pullRequest(repoId: $id, number: 7) { title labels state pipelineState reviewDecision } }`,
      { id: `github:${id}` },
    );
    expect(pullRequest).toEqual({
      title: 'Title 19',
      labels: ['l19'],
      state: 'OPEN',
      pipelineState: 'FAILURE',
      reviewDecision: 'CHANGES_REQUESTED',
    });
    // What was wrong is mended.
    const mended: readonly (readonly [string, object])[] = [
      ['check_run', checkRun(9, 'a', 'success', 40)],
      ['pull_request_review', review('hubot', 'submitted', 'approved', 50)],
    ];
    for (const [event, payload] of mended) await server.deliver(event, inRepository(id, payload));
    const now = await server.run<{ pullRequest: object }, object>(
      `query ($id: ID!) { pullRequest(repoId: $id, number: 7) { pipelineState reviewDecision } }`,
      { id: `github:${id}` },
    );
    expect(now.pullRequest).toEqual({ pipelineState: 'SUCCESS', reviewDecision: 'APPROVED' });
  });
});

it('what is remembered of checks and reviewers is nobody’s to write or read', async () => {
  await server.deliver('pull_request', inRepository(400, pullRequestEvent('opened')));
  const start = await headCursor();
  const publish = `mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { cursors } }`;
  for (const field of ['checks', 'reviews']) {
    const value = field === 'checks' ? { sha: HEAD, reports: {} } : {};
    const data = { repoId: 'github:400', number: 7, [field]: value };
    const { errors } = await server.query(publish, { input: { events: [{ type: 'PR_UPDATED', data }] } });
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_INPUT',
      issues: [{ path: ['input', 'events', 0, 'data'], message: `Unrecognized key: "${field}"` }],
    });
  }
  expect(await headCursor()).toBe(start);
  const read = '{ pullRequest(repoId: "github:400", number: 7) { checks { sha } reviews } }';
  expect((await server.query(read)).errors).toHaveLength(2);
});
