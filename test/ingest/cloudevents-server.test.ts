import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TidingsError } from '../../src/errors.ts';
import type { TokenClaims } from '../../src/auth/tokens.ts';
import { enumName, kindNames } from '../../src/events/catalogue.ts';
import type { EventStore } from '../../src/store/store.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;
/** Set while the store can't be reached. */
let isAway = false;
const aroundStore = (store: EventStore): EventStore =>
  new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]): unknown => {
        if (isAway && name !== 'close') return Promise.reject(new TidingsError('STORE_UNAVAILABLE'));
        return Reflect.apply(member, target, given);
      };
    },
  });

beforeAll(async () => {
  server = await TestServer.start({ aroundStore });
});
afterAll(async () => server[Symbol.asyncDispose]());

let workspace = 'w0';
beforeEach(async () => {
  workspace = `w${Number(workspace.slice(1)) + 1}`;
  await send(structured({ id: 'p', type: 'project.created', data: { id: 'apollo', name: 'Apollo' } }));
});

interface Request {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}
type Attributes = Readonly<Record<string, unknown>>;

const event = (attributes: Attributes): object => ({
  specversion: '1.0',
  id: 'e1',
  source: '/ci',
  ...attributes,
});
const structured = (attributes: Attributes): Request => ({
  headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
  body: JSON.stringify(event(attributes)),
});
const batch = (...all: readonly Attributes[]): Request => ({
  headers: { 'content-type': 'application/cloudevents-batch+json' },
  body: JSON.stringify(all.map(event)),
});
const binary = (attributes: Readonly<Record<string, string>>, data: unknown, type?: string): Request => ({
  headers: {
    ...(type === undefined ? {} : { 'content-type': type }),
    ...Object.fromEntries(
      Object.entries(event(attributes)).map(([name, value]) => [`ce-${name}`, String(value)]),
    ),
  },
  body: data === undefined ? null : JSON.stringify(data),
});

async function send(
  { headers, body }: Request,
  claims: Partial<TokenClaims> | null = {},
): Promise<{
  status: number;
  body: Record<string, unknown> & { error?: { code: string; issues?: { path: unknown[] }[] } };
}> {
  const authorization =
    claims === null ? {} : { authorization: `Bearer ${server.token({ workspace, ...claims })}` };
  const response = await fetch(`${server.url}/webhooks/cloudevents`, {
    method: 'POST',
    headers: { ...headers, ...authorization },
    body: body === null ? null : new TextEncoder().encode(body),
  });
  return { status: response.status, body: (await response.json()) as never };
}

const risk = (id: string, message: string): Attributes => ({
  id,
  type: 'risk.alert',
  data: { projectId: 'apollo', severity: 'LOW', message },
});
async function refusal(request: Request, claims: Partial<TokenClaims> | null = {}): Promise<unknown[]> {
  const { status, body } = await send(request, claims);
  return [status, body.error!.code, ...(body.error!.issues ?? []).map(({ path }) => path.join('.'))];
}

/** What was told since the project is there. */
async function history(): Promise<Record<string, unknown>[]> {
  const { events } = await server.run<{ events: { nodes: Record<string, unknown>[] } }, object>(
    `{ events(first: 500) { nodes { type reason actor source occurredAt projectId
      ... on RiskAlert { risk { id message } }
      ... on IssueUpdate { issue { id title } comment { author body } }
      ... on WorkflowProgress { percent logs } } } }`,
    {},
    { token: server.token({ workspace }) },
  );
  return events.nodes.slice(1);
}

