import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenClaims } from '../../src/auth/tokens.ts';
import { StatsDocument } from '../generated/operations.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket, type Message } from '../support/socket.ts';
import { until } from '../support/until.ts';
import { drivers } from '../transport/drivers.ts';

/**
 * Everything published bears the mark `workspace/project` in its texts, so whatever a route shows, a search for marks tells whether it showed
 * too much or too little.
 */
const places = [
  { workspace: 'red', project: 'one' },
  { workspace: 'red', project: 'two' },
  { workspace: 'blue', project: 'one' },
  // Anybody may read the first one of these.
  { workspace: 'default', project: 'open' },
  { workspace: 'default', project: 'closed' },
] as const;
const markOf = ({ workspace, project }: { workspace: string; project: string | null }) =>
  `<${workspace}/${project ?? 'all'}>`;
const workspaces = ['red', 'blue', 'default'] as const;
const allMarks = [
  ...places.map(markOf),
  ...workspaces.flatMap((workspace) => [`<${workspace}/all>`, `<${workspace}/everybody>`]),
];

interface Reader {
  readonly name: string;
  readonly claims: Partial<TokenClaims> | null;
  /** Marks of projects, and of events of no project. */
  readonly may: readonly string[];
}
const readers: readonly Reader[] = [
  {
    name: 'all projects of red',
    claims: { workspace: 'red', projects: '*', scope: 'read' },
    may: ['<red/one>', '<red/two>', '<red/all>', '<red/everybody>'],
  },
  {
    name: 'project one of red',
    claims: { workspace: 'red', projects: ['one'], scope: 'read' },
    may: ['<red/one>', '<red/everybody>'],
  },
  {
    name: 'project two of red',
    claims: { workspace: 'red', projects: ['two', 'nowhere'], scope: 'read' },
    may: ['<red/two>', '<red/everybody>'],
  },
  {
    name: 'no project of red',
    claims: { workspace: 'red', projects: [], scope: 'read' },
    may: ['<red/everybody>'],
  },
  {
    name: 'all projects of blue',
    claims: { workspace: 'blue', projects: '*', scope: 'read' },
    may: ['<blue/one>', '<blue/all>', '<blue/everybody>'],
  },
  { name: 'nobody at all', claims: null, may: ['<default/open>'] },
  { name: 'another workspace', claims: { workspace: 'green', projects: '*', scope: 'read' }, may: [] },
];

const EVENT = `cursor type projectId actor
  ... on ProjectUpdate { project { name } } ... on PrStateChange { pullRequest { title } } ... on IssueUpdate { issue { title } }
  ... on WorkflowProgress { workflow { name } } ... on AgentStatusChange { agent { name } } ... on AiSuggestionMade { suggestion { title } }
  ... on AlertTriggered { alert { message } } ... on RiskAlert { risk { message } } ... on Announcement { message } ... on Notification { title }`;

