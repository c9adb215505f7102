import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { kindsOf, type Kind } from '../../src/events/catalogue.ts';
import { asSnapshot, topicsOf, type Entry } from '../../src/events/event.ts';
import type { Route } from '../../src/hub/route.ts';
import { sampleEntry } from '../support/samples.ts';
import { World, type As, type Workspace } from './world.ts';

let world: World;
let space: Workspace;
beforeAll(async () => {
  world = await World.open();
});
afterAll(async () => world[Symbol.asyncDispose]());
beforeEach(() => {
  space = world.workspace();
});

const reader = (...projects: string[]): As => ({ userId: 'bob', projects, scopes: ['read'] });
const anonymous = (...projects: string[]): As => ({ userId: null, projects, scopes: ['read'] });
const refused = { code: 'FORBIDDEN' };

/** Whether a route lets an entry through: what the hub asks, in its order. */
function passes({ kinds, topics, scope, matches }: Route, entry: Entry): boolean {
  return (
    (kinds === 'any' || kinds.includes(entry.kind)) &&
    topicsOf(entry).some((topic) => topics.includes(topic)) &&
    scope.mayRead(entry) &&
    matches(entry)
  );
}

/** A sample with other data. */
function sample(kind: Kind, data: object = {}, facts: Partial<Entry> = {}): Entry {
  const entry = sampleEntry(kind);
  const projectId = (data as { projectId?: string }).projectId ?? entry.projectId;
  return { ...entry, projectId, ...facts, data: { ...entry.data, ...data } };
}

/** Project `apollo` with repository `r1`, a workflow and an agent, which the samples are about. */
async function fill(): Promise<void> {
  await space.tell('upsertProject', { id: 'apollo', name: 'Apollo' });
  await space.tell('registerRepository', { projectId: 'apollo', repoId: 'r1', fullName: 'nasa/apollo' });
  await space.tell('reportWorkflow', { id: 'w1', projectId: 'apollo' });
  await space.tell('reportAgentStatus', { id: 'a1', projectId: 'apollo', status: 'BUSY' });
  await space.tell('reportAgentStatus', { id: 'everywhere', status: 'BUSY' });
}