describe('CloudEvents', () => {
  it('come in structured mode', async () => {
    const { status, body } = await send(
      structured({
        type: 'dev.tidings.issue.created',
        time: '2026-11-20T10:30:00+01:00',
        datacontenttype: 'application/json',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        actor: 'ada',
        reason: 'OPENED',
        data: { id: 'i1', projectId: 'apollo', title: 'Leak' },
      }),
    );
    expect([status, body]).toEqual([200, { events: 1, duplicates: 0, cursor: expect.any(String) as string }]);
    expect(await history()).toMatchObject([
      {
        type: 'ISSUE_CREATED',
        reason: 'OPENED',
        actor: 'ada',
        source: 'cloudevents',
        occurredAt: '2026-11-20T09:30:00.000Z',
        projectId: 'apollo',
        issue: { id: 'i1', title: 'Leak' },
      },
    ]);
  });

  it('come in binary mode, with their attributes percent-encoded in headers', async () => {
    const data = { projectId: 'apollo', title: 'Leck' };
    const attributes = {
      type: 'ISSUE_CREATED',
      subject: 'i%231',
      actor: 'J%C3%B6rg',
      time: '2026-11-20T09:30:00Z',
    };
    expect(await send(binary(attributes, data, 'application/json'))).toMatchObject({ status: 200 });
    expect(
      await send(binary({ id: 'e2', type: 'issue.deleted', subject: 'i%231' }, undefined)),
    ).toMatchObject({
      body: { events: 1 },
    });
    expect(await history()).toMatchObject([
      { type: 'ISSUE_CREATED', actor: 'Jörg', issue: { id: 'i#1' }, occurredAt: '2026-11-20T09:30:00.000Z' },
      { type: 'ISSUE_DELETED', actor: 'tester' },
    ]);
  });

  it('come in batches, of which all events are written or none', async () => {
    const good = risk('r1', 'Rain');
    const { body } = await send(batch(good, risk('r2', 'Hail')));
    expect(body).toMatchObject({ events: 2, duplicates: 0 });
    expect(
      await refusal(batch(risk('r3', 'Snow'), { ...good, id: 'r4', data: { projectId: 'apollo' } })),
    ).toEqual([400, 'INVALID_INPUT', '1.data.severity', '1.data.message']);
    expect(
      await refusal(batch(risk('r3', 'Snow'), { id: 'r4', type: 'issue.deleted', subject: 'i9' })),
    ).toEqual([404, 'NOT_FOUND']);
    expect((await history()).map(({ risk: told }) => (told as { message: string }).message)).toEqual([
      'Rain',
      'Hail',
    ]);
  });

  it('carry comments and lines of output in their data', async () => {
    const issue = { id: 'i1', projectId: 'apollo' };
    await send(
      batch(
        { id: '1', type: 'issue.created', data: issue },
        { id: '2', type: 'issue.commented', subject: 'i1', data: { comment: { body: 'Hm' } } },
        {
          id: '3',
          type: 'workflow.progress',
          data: { id: 'w1', projectId: 'apollo', percent: 30, logs: ['cc'] },
        },
      ),
    );
    expect(await history()).toMatchObject([
      { type: 'ISSUE_CREATED' },
      { type: 'ISSUE_COMMENTED', comment: { author: 'tester', body: 'Hm' } },
      { type: 'WORKFLOW_STARTED', percent: 30, logs: ['cc'] },
    ]);
  });

  it('say in their subject which entity they are about', async () => {
    await server.run(
      'mutation { registerRepository(input: { projectId: "apollo", repoId: "r1", fullName: "nasa/apollo" }) { cursor } }',
      {},
      { token: server.token({ workspace }) },
    );
    await send(
      batch(
        { id: '1', type: 'pr.created', subject: 'r1#7', data: { title: 'Seven' } },
        { id: '2', type: 'progress.updated', subject: 'apollo', data: { completedTasks: 1, totalTasks: 4 } },
        { id: '3', type: 'commit.auto', subject: 'c1', data: { projectId: 'apollo', phase: 'START' } },
        {
          id: '4',
          type: 'risk.alert',
          subject: 'k1',
          data: { projectId: 'apollo', severity: 'LOW', message: 'Rain' },
        },
      ),
    );
    const asked = `{ pullRequest(repoId: "r1", number: 7) { title } progress(projectId: "apollo") { percent }
      risks { nodes { id } } }`;
    expect(await server.run(asked, {}, { token: server.token({ workspace }) })).toEqual({
      pullRequest: { title: 'Seven' },
      progress: { percent: 25 },
      risks: { nodes: [{ id: 'k1' }] },
    });
  });

  it('are written once for each id of a source, however they come again', async () => {
    expect((await send(structured(risk('r1', 'Rain')))).body).toMatchObject({ events: 1 });
    expect((await send(structured(risk('r1', 'Rain')))).body).toEqual({
      events: 0,
      duplicates: 1,
      cursor: null,
    });
    const again = batch(risk('r2', 'Hail'), risk('r1', 'Rain'), risk('r2', 'Hail'), {
      ...risk('r1', 'Sun'),
      source: '/cd',
    });
    expect((await send(again)).body).toMatchObject({ events: 2, duplicates: 2 });
    expect((await send(again)).body).toEqual({ events: 0, duplicates: 4, cursor: null });
    // Another service may call its source the same.
    expect((await send(structured(risk('r1', 'Fog')), { sub: 'other' })).body).toMatchObject({ events: 1 });
    expect((await history()).map(({ risk: told }) => (told as { message: string }).message)).toEqual([
      'Rain',
      'Hail',
      'Sun',
      'Fog',
    ]);
  });

  it('are written once when they come in the same moment', async () => {
    const requests = [
      batch(risk('r1', 'a'), risk('r2', 'b')),
      batch(risk('r2', 'b'), risk('r3', 'c')),
      structured(risk('r3', 'c')),
    ];
    const answers = await Promise.all(requests.map((request) => send(request)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(
      (await history()).map(({ risk: told }) => (told as { message: string }).message).toSorted(),
    ).toEqual(['a', 'b', 'c']);
  });

  it('need a token that may publish there, and stay in its workspace', async () => {
    expect(await refusal(structured(risk('r1', 'Rain')), null)).toEqual([401, 'UNAUTHENTICATED']);
    expect(await refusal({ headers: {}, body: 'nothing' }, { scope: 'read' })).toEqual([403, 'FORBIDDEN']);
    expect(await refusal(structured(risk('r1', 'Rain')), { projects: ['gemini'] })).toEqual([
      403,
      'FORBIDDEN',
    ]);
    expect(await refusal(structured(risk('r1', 'Rain')), { workspace: 'elsewhere' })).toEqual([
      404,
      'NOT_FOUND',
    ]);
    expect(await history()).toEqual([]);
  });

  it('are refused with all mistakes in their attributes', async () => {
    expect(
      await refusal(
        batch(
          { specversion: '0.3', type: 'toString' },
          { id: '', source: undefined, type: 'com.example.thing' },
          { type: 'pr.updated', time: 'yesterday', subject: 7, datacontenttype: 'text/xml' },
        ),
      ),
    ).toEqual([
      400,
      'INVALID_INPUT',
      '0.specversion',
      '0.type',
      '1.id',
      '1.source',
      '1.type',
      '2.subject',
      '2.time',
      '2.datacontenttype',
    ]);
    expect(await refusal(structured({ type: 'presence.changed', data: {} }))).toEqual(
      expect.arrayContaining([400, 'INVALID_INPUT', 'type']),
    );
    expect(await refusal(structured({ type: 'announcement', data: 'text' }))).toEqual(
      expect.arrayContaining([400, 'INVALID_INPUT', 'data']),
    );
  });

  it('are refused when they are no CloudEvents, or too large', async () => {
    const type = (text: string, body: string): Request => ({ headers: { 'content-type': text }, body });
    expect(await refusal(type('application/json', '{}'))).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    expect(await refusal(type('application/cloudevents+avro', '{}'))).toEqual([
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ]);
    expect(await refusal(binary({ type: 'announcement' }, 'x', 'text/plain'))).toEqual([
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ]);
    expect(await refusal(type('application/cloudevents+json', '{'))).toEqual([400, 'BAD_REQUEST']);
    expect(
      await refusal(type('application/cloudevents+json', `${'['.repeat(9_000)}${']'.repeat(9_000)}`)),
    ).toEqual([400, 'BAD_REQUEST']);
    expect(await refusal(type('application/cloudevents-batch+json', '{}'))).toEqual([
      400,
      'INVALID_INPUT',
      '',
    ]);
    expect(
      await refusal(batch(...Array.from({ length: 101 }, (_, index) => risk(`r${index}`, 'x')))),
    ).toEqual([400, 'INVALID_INPUT', '']);
    expect(await refusal(structured(risk('r1', 'x'.repeat(300_000))))).toEqual([413, 'PAYLOAD_TOO_LARGE']);
  });

  it('take data that is in Base64', async () => {
    const data = Buffer.from(JSON.stringify(risk('', 'Rain')['data'])).toString('base64');
    expect((await send(structured({ type: 'risk.alert', data_base64: data }))).body).toMatchObject({
      events: 1,
    });
  });

  it('are to be sent again while the store is away', async () => {
    isAway = true;
    try {
      expect(await refusal(structured(risk('r1', 'Rain')))).toEqual([503, 'STORE_UNAVAILABLE']);
    } finally {
      isAway = false;
    }
    expect((await send(structured(risk('r1', 'Rain')))).body).toMatchObject({ events: 1, duplicates: 0 });
  });

  it('tell every kind that can be published, by both its names', async () => {
    const refusedTypes = async (types: readonly string[]): Promise<unknown[]> =>
      refusal(batch({ type: 'no.kind' }, ...types.map((type) => ({ type, data: {} }))));
    expect(await refusedTypes(kindNames)).toEqual([400, 'INVALID_INPUT', '0.type']);
    expect(await refusedTypes(kindNames.map(enumName))).toEqual([400, 'INVALID_INPUT', '0.type']);
  });
});
