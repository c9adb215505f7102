import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serviceViewer } from '../../src/auth/viewer.ts';
import { PositionLost } from '../../src/events/position.ts';
import type { ConnectionContext } from '../../src/schema/context.ts';
import { offsetOf, World, type As, type Workspace } from './world.ts';
import { altered } from '../support/altered-store.ts';
import { TestServer } from '../support/server.ts';

let world: World;
let space: Workspace;
beforeAll(async () => {
  world = await World.open();
});
afterAll(async () => world[Symbol.asyncDispose]());
beforeEach(() => {
  space = world.workspace();
});

/** Two projects, `p1` and `p2`, each with a repository `r1` or `r2` and one of everything. */
async function fill(): Promise<void> {
  for (const n of [1, 2]) {
    const project = { projectId: `p${n}` };
    await space.tell('upsertProject', { id: `p${n}`, name: `Project ${n}` });
    await space.tell('registerRepository', { ...project, repoId: `r${n}`, fullName: `octo/Repo${n}` });
    await space.tell('reportPullRequest', { repoId: `r${n}`, number: 7, title: 'Title', author: 'ada' });
    await space.tell('reportIssue', { id: `i${n}`, repoId: `r${n}`, assignees: ['ada', 'bob'] });
    await space.tell('reportWorkflow', { id: `w${n}`, ...project });
    await space.tell('reportAgentStatus', { id: `a${n}`, ...project, status: 'ONLINE' });
    const target = { targetType: 'FILE', targetId: 'main.ts', category: 'style', title: 'Shorten' };
    await space.tell('publishAiSuggestion', {
      id: `s${n}`,
      ...project,
      ...target,
      severity: 'HIGH',
      confidence: 0.8,
    });
    await space.tell('triggerAlert', { id: `l${n}`, ...project, rule: 'fuel', message: 'Low' });
    await space.tell('raiseRisk', { id: `k${n}`, ...project, severity: 'LOW', message: 'Rain' });
    await space.tell('reportProgress', { ...project, completedTasks: 1, totalTasks: 4 });
  }
}

const reader = (...projects: string[]): As => ({ userId: 'bob', projects, scopes: ['read'] });
const anonymous = (...projects: string[]): As => ({ userId: null, projects, scopes: ['read'] });

const single = [
  ['project', 'project(id: "p1")', '{ id }', { id: 'p1' }],
  ['projectOfRepository', 'projectOfRepository(fullName: "OCTO/repo1")', '{ id }', { id: 'p1' }],
  [
    'pullRequest',
    'pullRequest(repoId: "r1", number: 7)',
    '{ title state }',
    { title: 'Title', state: 'OPEN' },
  ],
  ['issue', 'issue(id: "i1")', '{ id projectId repoId }', { id: 'i1', projectId: 'p1', repoId: 'r1' }],
  ['workflow', 'workflow(id: "w1")', '{ id status }', { id: 'w1', status: 'RUNNING' }],
  ['agent', 'agent(id: "a1")', '{ id }', { id: 'a1' }],
  ['aiSuggestion', 'aiSuggestion(id: "s1")', '{ confidence }', { confidence: 0.8 }],
  ['alert', 'alert(id: "l1")', '{ severity status }', { severity: 'MEDIUM', status: 'OPEN' }],
  ['progress', 'progress(projectId: "p1")', '{ percent }', { percent: 25 }],
] as const;

describe('a query for one entity', () => {
  it.each(single)('gives the %s', async (field, call, selection, expected) => {
    await fill();
    expect(await space.ask(`{ ${call} ${selection} }`)).toEqual({ [field]: expected });
  });

  it('gives null for what is unknown, deleted, of another workspace, or not to be read', async () => {
    const all = `{ ${single.map(([field, call]) => `${field}: ${call} { __typename }`).join(' ')} }`;
    const nothing = Object.fromEntries(single.map(([field]) => [field, null]));
    expect(await space.ask(all)).toEqual(nothing);
    await fill();
    expect(await space.ask(all, {}, reader('p2'))).toEqual(nothing);
    expect(await world.workspace().ask(all)).toEqual(nothing);
    await space.tell('deleteProject', { id: 'p1' });
    expect(await space.ask(all)).toEqual(nothing);
  });

  it('needs scope read', async () => {
    for (const [, call] of single) {
      expect(await space.refusal(`{ ${call} { __typename } }`, {}, { scopes: ['publish'] })).toMatchObject({
        code: 'FORBIDDEN',
      });
    }
  });
});