/** One way to see something, as GraphQL text. */
const queries: Readonly<Record<string, string>> = {
  history: `{ events(first: 500) { nodes { ${EVENT} } } }`,
  projects: '{ projects { nodes { id name } } }',
  'pull requests': '{ pullRequests { nodes { title } } }',
  'pull requests of a repository': '{ pullRequests(repoId: "r-one") { nodes { title } } }',
  issues: '{ issues { nodes { title } } }',
  workflows: '{ workflows { nodes { name } } }',
  agents: '{ agents { nodes { name } } }',
  suggestions: '{ aiSuggestions { nodes { title } } }',
  'suggestions for a target': '{ aiSuggestions(targetType: FILE, targetId: "file") { nodes { title } } }',
  alerts: '{ alerts { nodes { message } } }',
  risks: '{ risks { nodes { message } } }',
  progress: '{ progressOfProjects { nodes { projectId percent } } }',
  'one by one': `{
    a: project(id: "one") { name } b: project(id: "two") { name } c: projectOfRepository(fullName: "acme/one") { name }
    d: pullRequest(repoId: "r-one", number: 1) { title } e: pullRequest(repoId: "r-two", number: 1) { title }
    f: issue(id: "i-one") { title } g: issue(id: "i-two") { title } h: workflow(id: "w-one") { name } i: workflow(id: "w-two") { name }
    j: agent(id: "a-one") { name } k: agent(id: "a-all") { name } l: aiSuggestion(id: "s-one") { title } m: alert(id: "al-two") { message }
    n: alert(id: "al-all") { message } }`,
};
const subscriptions: Readonly<Record<string, string>> = {
  events: `subscription ($after: Cursor) { events(after: $after) { ${EVENT} } }`,
  'pull requests of repository one': `subscription ($after: Cursor, $snapshot: Boolean) {
    prStateChanged(repoId: "r-one", after: $after, snapshot: $snapshot) { ${EVENT.split('...')[0]} pullRequest { title } } }`,
  workflows: `subscription ($after: Cursor, $snapshot: Boolean) { workflowProgress(after: $after, snapshot: $snapshot) { workflow { name } } }`,
  'one workflow': `subscription ($after: Cursor, $snapshot: Boolean) {
    workflowProgress(workflowId: "w-two", after: $after, snapshot: $snapshot) { workflow { name } } }`,
  agents: `subscription ($after: Cursor, $snapshot: Boolean) { agentStatusChanged(after: $after, snapshot: $snapshot) { agent { name } } }`,
  suggestions: `subscription ($after: Cursor, $snapshot: Boolean) { aiSuggestion(after: $after, snapshot: $snapshot) { suggestion { title } } }`,
  alerts: `subscription ($after: Cursor, $snapshot: Boolean) { alertTriggered(after: $after, snapshot: $snapshot) { alert { message } } }`,
  risks: `subscription ($after: Cursor, $snapshot: Boolean) { riskAlert(after: $after, snapshot: $snapshot) { risk { message } } }`,
  announcements: 'subscription ($after: Cursor) { announcement(after: $after) { message } }',
  notifications: 'subscription ($after: Cursor) { notification(after: $after) { title } }',
};
/** What a subscription shows at the most, where that isn't everything that the reader may see. */
const shows: Readonly<Record<string, readonly string[]>> = {
  'pull requests of repository one': ['<red/one>', '<blue/one>'],
  'one workflow': ['<red/two>'],
  workflows: places.map(markOf),
  suggestions: places.map(markOf),
  risks: places.map(markOf),
  agents: [...places.map(markOf), ...workspaces.map((workspace) => `<${workspace}/all>`)],
  alerts: [...places.map(markOf), ...workspaces.map((workspace) => `<${workspace}/all>`)],
  announcements: workspaces.map((workspace) => `<${workspace}/everybody>`),
  notifications: [],
};

const marksIn = (shown: unknown): string[] => allMarks.filter((mark) => JSON.stringify(shown).includes(mark));

