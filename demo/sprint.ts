import { interleave, PROJECT, REPOSITORY, WATCHER, type Mutation } from './step.ts';

const ROOM = `project:${PROJECT}`;

function publisher(by: string) {
  return (mutation: string, input: Mutation['input'], says: string): Mutation => ({
    by,
    mutation,
    input,
    says,
  });
}

const lead = publisher('lead');
const ci = publisher('ci');
const planner = publisher('planner-agent');
const coder = publisher('coder-agent');
const analyser = publisher('analyser');
const watcher = publisher('file-watcher');
const monitor = publisher('monitor');

function present(user: string, activity: string): Mutation {
  return publisher(user)('setPresence', { room: ROOM, status: 'ONLINE', activity }, `${user} is ${activity}`);
}

/** How a sprint begins: what the rest, and GitHub's deliveries, belong to. */
export function opening(sprint: number): Mutation[] {
  return [
    lead(
      'upsertProject',
      {
        id: PROJECT,
        name: 'Demo project',
        description: 'A made-up sprint, and real payloads of GitHub.',
        status: 'ACTIVE',
        // Where the next start goes on counting.
        metadata: { sprint },
      },
      `sprint ${sprint} begins`,
    ),
    lead(
      'registerRepository',
      { projectId: PROJECT, fullName: 'Codertocat/Hello-World', repoId: REPOSITORY, githubId: '186853002' },
      `GitHub's Codertocat/Hello-World is its repository ${REPOSITORY}`,
    ),
    lead(
      'announce',
      { title: `Sprint ${sprint}`, message: 'Planning is at ten.' },
      `announcement: sprint ${sprint}`,
    ),
  ];
}

/** How it ends. */
export function closing(sprint: number): Mutation[] {
  return [
    ...[coder, planner].map((agent) => {
      const id = agent === coder ? 'coder' : 'planner';
      return agent(
        'reportAgentStatus',
        { id, status: 'OFFLINE', availability: 0 },
        `agent ${id} disconnects`,
      );
    }),
    lead('updateProject', { id: PROJECT, status: 'PAUSED' }, `sprint ${sprint} is over`),
    lead(
      'notify',
      {
        userId: WATCHER,
        projectId: PROJECT,
        title: `Sprint ${sprint} is over`,
        message: 'The next one begins at once.',
      },
      `notification for ${WATCHER}`,
    ),
  ];
}

/** What happens in between, beside what GitHub tells. `pullRequest` is the number of the one that the analyser looks at. */
export function sprintWork(sprint: number, pullRequest: number): Mutation[] {
  return interleave(interleave(agentsAndFiles(sprint), builds(sprint)), [
    ...planning(sprint),
    ...analysis(sprint, pullRequest),
    ...trouble(sprint),
  ]);
}

function agentsAndFiles(sprint: number): Mutation[] {
  const agent = (says: string, input: Mutation['input']): Mutation => {
    const tell = input['id'] === 'coder' ? coder : planner;
    return tell('reportAgentStatus', { projectId: PROJECT, ...input }, says);
  };
  const commit = `auto-${sprint}`;
  return [
    agent('agent planner connects', { id: 'planner', name: 'Planner', status: 'ONLINE', availability: 100 }),
    agent('agent coder connects', { id: 'coder', name: 'Coder', status: 'ONLINE', availability: 100 }),
    agent('agent coder is busy', {
      id: 'coder',
      status: 'BUSY',
      availability: 20,
      metadata: { activeTasks: 2, cpuUsage: 0.61 },
    }),
    watcher(
      'reportFileChange',
      {
        repoId: REPOSITORY,
        files: [
          { path: 'src/reader.ts', changeType: 'MODIFIED' },
          { path: 'src/reader.test.ts', changeType: 'CREATED' },
        ],
      },
      'two files change',
    ),
    watcher(
      'reportFileChange',
      {
        repoId: REPOSITORY,
        files: [{ path: 'docs/reading.md', changeType: 'MOVED', previousPath: 'reading.md' }],
      },
      'a file moves',
    ),
    watcher(
      'reportAutoCommit',
      { id: commit, repoId: REPOSITORY, phase: 'START' },
      'automatic commit starts',
    ),
    watcher(
      'reportAutoCommit',
      { id: commit, phase: 'RESULT', changesCount: 3, message: `Sprint ${sprint}: read in pieces` },
      'automatic commit of 3 files',
    ),
    watcher(
      'reportAutoCommit',
      { id: `${commit}-late`, repoId: REPOSITORY, phase: 'ERROR', error: 'the index is locked' },
      'automatic commit fails',
    ),
    agent('agent coder is idle', { id: 'coder', status: 'IDLE', availability: 90 }),
  ];
}

const buildSteps = ['Install', 'Compile', 'Test', 'Package'];