const lists = [
  ['projects', 'id', ['p1', 'p2']],
  ['pullRequests', 'repoId', ['r1', 'r2']],
  ['issues', 'id', ['i1', 'i2']],
  ['workflows', 'id', ['w1', 'w2']],
  ['agents', 'id', ['a1', 'a2']],
  ['aiSuggestions', 'id', ['s1', 's2']],
  ['alerts', 'id', ['l1', 'l2']],
  ['risks', 'id', ['k1', 'k2']],
  ['progressOfProjects', 'projectId', ['p1', 'p2']],
] as const;

/** The named field of each node of a list. */
async function listed(call: string, field = 'id', as: As = {}): Promise<string[]> {
  const data = await space.ask(`{ list: ${call} { nodes { ${field} } } }`, {}, as);
  return data.list.nodes.map((node: Record<string, string>) => node[field]);
}

describe('a list', () => {
  it.each(lists)('of %s shows what may be read, ordered by id', async (list, field, all) => {
    await fill();
    expect(await listed(list, field)).toEqual(all);
    expect(await listed(list, field, reader('p2'))).toEqual([all[1]]);
    expect(await listed(list, field, reader('p2', 'p1', 'p3'))).toEqual(all);
    expect(await listed(list, field, reader())).toEqual([]);
    expect(await listed(list, field, anonymous('p1'))).toEqual([all[0]]);
  });

  it('is narrowed by its arguments', async () => {
    await fill();
    await space.tell('reportPullRequest', { repoId: 'r1', number: 8, state: 'MERGED', author: 'bob' });
    await space.tell('reportIssue', { id: 'i3', projectId: 'p1', state: 'CLOSED' });
    await space.tell('updateProject', { id: 'p2', status: 'PAUSED' });
    expect(await listed('projects(statuses: [PAUSED])')).toEqual(['p2']);
    expect(await listed('pullRequests(repoId: "r1")', 'number')).toEqual([7, 8]);
    expect(await listed('pullRequests(projectId: "p1", states: [MERGED, CLOSED])', 'number')).toEqual([8]);
    expect(await listed('pullRequests(author: "ada", repoId: "r1")', 'number')).toEqual([7]);
    expect(await listed('pullRequests(repoId: "r1", projectId: "p2")', 'number')).toEqual([]);
    expect(await listed('issues(projectId: "p1")')).toEqual(['i1', 'i3']);
    expect(await listed('issues(projectId: "p1", states: [CLOSED])')).toEqual(['i3']);
    expect(await listed('issues(assignee: "bob")')).toEqual(['i1', 'i2']);
    expect(await listed('issues(repoId: "r2", assignee: "eve")')).toEqual([]);
    expect(await listed('workflows(statuses: [FAILED])')).toEqual([]);
    expect(await listed('agents(projectId: "p2", statuses: [ONLINE])')).toEqual(['a2']);
    expect(await listed('aiSuggestions(targetType: FILE, targetId: "main.ts", projectId: "p1")')).toEqual([
      's1',
    ]);
    expect(await listed('aiSuggestions(targetType: ISSUE)')).toEqual([]);
    expect(
      await listed('aiSuggestions(minSeverity: MEDIUM, minConfidence: 0.8, category: "style")'),
    ).toHaveLength(2);
    expect(await listed('aiSuggestions(minConfidence: 0.81)')).toEqual([]);
    expect(await listed('alerts(rule: "fuel", statuses: [OPEN], minSeverity: HIGH)')).toEqual([]);
    expect(await listed('risks(projectId: "p1", minSeverity: LOW)')).toEqual(['k1']);
  });

  it('of a project that may not be read is refused, of an unknown one empty', async () => {
    for (const list of [
      'pullRequests',
      'issues',
      'workflows',
      'agents',
      'aiSuggestions',
      'alerts',
      'risks',
    ]) {
      const call = `{ ${list}(projectId: "p9") { nodes { __typename } } }`;
      expect(await space.refusal(call, {}, reader('p1'))).toMatchObject({ code: 'FORBIDDEN' });
      expect(await space.ask(call)).toEqual({ [list]: { nodes: [] } });
    }
  });

  it('of agents and alerts of the whole workspace is for those who may read all projects', async () => {
    await space.tell('reportAgentStatus', { id: 'everywhere', status: 'IDLE' });
    await space.tell('triggerAlert', { id: 'everywhere', rule: 'disk', message: 'Full' });
    for (const list of ['agents', 'alerts']) {
      expect(await listed(list)).toEqual(['everywhere']);
      expect(await listed(list, 'id', reader('p1'))).toEqual([]);
    }
  });

  it('needs scope read', async () => {
    for (const [list] of lists) {
      expect(
        await space.refusal(`{ ${list} { nodes { __typename } } }`, {}, { scopes: ['publish'] }),
      ).toMatchObject({
        code: 'FORBIDDEN',
      });
    }
  });
});