describe('a subscription', () => {
  it.each([
    ['prStateChanged(repoId: "r1")', ['repo:r1']],
    ['prStateChanged(repoId: "r1", prNumber: 7)', ['pr:r1#7']],
    ['projectUpdated(projectId: "apollo")', ['project:apollo']],
    ['workflowProgress', ['all']],
    ['workflowProgress(projectId: "apollo")', ['project:apollo']],
    ['workflowProgress(projectId: "apollo", workflowId: "w1")', ['workflow:w1']],
    ['issueUpdated(projectId: "apollo")', ['project:apollo']],
    ['issueUpdated(projectId: "apollo", issueId: "i1")', ['issue:i1']],
    ['aiSuggestion(targetType: PULL_REQUEST, targetId: "r1#7")', ['target:PULL_REQUEST/r1#7']],
    ['aiSuggestion(projectId: "apollo", targetId: "r1#7")', ['project:apollo']],
    ['aiAnalysisComplete(targetId: "r1#7")', ['all']],
    ['presence(room: "project:apollo")', ['room:project:apollo']],
    ['agentStatusChanged(agentId: "a1")', ['agent:a1']],
    ['alertTriggered(projectId: "apollo")', ['project:apollo']],
    ['riskAlert', ['all']],
    ['fileChanged(repoId: "r1", projectId: "apollo")', ['repo:r1']],
    ['autoCommit(projectId: "apollo")', ['project:apollo']],
    ['progressUpdated', ['all']],
    ['announcement', ['announcements']],
    ['notification', ['user:ada']],
    ['events', ['all']],
    ['events(repoId: "r1")', ['repo:r1']],
  ])('to %s listens to the narrowest topics', async (call, topics) => {
    const route = await space.route(`subscription { ${call} { cursor } }`);
    expect(route.topics).toEqual(topics);
    const stream = call.startsWith('presence') ? 'presence' : 'events';
    expect(route.log).toEqual({ workspace: space.name, stream });
  });

  it('of a token with a list of projects listens to each of them', async () => {
    for (const field of [
      'workflowProgress',
      'aiSuggestion',
      'agentStatusChanged',
      'alertTriggered',
      'progressUpdated',
    ]) {
      const { topics } = await space.route(`subscription { ${field} { cursor } }`, reader('p1', 'p2'));
      expect(topics).toEqual(['project:p1', 'project:p2']);
    }
    const events = async (args: string, as: As): Promise<readonly string[]> =>
      (await space.route(`subscription { events${args} { cursor } }`, as)).topics;
    expect(await events('', reader('p1'))).toEqual(['project:p1', 'announcements']);
    expect(await events('(types: [ANNOUNCEMENT, PR_CREATED])', reader('p1'))).toEqual([
      'project:p1',
      'announcements',
    ]);
    expect(await events('(types: [PR_CREATED])', reader('p1'))).toEqual(['project:p1']);
    expect(await events('', anonymous('p1'))).toEqual(['project:p1']);
    expect(await events('(projectId: "p1")', reader('p1'))).toEqual(['project:p1']);
  });

  it('starts where its arguments say', async () => {
    const start = async (args: string): Promise<unknown> =>
      (await space.route(`subscription { workflowProgress${args} { cursor } }`)).start;
    expect(await start('')).toEqual({ after: null, snapshot: false, delivery: 'EVERY' });
    expect(await start('(after: null, snapshot: null, delivery: null)')).toEqual({
      after: null,
      snapshot: false,
      delivery: 'EVERY',
    });
    expect(await start('(after: "x", snapshot: true, delivery: LATEST)')).toEqual({
      after: 'x',
      snapshot: true,
      delivery: 'LATEST',
    });
  });

  it('has a snapshot where there is state', async () => {
    const snapshotOf = async (call: string): Promise<string | null> =>
      (await space.route(`subscription { ${call} { cursor } }`)).snapshotOf;
    expect(await snapshotOf('prStateChanged(repoId: "r1")')).toBe('pullRequest');
    expect(await snapshotOf('presence(room: "lobby")')).toBe('member');
    expect(await snapshotOf('autoCommit')).toBe('autoCommit');
    for (const call of ['aiAnalysisComplete', 'fileChanged', 'announcement', 'notification', 'events']) {
      expect(await snapshotOf(call)).toBeNull();
    }
  });

  it('gives the kinds of its subject, `events` all but presence and notifications', async () => {
    const kinds = async (call: string): Promise<Route['kinds']> =>
      (await space.route(`subscription { ${call} { cursor } }`)).kinds;
    expect(await kinds('issueUpdated(projectId: "p")')).toEqual(kindsOf('issue'));
    expect(await kinds('events')).toBe('any');
    expect(await kinds('events(types: [PR_CREATED, NOTIFICATION, PRESENCE_CHANGED, ANNOUNCEMENT])')).toEqual([
      'pr.created',
      'announcement',
    ]);
    const everything = await space.route('subscription { events { cursor } }');
    expect(passes(everything, sampleEntry('notification'))).toBe(false);
    expect(everything.matches(sampleEntry('notification'))).toBe(false);
    expect(passes(everything, sampleEntry('announcement'))).toBe(true);
  });
});

