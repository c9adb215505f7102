/** An event of every kind, with every field set, and filed where such an event is filed. */
import { kinds, subjectOf, type Kind, type StateOf, type SubjectName } from '../../src/events/catalogue.ts';
import type { Entry, EventDetail, EventFacts } from '../../src/events/event.ts';

/** A full state of every subject, all of project `apollo` and repository `r1`. */
const sampleStates: { readonly [Name in SubjectName]: StateOf<Name> } = {
  project: {
    id: 'apollo',
    name: 'Apollo',
    description: 'To the moon.',
    repositoryUrl: 'https://github.example/nasa/apollo',
    status: 'ACTIVE',
    metadata: { budget: 25 },
    repositories: [
      {
        id: 'r1',
        fullName: 'nasa/apollo',
        githubId: '11',
        url: 'https://github.example/nasa/apollo',
        defaultBranch: 'main',
        isArchived: false,
      },
    ],
  },
  pullRequest: {
    repoId: 'r1',
    number: 7,
    projectId: 'apollo',
    title: 'Land softly',
    body: 'Throttle down.',
    author: 'margaret',
    url: 'https://github.example/nasa/apollo/pull/7',
    state: 'OPEN',
    isDraft: false,
    reviewDecision: 'APPROVED',
    pipelineState: 'SUCCESS',
    headRef: 'soft-landing',
    headSha: 'c0ffee',
    baseRef: 'main',
    labels: ['guidance'],
    assignees: ['margaret'],
    reviewers: ['don'],
    insights: { summary: 'Sound.', suggestionCount: 2, metadata: { model: 'agc' } },
  },
  issue: {
    id: 'i1',
    projectId: 'apollo',
    repoId: 'r1',
    number: 1202,
    title: 'Program alarm',
    body: 'Executive overflow.',
    author: 'buzz',
    url: 'https://github.example/nasa/apollo/issues/1202',
    state: 'OPEN',
    stateReason: 'REOPENED',
    priority: 'high',
    labels: ['alarm'],
    assignees: ['steve'],
  },
  workflow: {
    id: 'w1',
    projectId: 'apollo',
    repoId: 'r1',
    name: 'Descent',
    status: 'RUNNING',
    percent: 62.5,
    step: 5,
    currentStep: 'P64',
    totalSteps: 8,
    headSha: 'c0ffee',
    url: 'https://ci.example/1',
    error: 'none yet',
  },
  agent: {
    id: 'a1',
    projectId: 'apollo',
    name: 'Capcom',
    status: 'BUSY',
    availability: 20,
    metadata: { loops: 3 },
  },
  suggestion: {
    id: 's1',
    projectId: 'apollo',
    targetType: 'PULL_REQUEST',
    targetId: 'r1#7',
    category: 'performance',
    title: 'Drop the radar job',
    description: 'It steals cycles.',
    severity: 'HIGH',
    confidence: 0.9,
    suggestedAction: 'Switch it to LGC.',
    metadata: { cycles: 0.15 },
  },
  analysis: {
    id: 'n1',
    projectId: 'apollo',
    targetType: 'PULL_REQUEST',
    targetId: 'r1#7',
    summary: 'Sound.',
    suggestionCount: 2,
    durationMs: 1_500,
    metadata: { model: 'agc' },
  },
  alert: {
    id: 'l1',
    projectId: 'apollo',
    rule: 'fuel',
    message: 'Sixty seconds.',
    severity: 'CRITICAL',
    threshold: 60,
    value: 58.5,
    status: 'OPEN',
    url: 'https://telemetry.example/fuel',
    metadata: { tank: 'descent' },
  },
  risk: {
    id: 'k1',
    projectId: 'apollo',
    severity: 'MEDIUM',
    message: 'Boulders.',
    metadata: { crater: 'West' },
  },
  fileChange: {
    projectId: 'apollo',
    repoId: 'r1',
    ref: 'refs/heads/main',
    headSha: 'c0ffee',
    files: [{ path: 'luminary/P64.agc', changeType: 'MOVED', previousPath: 'P64.agc' }],
  },
  autoCommit: {
    id: 'm1',
    projectId: 'apollo',
    repoId: 'r1',
    phase: 'RESULT',
    success: true,
    changesCount: 3,
    sha: 'c0ffee',
    message: 'Pad the gains',
    error: 'none',
  },
  progress: { projectId: 'apollo', percent: 40, completedTasks: 2, totalTasks: 5 },
  announcement: {
    title: 'Launch',
    message: 'All engines running.',
    severity: 'INFO',
    url: 'https://news.example',
  },
  notification: {
    userId: 'margaret',
    projectId: 'apollo',
    title: 'Your turn',
    message: 'A review waits for you.',
    severity: 'LOW',
    url: 'https://review.example',
  },
  member: {
    room: 'project:apollo',
    userId: 'margaret',
    status: 'BUSY',
    activity: 'simulating',
    lastSeenAt: '2026-11-20T09:00:00.000Z',
  },
};

const details: { readonly [Name in Kind]?: EventDetail } = {
  'issue.commented': {
    comment: {
      id: '42',
      author: 'steve',
      body: 'We are go on that alarm.',
      url: 'https://github.example/nasa/apollo/issues/1202#42',
      action: 'CREATED',
    },
  },
  'workflow.progress': { logs: ['P63', 'P64'] },
};

export function sampleFacts(kind: Kind): EventFacts {
  const name = kinds[kind];
  const data = sampleStates[name];
  const subject = subjectOf(kind);
  return {
    kind,
    reason: 'REPORTED',
    projectId: subject.projectId(data),
    userId: subject.userId?.(data) ?? null,
    entityId: subject.id?.(data) ?? null,
    actor: 'margaret',
    source: 'api',
    occurredAt: '2026-11-20T09:00:00.000Z',
    data,
    changed: subject.id === undefined ? [] : Object.keys(data),
    detail: details[kind] ?? {},
    asOf: {},
  };
}

export function sampleEntry(kind: Kind, offset = 1): Entry {
  return {
    ...sampleFacts(kind),
    position: { epoch: 'samples', offset, chain: offset.toString(16).padStart(8, '0') },
    recordedAt: '2026-11-20T09:00:00.100Z',
    revision: 1,
  };
}
