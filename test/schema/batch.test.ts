import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { enumName, kindNames, kinds } from '../../src/events/catalogue.ts';
import { sampleFacts } from '../support/samples.ts';
import { offsetOf, World, type As, type Refusal, type Workspace } from './world.ts';

let world: World;
let space: Workspace;
beforeAll(async () => {
  world = await World.open();
});
afterAll(async () => world[Symbol.asyncDispose]());
beforeEach(async () => {
  space = world.workspace();
  await space.tell('upsertProject', { id: 'apollo', name: 'Apollo' });
  await space.tell('registerRepository', { projectId: 'apollo', repoId: 'r1', fullName: 'nasa/apollo' });
});

type EventGiven = Readonly<Record<string, unknown>>;

const tell = async (
  events: readonly EventGiven[],
  more: object = {},
  as: As = {},
): Promise<Record<string, string[]>> =>
  space.tell('publishEvents', { events, ...more }, 'cursors duplicate', as);
const refusal = async (events: readonly EventGiven[], as: As = {}): Promise<Refusal> =>
  space.refusalOf('publishEvents', { events }, as);
/** Where the mistakes are, behind `input.events`. */
const mistakes = async (events: readonly EventGiven[]): Promise<string[]> => {
  const { code, issues } = await refusal(events);
  expect(code).toBe('INVALID_INPUT');
  return issues.map(({ path }) => path.slice(2).join('.'));
};

async function history(): Promise<Record<string, unknown>[]> {
  const { events } = await space.ask(
    '{ events(first: 500) { nodes { __typename type reason projectId actor } } }',
  );
  return events.nodes.slice(2);
}