function builds(sprint: number): Mutation[] {
  const build = `build-${sprint}`;
  const nightly = `nightly-${sprint}`;
  return [
    ci(
      'reportWorkflow',
      {
        id: build,
        repoId: REPOSITORY,
        name: `Build ${sprint}`,
        status: 'QUEUED',
        totalSteps: buildSteps.length,
      },
      `build ${sprint} is queued`,
    ),
    ...buildSteps.map((currentStep, step) =>
      ci(
        'reportWorkflow',
        { id: build, status: 'RUNNING', step, currentStep, logs: [`$ npm run ${currentStep.toLowerCase()}`] },
        `build ${sprint}: ${currentStep.toLowerCase()} (${step + 1} of ${buildSteps.length})`,
      ),
    ),
    ci('reportWorkflow', { id: build, status: 'COMPLETED', logs: ['ok'] }, `build ${sprint} ends well`),
    ci(
      'reportWorkflow',
      { id: nightly, projectId: PROJECT, name: 'Nightly load test', status: 'RUNNING', percent: 40 },
      'the load test starts',
    ),
    ci(
      'reportWorkflow',
      { id: nightly, status: 'FAILED', error: 'p99 latency is over 200 ms', logs: ['p99 = 231 ms'] },
      'the load test fails',
    ),
  ];
}

function planning(sprint: number): Mutation[] {
  const task = `task-${sprint}`;
  const spike = `spike-${sprint}`;
  return [
    present('designer', 'reading the plan'),
    planner(
      'reportIssue',
      {
        id: task,
        projectId: PROJECT,
        title: 'Read large files in pieces',
        priority: 'high',
        labels: ['task'],
      },
      'a task is filed',
    ),
    present('developer-1', 'writing src/reader.ts'),
    lead('reportIssue', { id: task, assignees: ['developer-1'] }, 'the task is assigned'),
    lead(
      'upsertProject',
      { id: spike, name: `Spike of sprint ${sprint}` },
      'a project for a spike is created',
    ),
    planner(
      'commentOnIssue',
      { issueId: task, commentId: `${task}-1`, body: 'Pieces of 64 KiB will do.' },
      'a comment on the task',
    ),
    lead(
      'reportProgress',
      { projectId: PROJECT, completedTasks: 3, totalTasks: 8 },
      'progress: 3 of 8 tasks',
    ),
    present('designer', 'drawing'),
    lead('reportIssue', { id: task, state: 'CLOSED', stateReason: 'COMPLETED' }, 'the task is done'),
    lead(
      'reportIssue',
      { id: `${task}-twin`, projectId: PROJECT, title: 'Filed by mistake' },
      'an issue is filed by mistake',
    ),
    lead('deleteIssue', { id: `${task}-twin` }, 'and deleted'),
  ];
}

function analysis(sprint: number, pullRequest: number): Mutation[] {
  const target = { projectId: PROJECT, targetType: 'PULL_REQUEST', targetId: `${REPOSITORY}#${pullRequest}` };
  return [
    analyser(
      'publishAiSuggestion',
      {
        ...target,
        category: 'readability',
        title: 'Name the section after what it explains',
        severity: 'LOW',
        confidence: 0.62,
        suggestedAction: 'Rename "Info" to "How to install".',
      },
      `AI suggestion for pull request ${pullRequest}`,
    ),
    present('developer-1', `reviewing ${pullRequest}`),
    analyser(
      'publishAiSuggestion',
      {
        projectId: PROJECT,
        targetType: 'FILE',
        targetId: 'src/reader.ts',
        category: 'performance',
        title: 'The whole file is read at once',
        severity: 'HIGH',
        confidence: 0.93,
        metadata: { line: 42 },
      },
      'AI suggestion for src/reader.ts',
    ),
    analyser(
      'completeAnalysis',
      { ...target, summary: 'Small and safe.', suggestionCount: 1, durationMs: 2_400 + sprint },
      `analysis of pull request ${pullRequest} is complete`,
    ),
  ];
}

function trouble(sprint: number): Mutation[] {
  const alert = `latency-${sprint}`;
  const latency = { id: alert, projectId: PROJECT, rule: 'p99-latency', threshold: 200 };
  return [
    monitor(
      'triggerAlert',
      { ...latency, message: 'Responses take too long', severity: 'HIGH', value: 231 },
      'alert: responses take too long',
    ),
    present('designer', 'watching the load test'),
    monitor(
      'raiseRisk',
      { projectId: PROJECT, severity: 'MEDIUM', message: 'Progress is slowing down' },
      'risk: progress is slowing down',
    ),
    monitor(
      'triggerAlert',
      { ...latency, message: 'Responses are fast again', value: 120, status: 'RESOLVED' },
      'the alert is resolved',
    ),
    lead(
      'reportProgress',
      { projectId: PROJECT, completedTasks: 8, totalTasks: 8 },
      'progress: 8 of 8 tasks',
    ),
    publisher('developer-1')('leaveRoom', { room: ROOM }, 'developer-1 leaves'),
    lead('deleteProject', { id: `spike-${sprint}` }, 'the spike is thrown away'),
    publisher('designer')('leaveRoom', { room: ROOM }, 'designer leaves'),
  ];
}