describe('what a reader sees', () => {
  let server: TestServer;
  const start: Record<string, string> = {};
  const end: Record<string, string> = {};

  beforeAll(async () => {
    server = await TestServer.start({ environment: { ANONYMOUS_PROJECTS: 'open' } });
    for (const workspace of [...workspaces, 'green']) {
      const token = server.token({ workspace });
      start[workspace] = (await server.run(StatsDocument, undefined, { token })).stats.headCursor;
    }
    for (const place of places) await publishIn(place.workspace, place.project);
    for (const workspace of workspaces) await publishForAll(workspace);
    for (const workspace of [...workspaces, 'green']) {
      const token = server.token({ workspace });
      end[workspace] = (await server.run(StatsDocument, undefined, { token })).stats.headCursor;
    }
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  async function publishIn(workspace: string, project: string): Promise<void> {
    const token = server.token({ workspace, sub: 'service' });
    const mark = markOf({ workspace, project });
    const repoId = `r-${project}`;
    const target = `projectId: "${project}", targetType: FILE, targetId: "file"`;
    await server.run(
      `mutation {
        p: upsertProject(input: { id: "${project}", name: "${mark}" }) { cursor }
        r: registerRepository(input: { projectId: "${project}", repoId: "${repoId}", fullName: "acme/${project}" }) { cursor }
        pr: reportPullRequest(input: { repoId: "${repoId}", number: 1, title: "${mark}" }) { cursor }
        i: reportIssue(input: { id: "i-${project}", projectId: "${project}", title: "${mark}" }) { cursor }
        c: commentOnIssue(input: { issueId: "i-${project}", body: "${mark}" }) { cursor }
        w: reportWorkflow(input: { id: "w-${project}", projectId: "${project}", name: "${mark}", percent: 5 }) { cursor }
        a: reportAgentStatus(input: { id: "a-${project}", projectId: "${project}", name: "${mark}", status: BUSY }) { cursor }
        s: publishAiSuggestion(input: { id: "s-${project}", ${target}, category: "c", title: "${mark}" }) { cursor }
        ac: completeAnalysis(input: { ${target}, summary: "${mark}" }) { cursor }
        al: triggerAlert(input: { id: "al-${project}", projectId: "${project}", rule: "r", message: "${mark}" }) { cursor }
        ri: raiseRisk(input: { projectId: "${project}", severity: HIGH, message: "${mark}" }) { cursor }
        f: reportFileChange(input: { projectId: "${project}", files: [{ path: "${mark}", changeType: CREATED }] }) { cursor }
        co: reportAutoCommit(input: { id: "co-${project}", projectId: "${project}", phase: START, message: "${mark}" }) { cursor }
        pg: reportProgress(input: { projectId: "${project}", completedTasks: 1, totalTasks: 2 }) { cursor }
        n: notify(input: { userId: "somebody", projectId: "${project}", title: "${mark}" }) { cursor }
      }`,
      undefined,
      { token },
    );
  }

  async function publishForAll(workspace: string): Promise<void> {
    const token = server.token({ workspace, sub: 'service' });
    const mark = markOf({ workspace, project: null });
    await server.run(
      `mutation {
        a: reportAgentStatus(input: { id: "a-all", name: "${mark}", status: IDLE }) { cursor }
        al: triggerAlert(input: { id: "al-all", rule: "r", message: "${mark}" }) { cursor }
        an: announce(input: { message: "<${workspace}/everybody>" }) { cursor }
      }`,
      undefined,
      { token },
    );
  }

  /** All that comes until each of a socket's operations has either been refused or is live. */
  async function settled(socket: TestSocket, operations: number, workspace: string): Promise<Message[]> {
    const messages: Message[] = [];
    await until(async () => {
      const { stats } = await server.run(StatsDocument, undefined, { token: server.token({ workspace }) });
      messages.push(...(await socket.drain()));
      const refused = messages.filter((message) => message.type === 'error').length;
      return stats.live === operations - refused;
    });
    return messages;
  }

  const tokenOf = ({ claims }: Reader): string | null =>
    claims === null ? null : server.token({ sub: 'reader', ...claims });
  const payloadOf = (reader: Reader): { token: string } | undefined => {
    const token = tokenOf(reader);
    return token === null ? undefined : { token };
  };

  for (const reader of readers) {
    const workspace = reader.claims?.workspace ?? 'default';
    describe(reader.claims === null ? 'without a token' : `with a token for ${reader.name}`, () => {
      for (const [name, query] of Object.entries(queries)) {
        it(`is nothing that it may not read, in the query of ${name}`, async () => {
          const { data, errors } = await server.query(query, undefined, { token: tokenOf(reader) });
          // A repository of a project that it may not read is refused as such.
          if (errors !== undefined)
            expect(errors.map((error) => error.extensions['code'])).toEqual(['FORBIDDEN']);
          const seen = marksIn(data ?? null);
          expect(seen.filter((mark) => !reader.may.includes(mark))).toEqual([]);
          if (name === 'history') expect(seen.toSorted()).toEqual([...reader.may].toSorted());
        });
      }

      for (const [name, query] of Object.entries(subscriptions)) {
        const expected = reader.may.filter((mark) => shows[name]?.includes(mark) ?? true).toSorted();

        it(`is exactly what it may read, in the subscription of ${name}, over a WebSocket`, async () => {
          using socket = await TestSocket.connect(server.webSocketUrl, payloadOf(reader));
          socket.subscribe('past', query, { after: start[workspace] });
          socket.subscribe('snapshot', query, { snapshot: true });
          socket.subscribe('nothing', query, { after: end[workspace] });
          const messages = await settled(socket, 3, workspace);
          const of = (id: string): Message[] => messages.filter((message) => message.id === id);
          const refused = of('past').some((message) => message.type === 'error');
          if (refused) {
            expect(JSON.stringify(of('past'))).toContain('FORBIDDEN');
            expect(expected).toEqual([]);
          }
          expect(marksIn(of('past')).toSorted()).toEqual(expected);
          expect(marksIn(of('snapshot')).filter((mark) => !reader.may.includes(mark))).toEqual([]);
          if (query.includes('snapshot')) expect(marksIn(of('snapshot')).toSorted()).toEqual(expected);
          expect(marksIn(of('nothing'))).toEqual([]);
        });
      }

      it.each(drivers)('is exactly what it may read, in the events over $name', async (driver) => {
        const count = (await eventsBehind(reader, workspace)).length;
        using peer = await driver.connect(server.graphqlUrl, tokenOf(reader));
        const operation = peer.start(subscriptions['events']!, { after: start[workspace] });
        const seen: unknown[] = [];
        while (seen.length < count) seen.push(await operation.next());
        expect(marksIn(seen).toSorted()).toEqual(count === 0 ? [] : [...reader.may].toSorted());
      });

      it('never comes with the cursor of another workspace', async () => {
        const foreign = workspace === 'red' ? start['blue'] : end['red'];
        const { errors } = await server.query(
          'query ($after: Cursor) { events(after: $after) { nodes { cursor } } }',
          { after: foreign },
          {
            token: tokenOf(reader),
          },
        );
        expect(errors?.[0]?.extensions['code']).toBe('CURSOR_EXPIRED');
      });
    });
  }

  async function eventsBehind(reader: Reader, workspace: string): Promise<unknown[]> {
    const { events } = await server.run<{ events: { nodes: unknown[] } }, unknown>(
      'query ($after: Cursor) { events(after: $after, first: 500) { nodes { cursor } } }',
      { after: start[workspace] },
      { token: tokenOf(reader) },
    );
    return events.nodes;
  }

  it.each([
    ['projectUpdated', 'projectUpdated(projectId: "two") { cursor }'],
    ['issueUpdated', 'issueUpdated(projectId: "two") { cursor }'],
    ['workflowProgress', 'workflowProgress(projectId: "two") { cursor }'],
    ['events', 'events(projectId: "two") { cursor }'],
    ['prStateChanged', 'prStateChanged(repoId: "r-two") { cursor }'],
    ['presence', 'presence(room: "project:two") { cursor }'],
  ])('is FORBIDDEN in %s where it asks for a project that it may not read', async (_field, selection) => {
    using socket = await TestSocket.connect(server.webSocketUrl, {
      token: server.token({ workspace: 'red', projects: ['one'], scope: 'read' }),
    });
    socket.subscribe('1', `subscription { ${selection} }`);
    expect(await socket.receive()).toMatchObject({
      type: 'error',
      id: '1',
      payload: [{ extensions: { code: 'FORBIDDEN' } }],
    });
  });

  it('is nothing without scope read, even to those who may publish everything', async () => {
    const token = server.token({ workspace: 'red', scope: 'publish' });
    const { errors } = await server.query(queries['history']!, undefined, { token });
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN');
  });

  it('is its own notifications only', async () => {
    const token = server.token({ workspace: 'red', sub: 'somebody', scope: 'read', projects: [] });
    using socket = await TestSocket.connect(server.webSocketUrl, { token });
    socket.subscribe('1', subscriptions['notifications']!, { after: start['red'] });
    expect(marksIn(await settled(socket, 1, 'red'))).toEqual(['<red/one>', '<red/two>']);
  });

  it('cannot be published to by those who may only read, or only elsewhere', async () => {
    const mutation = 'mutation { reportProgress(input: { projectId: "two", percent: 1 }) { cursor } }';
    for (const claims of [{ scope: 'read' }, { projects: ['one'] }, { workspace: 'blue' }]) {
      const token = server.token({ workspace: 'red', ...claims });
      const { errors } = await server.query(mutation, undefined, { token });
      // In the other workspace there is no such project at all.
      expect(errors?.[0]?.extensions['code']).toBe(claims.workspace === 'blue' ? 'NOT_FOUND' : 'FORBIDDEN');
    }
  });

  describe('without a token', () => {
    it.each([
      ['publish', 'mutation { announce(input: { message: "m" }) { cursor } }'],
      ['publish there', 'mutation { reportProgress(input: { projectId: "open", percent: 1 }) { cursor } }'],
      ['be in a room', 'mutation { setPresence(input: { room: "project:open" }) { expiresAt } }'],
      ['leave a room', 'mutation { leaveRoom(input: { room: "project:open" }) { left } }'],
      ['see who is in a room of the workspace', '{ presence(room: "lobby") { nodes { userId } } }'],
      [
        'see who is in a room of another project',
        '{ presence(room: "project:closed") { nodes { userId } } }',
      ],
      ['see statistics', '{ stats { live } }'],
      ['see revocations', '{ revocations { userId } }'],
      ['revoke', 'mutation { revoke(input: { userId: "root" }) { revocation { userId } } }'],
      ['give back', 'mutation { liftRevocation(input: { userId: "root" }) { lifted } }'],
    ])('nobody can %s', async (_what, query) => {
      const { status, errors } = await server.query(query, undefined, { token: null });
      expect([status, errors?.[0]?.extensions['code']]).toEqual([403, 'FORBIDDEN']);
      using socket = await TestSocket.connect(server.webSocketUrl, undefined);
      socket.subscribe('1', query);
      expect(JSON.stringify(await socket.receive())).toContain('"code":"FORBIDDEN"');
    });

    it.each(['/session', '/webhooks/cloudevents'])('nobody can use %s', async (path) => {
      const response = await fetch(`${server.url}${path}`, { method: 'POST', body: '{}' });
      expect(response.status).toBe(path === '/session' ? 401 : 403);
    });

    it('is who has a token that is none: it is refused, not taken for none', async () => {
      expect((await server.query(queries['projects']!, undefined, { token: 'garbage' })).status).toBe(401);
    });
  });
});