interface PageOf {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly nodes: readonly { readonly id: string }[];
  readonly pageInfo: Readonly<Record<string, unknown>>;
}

async function page(args: string, as: As = {}): Promise<PageOf> {
  const { issues } = await space.ask(
    `{ issues(${args}) {
      edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } }`,
    {},
    as,
  );
  return issues;
}

describe('paging through a list', () => {
  /** Issues over two projects, so that their ids interleave; every third is closed. */
  async function issues(count: number): Promise<string[]> {
    for (const id of ['p1', 'p2', 'p3']) await space.tell('upsertProject', { id, name: id });
    const ids = Array.from({ length: count }, (_, index) => `i${String(index).padStart(3, '0')}`);
    const events = ids.map((id, index) => ({
      type: 'ISSUE_CREATED',
      data: { id, projectId: index % 2 === 0 ? 'p1' : 'p2', state: index % 3 === 0 ? 'CLOSED' : 'OPEN' },
    }));
    await space.tell('publishEvents', { events }, 'duplicate');
    return ids;
  }

  it.each([
    ['all projects', {}],
    ['a list of projects', reader('p1', 'p2', 'p3')],
  ])('goes through everything once and in order, for a token of %s', async (_name, as) => {
    const ids = await issues(25);
    const seen: string[] = [];
    let after = '';
    for (const [size, more] of [
      [10, true],
      [10, true],
      [5, false],
    ] as const) {
      const { edges, nodes, pageInfo } = await page(`first: 10${after}`, as);
      expect(nodes).toEqual(edges.map(({ node }) => node));
      expect(nodes).toHaveLength(size);
      expect(pageInfo).toEqual({
        hasNextPage: more,
        hasPreviousPage: after !== '',
        startCursor: edges[0]!.cursor,
        endCursor: edges.at(-1)!.cursor,
      });
      seen.push(...nodes.map(({ id }) => id));
      after = `, after: "${pageInfo['endCursor'] as string}"`;
    }
    expect(seen).toEqual(ids);
  });

  it('knows exactly whether a matching entry follows', async () => {
    await issues(25);
    const open = await page('states: [CLOSED], first: 9');
    expect(open.nodes).toHaveLength(9);
    expect(open.pageInfo['hasNextPage']).toBe(false);
    expect((await page('states: [CLOSED], first: 8')).pageInfo['hasNextPage']).toBe(true);
    const one = await page('states: [CLOSED], first: 24', reader('p1'));
    expect(one.nodes.map(({ id }) => id)).toEqual(['i000', 'i006', 'i012', 'i018', 'i024']);
    expect(one.pageInfo['hasNextPage']).toBe(false);
  });

  it('looks behind many entries that do not match', async () => {
    const ids = await issues(490);
    await space.tell('reportIssue', { id: ids.at(-1)!, assignees: ['eve'] });
    const found = await page('assignee: "eve"');
    expect(found.nodes).toEqual([{ id: 'i489' }]);
    expect(found.pageInfo['hasNextPage']).toBe(false);
  });

  it('has an empty page for nothing', async () => {
    expect(await page('first: 5')).toEqual({
      edges: [],
      nodes: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  it('goes on from a deleted entry', async () => {
    await issues(4);
    const { pageInfo } = await page('first: 2');
    await space.tell('deleteIssue', { id: 'i001' });
    const rest = await page(`after: "${pageInfo['endCursor'] as string}"`);
    expect(rest.nodes.map(({ id }) => id)).toEqual(['i002', 'i003']);
  });

  it('refuses sizes and cursors that make no sense', async () => {
    for (const first of [0, -1, 101]) {
      expect(await space.refusal(`{ issues(first: ${first}) { nodes { id } } }`)).toMatchObject({
        code: 'INVALID_INPUT',
        issues: [{ path: ['first'], message: 'must be between 1 and 100' }],
      });
    }
    for (const after of ['', '???', 'bm90IG91cnM', 'MS4', 'x'.repeat(5_000)]) {
      expect(await space.refusal(`{ issues(after: "${after}") { nodes { id } } }`)).toMatchObject({
        code: 'BAD_CURSOR',
      });
    }
  });
});

describe('pages of large entries', () => {
  const PAGE_CHARACTERS = 4 * 1_024 * 1_024;
  const body = 'x'.repeat(60_000);
  const selection = 'pageInfo { hasNextPage endCursor }';

  /** Each page with less than it was asked for, but for the last. */
  async function pages(ask: (after: string) => Promise<Connection>): Promise<string[]> {
    const ids: string[] = [];
    for (let after = ''; ;) {
      const { nodes, pageInfo } = await ask(after);
      expect(nodes.length).toBeGreaterThan(0);
      expect(JSON.stringify(nodes).length).toBeLessThan(PAGE_CHARACTERS + 2 * body.length);
      ids.push(...nodes.map(({ issue }) => issue.id));
      if (!pageInfo.hasNextPage) return ids;
      after = `, after: "${pageInfo.endCursor}"`;
    }
  }
  interface Connection {
    readonly nodes: readonly { readonly issue: { readonly id: string; readonly body: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  }

  it('end before they are too large, in lists as in history, and nothing is left out', async () => {
    await space.tell('upsertProject', { id: 'p1', name: 'One' });
    const ids = Array.from({ length: 90 }, (_, index) => `i${10 + index}`);
    for (const id of ids) await space.tell('reportIssue', { id, projectId: 'p1', body });
    const history = await pages(async (after) => {
      const filter = `filter: { types: [ISSUE_CREATED] }, first: 500${after}`;
      return (
        await space.ask(
          `{ events(${filter}) { nodes { ... on IssueUpdate { issue { id body } } } ${selection} } }`,
        )
      ).events;
    });
    expect(history).toEqual(ids);
    const inList = await pages(async (after) => {
      const { issues } = await space.ask(`{ issues(first: 100${after}) { nodes { id body } ${selection} } }`);
      return { ...issues, nodes: issues.nodes.map((issue: unknown) => ({ issue })) };
    });
    expect(inList).toEqual(ids);
  });

  it('end as early all together where one document asks for several', async () => {
    await space.tell('upsertProject', { id: 'p1', name: 'One' });
    for (let index = 0; index < 40; index++)
      await space.tell('reportIssue', { id: `i${index}`, projectId: 'p1', body });
    const history = `events(first: 500) { nodes { ... on IssueUpdate { issue { body } } } pageInfo { hasNextPage } }`;
    const list = `issues(first: 100) { nodes { body } pageInfo { hasNextPage } }`;
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const fields = names.map((name) => `${name}1: ${history} ${name}2: ${list}`);
    const answer: Record<string, Connection> = await space.ask(`{ ${fields.join(' ')} }`);
    expect(JSON.stringify(answer).length).toBeLessThan(PAGE_CHARACTERS + 2 * names.length * body.length);
    for (const { nodes, pageInfo } of Object.values(answer)) {
      expect(nodes.length).toBeGreaterThan(0);
      expect(pageInfo.hasNextPage).toBe(nodes.length < 40);
    }
  });

  it('are hardly read where the answer has no room for them', async () => {
    let entries = 0;
    await using server = await TestServer.start({
      aroundStore: (store) =>
        altered(store, {
          readBefore: async (...args) => {
            const found = await store.readBefore(...args);
            entries += found.entries.length;
            return found;
          },
        }),
    });
    for (let index = 0; index < 80; index++)
      await server.run('mutation ($m: String!) { announce(input: { message: $m }) { cursor } }', { m: body });
    const fields = Array.from({ length: 15 }, (_, index) => `a${index}: events(last: 80) { nodes { type } }`);
    await server.run(`{ ${fields.join(' ')} }`);
    // All of them once, and of each other page ten, and one that tells whether there is more.
    expect(entries).toBeLessThan(80 + 15 * 11);
  });
});

describe('history', () => {
  interface History {
    readonly nodes: readonly { readonly type: string; readonly cursor: string }[];
    readonly pageInfo: Readonly<Record<string, unknown>>;
    readonly headCursor: string;
  }

  async function history(args = '', as: As = {}): Promise<History> {
    const { events } = await space.ask(
      `{ events${args === '' ? '' : `(${args})`} {
        edges { cursor node { cursor } } nodes { type cursor projectId }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } headCursor
      } }`,
      {},
      as,
    );
    for (const { cursor, node } of events.edges) expect(cursor).toBe(node.cursor);
    return events;
  }
  const types = ({ nodes }: History): string[] => nodes.map(({ type }) => type);

  it('is empty in an empty workspace', async () => {
    const { nodes, pageInfo, headCursor } = await history();
    expect(nodes).toEqual([]);
    expect(pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: null,
      endCursor: headCursor,
    });
  });

  it('gives the events of the log, oldest first, page by page', async () => {
    await fill();
    const all = await history('first: 500');
    expect(all.nodes.map(({ cursor }) => offsetOf(cursor))).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    expect(types(all).slice(0, 4)).toEqual([
      'PROJECT_CREATED',
      'PROJECT_UPDATED',
      'PR_CREATED',
      'ISSUE_CREATED',
    ]);
    expect(all.pageInfo).toMatchObject({
      hasNextPage: false,
      hasPreviousPage: false,
      endCursor: all.headCursor,
    });
    const first = await history('first: 19');
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, startCursor: first.nodes[0]!.cursor });
    const second = await history(`first: 19, after: "${first.pageInfo['endCursor'] as string}"`);
    expect(types(second)).toEqual(['PROGRESS_UPDATED']);
    expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it('is filtered by kind, project, repository, actor and reason', async () => {
    await fill();
    await space.tell('reportIssue', { id: 'i1', title: 'New', actor: 'eve' });
    await space.tell('commentOnIssue', { issueId: 'i2', body: 'Hm' });
    expect(types(await history('filter: { types: [PR_CREATED, RISK_ALERT] }'))).toHaveLength(4);
    expect(types(await history('filter: { projectId: "p2" }'))).toHaveLength(11);
    expect(types(await history('filter: { repoId: "r1" }'))).toEqual([
      'PROJECT_UPDATED',
      'PR_CREATED',
      'ISSUE_CREATED',
      'ISSUE_UPDATED',
    ]);
    expect(types(await history('filter: { actor: "eve" }'))).toEqual(['ISSUE_UPDATED']);
    expect(types(await history('filter: { reasons: [COMMENT] }'))).toEqual(['ISSUE_COMMENTED']);
    expect(types(await history('filter: { reasons: [COMMENT], projectId: "p1" }'))).toEqual([]);
    expect(types(await history('filter: { types: [] }'))).toEqual([]);
  });

  it('continues behind what was looked at, also where nothing matched', async () => {
    await fill();
    const { nodes, pageInfo, headCursor } = await history('filter: { actor: "nobody" }');
    expect(nodes).toEqual([]);
    expect(pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: null,
      endCursor: headCursor,
    });
  });

  it('gives the newest events first of all, and from there on the older ones, page by page', async () => {
    await fill();
    const offsets = ({ nodes }: History): number[] => nodes.map(({ cursor }) => offsetOf(cursor));
    const newest = await history('last: 8');
    expect(offsets(newest)).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
    expect(newest.pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: true,
      startCursor: newest.nodes[0]!.cursor,
      endCursor: newest.headCursor,
    });
    const older = await history(`last: 8, before: "${newest.pageInfo['startCursor'] as string}"`);
    expect(offsets(older)).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
    expect(older.pageInfo).toMatchObject({ hasNextPage: true, endCursor: older.nodes.at(-1)!.cursor });
    const oldest = await history(`before: "${older.pageInfo['startCursor'] as string}"`);
    expect(offsets(oldest)).toEqual([1, 2, 3, 4]);
    expect(oldest.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const all = await history('last: 20');
    expect(all.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
    expect(types(await history('last: 2, filter: { projectId: "p2" }'))).toEqual(
      types(await history('filter: { projectId: "p2" }')).slice(-2),
    );
    const none = await history('last: 5, filter: { actor: "nobody" }');
    expect(none.nodes).toEqual([]);
    expect(none.pageInfo).toMatchObject({ hasPreviousPage: false, endCursor: none.headCursor });
    const again = await history(`before: "${none.pageInfo['startCursor'] as string}"`);
    expect(again.nodes).toEqual([]);
    expect(again.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    expect((await history('last: 20', reader('p2'))).nodes).toHaveLength(10);
  });

  it('ends, on the way back, where the log was trimmed meanwhile', async () => {
    await fill();
    const { headCursor, nodes } = await history('last: 8');
    space = space.over((store) => ({
      readBefore: async (log, before, limit) => {
        if (before !== 'newest') throw new PositionLost('trimmed', await store.head(log));
        return store.readBefore(log, before, limit);
      },
    }));
    const newest = await history('last: 8');
    expect(newest).toMatchObject({ nodes, headCursor, pageInfo: { hasPreviousPage: false } });
    const everything = await history('filter: { projectId: "p2" }, last: 500');
    expect(everything.nodes).toHaveLength(10);
    expect(everything.pageInfo).toMatchObject({ hasPreviousPage: false, endCursor: headCursor });
    expect(await space.refusal(`{ events(before: "${nodes[0]!.cursor}") { headCursor } }`)).toMatchObject({
      code: 'CURSOR_EXPIRED',
    });
  });

  it('tells where the log ended when the way back began, behind which a subscription misses nothing', async () => {
    await fill();
    const { headCursor } = await history('last: 1');
    const reading = space.over((store) => ({
      readBefore: async (...args) => {
        const read = await store.readBefore(...args);
        await space.tell('raiseRisk', { projectId: 'p1', severity: 'LOW', message: 'Meanwhile' });
        return read;
      },
    }));
    const { events } = await reading.ask(
      '{ events(last: 100) { nodes { cursor } headCursor pageInfo { endCursor } } }',
    );
    expect(events.nodes).toHaveLength(20);
    expect(events).toMatchObject({ headCursor, pageInfo: { endCursor: headCursor } });
  });

  it('looks at 5 000 events a request and says that more is there', async () => {
    await space.tell('upsertProject', { id: 'p1', name: 'One' });
    for (let batch = 0; batch < 11; batch++) {
      const events = Array.from({ length: 500 }, () => ({ type: 'FILE_CHANGED', data: { projectId: 'p1' } }));
      await space.tell('publishEvents', { events }, 'duplicate');
    }
    await space.tell('raiseRisk', { projectId: 'p1', severity: 'LOW', message: 'Rain' });
    const filter = 'filter: { types: [RISK_ALERT] }';
    const first = await history(filter);
    expect(first.nodes).toEqual([]);
    expect(first.pageInfo['hasNextPage']).toBe(true);
    expect(offsetOf(first.pageInfo['endCursor'] as string)).toBe(5_000);
    const second = await history(`${filter}, after: "${first.pageInfo['endCursor'] as string}"`);
    expect(types(second)).toEqual(['RISK_ALERT']);
    expect(second.pageInfo['hasNextPage']).toBe(false);

    const projects = 'filter: { types: [PROJECT_CREATED] }';
    const back = await history(`last: 5, ${projects}`);
    expect(back.nodes).toEqual([]);
    expect(back.pageInfo['hasPreviousPage']).toBe(true);
    const further = await history(`${projects}, before: "${back.pageInfo['startCursor'] as string}"`);
    expect(types(further)).toEqual(['PROJECT_CREATED']);
    expect(further.pageInfo['hasPreviousPage']).toBe(false);
  });

  it('shows events of projects that may be read, announcements to users, and notifications to nobody', async () => {
    await fill();
    await space.tell('announce', { message: 'All hands' });
    await space.tell('notify', { userId: 'bob', title: 'Psst' });
    await space.tell('triggerAlert', { rule: 'disk', message: 'Full' });
    expect(types(await history())).toHaveLength(22);
    const bobs = await history('', reader('p2'));
    expect(bobs.nodes).toHaveLength(11);
    expect(types(bobs).at(-1)).toBe('ANNOUNCEMENT');
    expect((await history('', anonymous('p2'))).nodes).toHaveLength(10);
    expect((await history('filter: { repoId: "r1" }', reader('p2'))).nodes).toEqual([]);
    expect((await history('', reader())).nodes).toHaveLength(1);
    expect(
      await space.refusal('{ events(filter: { projectId: "p1" }) { nodes { type } } }', {}, reader('p2')),
    ).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await space.refusal('{ events { nodes { type } } }', {}, { scopes: ['publish'] })).toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  it('refuses sizes and cursors that make no sense', async () => {
    for (const first of [0, 501]) {
      expect(await space.refusal(`{ events(first: ${first}) { headCursor } }`)).toMatchObject({
        code: 'INVALID_INPUT',
        issues: [{ path: ['first'], message: 'must be between 1 and 500' }],
      });
      expect(await space.refusal(`{ events(last: ${first}) { headCursor } }`)).toMatchObject({
        code: 'INVALID_INPUT',
        issues: [{ path: ['last'], message: 'must be between 1 and 500' }],
      });
    }
    for (const [args, path] of [
      ['first: 1, last: 1', 'last'],
      ['after: "x", before: "y"', 'before'],
    ])
      expect(await space.refusal(`{ events(${args}) { headCursor } }`)).toMatchObject({
        code: 'INVALID_INPUT',
        issues: [{ path: [path], message: 'goes with neither first nor after' }],
      });
    expect(await space.refusal('{ events(before: "nonsense") { headCursor } }')).toMatchObject({
      code: 'BAD_CURSOR',
    });
    expect(await space.refusal('{ events(after: "nonsense") { headCursor } }')).toMatchObject({
      code: 'BAD_CURSOR',
    });
    const { headCursor } = await history();
    const elsewhere = world.workspace();
    for (const argument of ['after', 'before'])
      expect(
        await elsewhere.refusal(`{ events(${argument}: "${headCursor}") { headCursor } }`),
      ).toMatchObject({
        code: 'CURSOR_EXPIRED',
      });
  });
});

describe('presence', () => {
  const inRoom = async (room: string, as: As = {}): Promise<string[]> =>
    listed(`presence(room: "${room}")`, 'userId', as);

  it('lists who is in a room and who has left it lately', async () => {
    await space.tell(
      'setPresence',
      { room: 'lobby', activity: 'reading' },
      'member { status activity } expiresAt',
    );
    await space.tell('setPresence', { room: 'lobby', status: 'AWAY' }, 'member { status }', {
      userId: 'bob',
    });
    expect(await inRoom('lobby')).toEqual(['ada', 'bob']);
    expect(await space.tell('leaveRoom', { room: 'lobby' }, 'left', { userId: 'bob' })).toEqual({
      left: true,
    });
    const members = await space.ask('{ presence(room: "lobby") { nodes { userId status lastSeenAt } } }');
    expect(members).toMatchObject({
      presence: {
        nodes: [
          { userId: 'ada', status: 'ONLINE' },
          { userId: 'bob', status: 'OFFLINE', lastSeenAt: expect.stringMatching(/Z$/) },
        ],
      },
    });
    expect(
      await space.ask('{ presence(room: "lobby", statuses: [ONLINE, AWAY]) { nodes { userId } } }'),
    ).toEqual({
      presence: { nodes: [{ userId: 'ada' }] },
    });
    expect(await inRoom('attic')).toEqual([]);
    expect(await space.tell('leaveRoom', { room: 'attic' }, 'left')).toEqual({ left: false });
  });

  it('lasts with the connection over WebSocket and runs out over HTTP', async () => {
    const set = async (as: As): Promise<{ expiresAt: string | null }> =>
      space.tell('setPresence', { room: 'lobby', status: null }, 'expiresAt member { status }', as);
    expect(await set({})).toMatchObject({
      member: { status: 'ONLINE' },
      expiresAt: expect.stringMatching(/Z$/),
    });
    expect(await set({ connection: connection('c1') })).toMatchObject({ expiresAt: null });
  });

  it("keeps rooms of projects to the projects' readers, and others to users with a token", async () => {
    const room = 'project:p1';
    const refused = { code: 'FORBIDDEN' };
    const query = `{ presence(room: "${room}") { nodes { userId } } }`;
    expect(await inRoom(room, anonymous('p1'))).toEqual([]);
    expect(await space.refusal(query, {}, reader('p2'))).toMatchObject(refused);
    expect(await space.refusalOf('setPresence', { room }, reader('p2'))).toMatchObject(refused);
    expect(await space.refusalOf('leaveRoom', { room }, reader('p2'))).toMatchObject(refused);
    expect(await space.refusalOf('setPresence', { room }, anonymous('p1'))).toMatchObject(refused);
    expect(
      await space.refusal('{ presence(room: "lobby") { nodes { userId } } }', {}, anonymous('p1')),
    ).toMatchObject(refused);
    expect(await space.refusalOf('setPresence', { room: 'lobby' }, anonymous('p1'))).toMatchObject(refused);
    await space.tell('setPresence', { room: 'lobby' }, 'member { userId }', reader());
    expect(await inRoom('lobby', reader())).toEqual(['bob']);
  });

  it('names mistakes', async () => {
    expect(await space.refusalOf('setPresence', { room: 'a room' })).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

function connection(id: string): ConnectionContext {
  return {
    id,
    viewer: serviceViewer('w'),
    refreshSession: async () => Promise.reject(new Error('not here')),
  };
}

describe('the session', () => {
  it('tells who asks', async () => {
    const viewer = '{ viewer { userId workspace projects scopes expiresAt } }';
    expect(await space.ask(viewer, {}, reader('p1'))).toEqual({
      viewer: { userId: 'bob', workspace: space.name, projects: ['p1'], scopes: ['read'], expiresAt: null },
    });
    expect(await space.ask(viewer)).toMatchObject({ viewer: { projects: null } });
  });

  it('is refreshed over WebSocket only', async () => {
    const refresh = 'mutation { refreshSession(token: "t") { ended viewer { userId expiresAt } } }';
    expect(await space.refusal(refresh)).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('only over WebSocket'),
    });
    const refreshed: ConnectionContext = {
      id: 'c1',
      viewer: serviceViewer('w'),
      refreshSession: async (token) => ({
        viewer: { ...serviceViewer('w'), userId: token, expiresAt: 0 },
        ended: 2,
      }),
    };
    expect(await space.ask(refresh, {}, { connection: refreshed })).toEqual({
      refreshSession: { ended: 2, viewer: { userId: 't', expiresAt: '1970-01-01T00:00:00.000Z' } },
    });
  });

  it('tells about the server', async () => {
    expect(await space.ask('{ serverInfo { version time developmentMode uptimeSeconds } }')).toEqual({
      serverInfo: {
        version: '1.2.3',
        time: '1970-01-01T00:01:40.000Z',
        developmentMode: true,
        uptimeSeconds: 60,
      },
    });
  });

  it('tells statistics to admins', async () => {
    await space.tell('announce', { message: 'Hello' });
    const stats = `{ stats { uptimeSeconds connections { name count } subscriptions { name count } sharedOperations
      eventsSeen executions deliveries parked logReads logEvents logBytes headCursor } }`;
    const { stats: told } = await space.ask(stats);
    expect(told).toMatchObject({
      connections: [{ name: 'websocket', count: 2 }],
      deliveries: 30,
      logEvents: 1,
    });
    expect(told.logBytes).toBeGreaterThan(0);
    expect(offsetOf(told.headCursor)).toBe(1);
    expect(await space.refusal(stats, {}, { scopes: ['read', 'publish'] })).toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});