describe('the arguments', () => {
  it.each<[call: string, hits: Entry[], misses: Entry[]]>([
    [
      'prStateChanged(repoId: "r1", states: [OPEN], author: "margaret", reasons: [REVIEW])',
      [sample('pr.updated', {}, { reason: 'REVIEW' }), asSnapshot(sampleEntry('pr.updated'), 'c')],
      [
        sample('pr.updated'),
        sample('pr.updated', { state: 'MERGED' }, { reason: 'REVIEW' }),
        sample('pr.updated', { author: null }, { reason: 'REVIEW' }),
        sample('pr.updated', { repoId: 'r2' }, { reason: 'REVIEW' }),
      ],
    ],
    [
      'prStateChanged(repoId: "r1", prNumber: 7)',
      [sample('pr.closed')],
      [sample('pr.closed', { number: 8 })],
    ],
    [
      'workflowProgress(projectId: "apollo", workflowId: "w1", statuses: [RUNNING])',
      [sample('workflow.progress')],
      [
        sample('workflow.progress', { status: 'FAILED' }),
        sample('workflow.progress', { id: 'w2' }),
        sample('workflow.progress', { projectId: 'gemini' }),
      ],
    ],
    [
      'issueUpdated(projectId: "apollo", states: [OPEN], assignee: "steve")',
      [sample('issue.commented')],
      [sample('issue.updated', { assignees: [] }), sample('issue.closed', { state: 'CLOSED' })],
    ],
    [
      'issueUpdated(projectId: "apollo", issueId: "i1")',
      [sample('issue.deleted')],
      [sample('issue.updated', { id: 'i2' }), sample('issue.updated', { projectId: 'gemini' })],
    ],
    [
      'aiSuggestion(targetType: PULL_REQUEST, targetId: "r1#7", category: "performance", minSeverity: HIGH, minConfidence: 0.9)',
      [sample('ai.suggestion'), sample('ai.suggestion', { severity: 'CRITICAL', confidence: 1 })],
      [
        sample('ai.suggestion', { severity: 'MEDIUM' }),
        sample('ai.suggestion', { confidence: 0.89 }),
        sample('ai.suggestion', { category: 'style' }),
        sample('ai.suggestion', { targetId: 'r1#8' }),
        sample('ai.analysis_complete'),
      ],
    ],
    [
      'aiAnalysisComplete(targetId: "r1#7")',
      [sample('ai.analysis_complete')],
      [sample('ai.analysis_complete', { targetId: 'x' })],
    ],
    [
      'alertTriggered(rule: "fuel", minSeverity: CRITICAL)',
      [sample('alert.triggered')],
      [sample('alert.triggered', { rule: 'disk' }), sample('alert.triggered', { severity: 'HIGH' })],
    ],
    ['riskAlert(minSeverity: MEDIUM)', [sample('risk.alert')], [sample('risk.alert', { severity: 'LOW' })]],
    [
      'fileChanged(repoId: "r1", pathPrefix: "luminary/")',
      [sample('file.changed')],
      [sample('file.changed', { repoId: 'r2' }), sample('file.changed', { files: [] })],
    ],
    ['autoCommit(phases: [RESULT])', [sample('commit.auto')], [sample('commit.auto', { phase: 'START' })]],
    [
      'agentStatusChanged(statuses: [BUSY])',
      [sample('agent.connected')],
      [sample('agent.connected', { status: 'IDLE' })],
    ],
    [
      'announcement(minSeverity: LOW)',
      [sample('announcement', { severity: 'LOW' })],
      [sample('announcement')],
    ],
    [
      'presence(room: "project:apollo")',
      [sample('presence.changed', { status: 'OFFLINE' }), asSnapshot(sampleEntry('presence.changed'), 'c')],
      [
        asSnapshot(sample('presence.changed', { status: 'OFFLINE' }), 'c'),
        sample('presence.changed', { room: 'lobby' }),
      ],
    ],
    [
      'events(types: [PR_UPDATED, RISK_ALERT], repoId: "r1", actor: "margaret", reasons: [REPORTED])',
      [sample('pr.updated')],
      [
        sample('pr.closed'),
        sample('pr.updated', {}, { actor: 'eve' }),
        sample('pr.updated', {}, { reason: 'REVIEW' }),
        sample('pr.updated', { repoId: 'r2' }),
        sample('risk.alert'),
      ],
    ],
  ])('of %s are kept to', async (call, hits, misses) => {
    const route = await space.route(`subscription { ${call} { cursor } }`);
    for (const entry of hits) expect(passes(route, entry), JSON.stringify(entry.data)).toBe(true);
    for (const entry of misses) expect(passes(route, entry), JSON.stringify(entry.data)).toBe(false);
  });
});