describe('publishEvents', () => {
  it('takes every kind that can be published, with the names of its GraphQL type', async () => {
    const published = kindNames.filter((kind) => kind !== 'presence.changed');
    // Deletions last: what is deleted is missed by the others.
    const ordered = published.toSorted(
      (a, b) => Number(a.endsWith('.deleted')) - Number(b.endsWith('.deleted')),
    );
    const issueLast = ordered.toSorted(
      (a, b) => Number(a === 'project.deleted') - Number(b === 'project.deleted'),
    );
    const events = issueLast.map((kind) => {
      const { data } = sampleFacts(kind);
      const { repositories: _repositories, ...state } = data as { repositories?: unknown; id?: string };
      const { id, ...rest } = state;
      const named =
        kinds[kind] === 'analysis'
          ? { ...rest, analysisId: id }
          : kinds[kind] === 'autoCommit'
            ? { ...rest, commitId: id }
            : state;
      const comment = kind === 'issue.commented' ? { comment: { body: 'Hm' } } : {};
      return { type: enumName(kind), data: named, ...comment };
    });
    const { cursors } = await tell(events);
    const first = offsetOf(cursors![0]!);
    expect(cursors!.map(offsetOf)).toEqual(events.map((_event, index) => first + index));
    // Notifications are in the log, but not in history.
    expect(await history()).toHaveLength(events.length - 1);
  });

  it('lets the state tell the kind, but for deletions and comments', async () => {
    const issue = { id: 'i1', projectId: 'apollo' };
    await tell([
      { type: 'ISSUE_CLOSED', data: { ...issue, title: 'T' } },
      { type: 'ISSUE_UPDATED', data: { id: 'i1', state: 'CLOSED' }, reason: 'STATE', actor: 'eve' },
      { type: 'ISSUE_COMMENTED', data: { id: 'i1' }, comment: { body: 'Hm' }, reason: 'COMMENT' },
      { type: 'ISSUE_DELETED', data: { id: 'i1' } },
      { type: 'AGENT_DISCONNECTED', data: { id: 'a1', projectId: 'apollo', status: 'ONLINE' } },
    ]);
    expect(await history()).toMatchObject([
      { type: 'ISSUE_CREATED', reason: 'REPORTED', actor: 'ada', projectId: 'apollo' },
      { type: 'ISSUE_CLOSED', reason: 'STATE', actor: 'eve' },
      { type: 'ISSUE_COMMENTED', reason: 'COMMENT' },
      { type: 'ISSUE_DELETED' },
      { type: 'AGENT_CONNECTED' },
    ]);
  });

  it('finds the project of a repository, and refuses another', async () => {
    await space.tell('upsertProject', { id: 'gemini', name: 'Gemini' });
    await tell([
      { type: 'PR_UPDATED', data: { repoId: 'r1', number: 1 } },
      { type: 'WORKFLOW_STARTED', data: { id: 'w1', repoId: 'r1' }, logs: ['hello'] },
      { type: 'COMMIT_AUTO', data: { commitId: 'm1', repoId: 'r1', phase: 'RESULT' } },
    ]);
    expect((await history()).slice(1).map(({ projectId }) => projectId)).toEqual([
      'apollo',
      'apollo',
      'apollo',
    ]);
    expect(
      await mistakes([{ type: 'PR_CREATED', data: { repoId: 'r1', number: 2, projectId: 'gemini' } }]),
    ).toEqual(['0.data.projectId']);
    for (const data of [{ repoId: 'r9', number: 1, projectId: 'gemini' }]) {
      expect(await refusal([{ type: 'PR_CREATED', data }])).toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  it('writes all or nothing', async () => {
    const good = { type: 'RISK_ALERT', data: { projectId: 'apollo', severity: 'LOW', message: 'Rain' } };
    expect(await mistakes([good, { type: 'RISK_ALERT', data: { projectId: 'apollo' } }])).toEqual([
      '1.data.severity',
      '1.data.message',
    ]);
    expect(await history()).toEqual([]);
  });

  it('tells all mistakes of all events at once', async () => {
    expect(
      await mistakes([
        { type: 'ANNOUNCEMENT', data: { message: 'x', colour: 'red' } },
        {
          type: 'PRESENCE_CHANGED',
          data: { room: 'project:apollo', userId: 'u', status: 'ONLINE', lastSeenAt: '2026-01-01T00:00:00Z' },
        },
        { type: 'ANNOUNCEMENT', data: { message: 'x' }, reason: 'SNAPSHOT', actor: '' },
        { type: 'ANNOUNCEMENT', data: { message: 'x' }, logs: [], comment: {} },
        { type: 'ANNOUNCEMENT', data: [] },
        { type: 'PROJECT_UPDATED', data: { id: 'apollo', repositories: [] } },
        {
          type: 'WORKFLOW_PROGRESS',
          data: { id: 'w1', projectId: 'apollo', step: -1 },
          logs: ['x'.repeat(9_000)],
        },
        { type: 'FILE_CHANGED', data: { projectId: 'apollo', files: [{ path: 'a' }] } },
      ]),
    ).toEqual([
      '0.data',
      '1.type',
      '2.reason',
      '2.actor',
      '3.logs',
      '3.comment',
      '4.data',
      '4.data.message',
      '5.data.repositories',
      '6.logs.0',
      '6.data.step',
      '7.data.files.0.changeType',
    ]);
    await tell([{ type: 'ISSUE_CREATED', data: { id: 'i1', projectId: 'apollo' } }]);
    for (const [comment, path] of [
      [undefined, '0.comment'],
      ['text', '0.comment'],
      [{}, '0.comment.body'],
      [{ body: 'Hm', action: 'WHISPERED' }, '0.comment.action'],
    ] as const) {
      expect(await mistakes([{ type: 'ISSUE_COMMENTED', data: { id: 'i1' }, comment }])).toEqual([path]);
    }
  });

  it('needs the entity for a deletion or a comment, be it from the same batch', async () => {
    const comment = { type: 'ISSUE_COMMENTED', data: { id: 'i1' }, comment: { body: 'Hm' } };
    const created = { type: 'ISSUE_CREATED', data: { id: 'i1', projectId: 'apollo' } };
    const deleted = { type: 'ISSUE_DELETED', data: { id: 'i1' } };
    for (const events of [
      [comment],
      [deleted],
      [{ type: 'PROJECT_DELETED', data: { id: 'p9' } }],
      [created, deleted, comment],
    ]) {
      expect(await refusal(events)).toMatchObject({ code: 'NOT_FOUND' });
    }
    await tell([created, comment, deleted]);
  });

  it('deletes a project and makes it anew, with what was in it before', async () => {
    const inProject = (id: string, more: object = {}): object => ({ id, projectId: 'apollo', ...more });
    await tell([
      { type: 'ISSUE_CREATED', data: inProject('i1', { title: 'Old', body: 'Old' }) },
      { type: 'ISSUE_CREATED', data: inProject('i2', { title: 'Old' }) },
      { type: 'PR_CREATED', data: { repoId: 'r1', number: 1, title: 'Old' } },
    ]);
    const anew = [
      { type: 'PROJECT_DELETED', data: { id: 'apollo' } },
      { type: 'PROJECT_CREATED', data: { id: 'apollo', name: 'Anew' } },
    ];
    await tell([
      { type: 'ISSUE_CREATED', data: inProject('i3', { title: 'Gone at once' }) },
      { type: 'ISSUE_UPDATED', data: inProject('i1', { labels: ['lost'] }) },
      ...anew,
      { type: 'ISSUE_UPDATED', data: inProject('i1', { title: 'New' }) },
      { type: 'ISSUE_UPDATED', data: inProject('i1', { labels: ['new'] }) },
      { type: 'ISSUE_CREATED', data: inProject('i4', { title: 'New' }) },
    ]);
    const { project, issues, pullRequests } = await space.ask(
      `{ project(id: "apollo") { name repositories { id } } pullRequests { nodes { number } }
         issues { nodes { id title body labels } } }`,
    );
    expect(project).toEqual({ name: 'Anew', repositories: [] });
    expect(pullRequests.nodes).toEqual([]);
    expect(issues.nodes).toEqual([
      { id: 'i1', title: 'New', body: null, labels: ['new'] },
      { id: 'i4', title: 'New', body: null, labels: [] },
    ]);
  });

  it('knows that a project which it deletes holds no repositories any more, created again or not', async () => {
    const anew = [
      { type: 'PR_UPDATED', data: { repoId: 'r1', number: 1 } },
      { type: 'PROJECT_DELETED', data: { id: 'apollo' } },
      { type: 'PROJECT_CREATED', data: { id: 'apollo', name: 'Anew' } },
    ];
    for (const late of [
      { type: 'PR_UPDATED', data: { repoId: 'r1', number: 1 } },
      { type: 'WORKFLOW_STARTED', data: { id: 'w1', repoId: 'r1' } },
    ]) {
      expect(await refusal([...anew, late])).toMatchObject({ code: 'NOT_FOUND' });
    }
    await tell(anew);
  });

  it('repeats nothing for a known key, and makes ids that are the same again', async () => {
    const risk = { type: 'RISK_ALERT', data: { projectId: 'apollo', severity: 'LOW', message: 'Rain' } };
    const first = await tell([risk, risk], { idempotencyKey: 'k' });
    expect(await tell([risk, risk], { idempotencyKey: 'k' })).toEqual({ ...first, duplicate: true });
    const { risks } = await space.ask('{ risks { nodes { id } } }');
    expect(risks.nodes).toHaveLength(2);
  });

  it('takes 1 to 500 events', async () => {
    for (const count of [0, 501]) {
      const events = Array.from({ length: count }, () => ({ type: 'ANNOUNCEMENT', data: { message: 'x' } }));
      expect(await refusal(events)).toMatchObject({
        code: 'INVALID_INPUT',
        issues: [{ path: ['input', 'events'] }],
      });
    }
  });

  it('needs access to every project concerned', async () => {
    const risk = (projectId: string): EventGiven => ({
      type: 'RISK_ALERT',
      data: { projectId, severity: 'LOW', message: 'Rain' },
    });
    await space.tell('upsertProject', { id: 'gemini', name: 'Gemini' });
    const ci: As = { userId: 'ci', projects: ['apollo'], scopes: ['publish'] };
    await tell([risk('apollo')], {}, ci);
    expect(await refusal([risk('apollo'), risk('gemini')], ci)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refusal([{ type: 'ANNOUNCEMENT', data: { message: 'x' } }], ci)).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await refusal([risk('apollo')], { scopes: ['read'] })).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('keeps what is newer', async () => {
    const at = (occurredAt: string, title: string): EventGiven => ({
      type: 'ISSUE_UPDATED',
      data: { id: 'i1', projectId: 'apollo', title },
      occurredAt,
    });
    await tell([at('2026-02-01T00:00:00Z', 'New'), at('2026-01-01T00:00:00Z', 'Old')]);
    expect(await space.ask('{ issue(id: "i1") { title } }')).toEqual({ issue: { title: 'New' } });
  });
});