describe('access to a subscription', () => {
  it.each([
    'projectUpdated(projectId: "apollo")',
    'issueUpdated(projectId: "apollo")',
    'workflowProgress(projectId: "apollo")',
    'workflowProgress(workflowId: "w1")',
    'prStateChanged(repoId: "r1")',
    'prStateChanged(repoId: "r1", prNumber: 7)',
    'fileChanged(repoId: "r1")',
    'autoCommit(repoId: "r1", projectId: "gemini")',
    'agentStatusChanged(agentId: "a1")',
    'agentStatusChanged(agentId: "everywhere")',
    'aiSuggestion(projectId: "apollo", targetType: ISSUE, targetId: "i1")',
    'presence(room: "project:apollo")',
    'events(repoId: "r1")',
    'events(projectId: "apollo")',
  ])('is refused to %s without the project', async (call) => {
    await fill();
    const document = `subscription { ${call} { cursor } }`;
    expect(await space.routeRefusal(document, reader('gemini'))).toMatchObject(refused);
    await space.route(document);
  });

  it('is silent about what is not known', async () => {
    for (const call of [
      'prStateChanged(repoId: "r1")',
      'workflowProgress(workflowId: "w1")',
      'agentStatusChanged(agentId: "a1")',
    ]) {
      const route = await space.route(`subscription { ${call} { cursor } }`, reader('gemini'));
      const kind = call.startsWith('pr')
        ? 'pr.updated'
        : call.startsWith('w')
          ? 'workflow.progress'
          : 'agent.connected';
      expect(passes(route, sample(kind))).toBe(false);
      expect(passes(route, sample(kind, { projectId: 'gemini' }))).toBe(true);
    }
  });

  it('needs scope read', async () => {
    for (const call of ['events', 'notification', 'announcement', 'riskAlert', 'presence(room: "lobby")']) {
      expect(
        await space.routeRefusal(`subscription { ${call} { cursor } }`, { scopes: ['publish'] }),
      ).toMatchObject(refused);
    }
  });

  it('gives notifications to their user only', async () => {
    const document = 'subscription { notification { cursor } }';
    expect(
      passes(await space.route(document, { userId: 'margaret', projects: [] }), sampleEntry('notification')),
    ).toBe(true);
    expect(passes(await space.route(document), sampleEntry('notification'))).toBe(false);
    expect(await space.routeRefusal(document, anonymous('apollo'))).toMatchObject(refused);
  });

  it('gives announcements and rooms of the workspace to everybody with a token, with one scope for all', async () => {
    const announcement = 'subscription { announcement { cursor } }';
    const room = 'subscription { presence(room: "lobby") { cursor } }';
    const member = { ...sample('presence.changed', { room: 'lobby' }), projectId: null };
    for (const [document, entry] of [
      [announcement, sampleEntry('announcement')],
      [room, member],
    ] as const) {
      const routes = [
        await space.route(document),
        await space.route(document, reader('p1')),
        await space.route(document, reader()),
      ];
      for (const route of routes) expect(passes(route, entry)).toBe(true);
      expect(new Set(routes.map(({ scope }) => scope.key)).size).toBe(1);
      expect(await space.routeRefusal(document, anonymous('apollo'))).toMatchObject(refused);
    }
  });

  it('is shared by those who see the same', async () => {
    const key = async (call: string, as: As): Promise<string> =>
      (await space.route(`subscription { ${call} { cursor } }`, as)).scope.key;
    const ofProject = 'riskAlert(projectId: "p1")';
    expect(await key(ofProject, reader('p1', 'p2'))).toBe(await key(ofProject, anonymous('p1')));
    expect(await key('riskAlert', reader('p1', 'p2'))).toBe(
      await key('riskAlert', { ...reader('p2', 'p1'), userId: 'eve' }),
    );
    expect(await key('riskAlert', reader('p1'))).not.toBe(await key('riskAlert', reader('p2')));
  });
});
