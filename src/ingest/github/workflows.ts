import type { Workflow } from '../../events/states.ts';
import type { AnyChange, Change } from '../../publishing/change.ts';
import { asOf, ranked, type Home, type Lookup, type Normaliser, type Rank } from './delivery.ts';
import { shorten, type Payload } from './payload.ts';
import { checkState, verdictOn } from './pipelines.ts';
import { checkKey } from './rollup.ts';

type Status = Workflow['status'];

const conclusions: Readonly<Record<string, Status>> = {
  success: 'COMPLETED',
  neutral: 'COMPLETED',
  skipped: 'COMPLETED',
  failure: 'FAILED',
  timed_out: 'FAILED',
  startup_failure: 'FAILED',
  cancelled: 'CANCELLED',
  stale: 'CANCELLED',
  // It waits until a maintainer lets it run.
  action_required: 'QUEUED',
};

const deploymentStates: Readonly<Record<string, Status>> = {
  queued: 'QUEUED',
  pending: 'QUEUED',
  waiting: 'QUEUED',
  in_progress: 'RUNNING',
  success: 'COMPLETED',
  failure: 'FAILED',
  error: 'FAILED',
};

const lookUp = (
  table: Readonly<Record<string, Status>>,
  key: string | null | undefined,
): Status | undefined => (typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined);

/** The status of a workflow run or job by what the object says, which in a late delivery may be more than its action. */
function statusOf(run: Payload): Status | undefined {
  const status = run.name('status');
  if (status === 'completed') return lookUp(conclusions, run.name('conclusion'));
  if (status === 'in_progress') return 'RUNNING';
  return typeof status === 'string' ? 'QUEUED' : undefined;
}

const isOver = (status: Status): boolean =>
  status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';
const rankOf = (status: Status): Rank => (isOver(status) ? 'late' : status === 'RUNNING' ? 'early' : 'first');

interface Stage {
  /** Unique among runs, jobs and deployments, whose numbers GitHub counts separately. */
  readonly id: string;
  readonly status: Status;
  readonly time: string | undefined;
  /** It can start again after its end: a run, by a new attempt. */
  readonly mayRestart: boolean;
  readonly patch: Omit<Change<'workflow'>['patch'], 'id' | 'projectId' | 'repoId' | 'status'>;
}

/** The lookup and the change by which a stage of something that runs is told; the catalogue knows the kind. */
function stageOf(stage: Stage): { lookup: Lookup; changes: (home: Home) => AnyChange[] } {
  const { id, status, time, mayRestart, patch } = stage;
  const changes = (home: Home): AnyChange[] => {
    // A late "queued" or "in progress" of something that has ended says nothing new, and must not tell the end again.
    const isLate = home.workflow !== undefined && isOver(home.workflow.status) && !isOver(status);
    if (isLate && !mayRestart) return [];
    return [
      {
        subject: 'workflow',
        reason: 'PROGRESS',
        patch: {
          ...patch,
          id,
          projectId: home.projectId,
          repoId: home.repoId,
          status,
          // Of an attempt before this one.
          ...(status === 'QUEUED' ? { percent: 0 } : {}),
          error: status === 'FAILED' || status === 'CANCELLED' ? (patch.error ?? null) : null,
        },
        ...asOf('state', time, rankOf(status)),
      },
    ];
  };
  return { lookup: { workflow: id }, changes };
}

export const workflowRun: Normaliser = (payload, repository) => {
  const run = payload.need('workflow_run');
  const status = statusOf(run);
  const state = checkState(run);
  if (status === undefined || state === undefined) {
    return { ignored: 'workflow_run: its status or conclusion is not known to Tidings' };
  }
  const sha = run.needName('head_sha');
  const time = run.firstTime('updated_at', 'run_started_at', 'created_at');
  const stage = stageOf({
    id: `github:run:${run.needId('id')}`,
    status,
    time,
    mayRestart: (run.ordinal('run_attempt') ?? 1) > 1,
    patch: {
      name: run.name('name') ?? payload.object('workflow')?.name('name'),
      headSha: sha,
      url: run.name('html_url'),
      error: run.name('conclusion'),
    },
  });
  const at = ranked(time, isOver(status) ? 'early' : 'first');
  const key = checkKey.suite(run.id('check_suite_id') ?? `of-run-${run.needId('id')}`);
  // A run replaces older ones of the same workflow that were triggered by the same event, as in GitHub's own command line client.
  const workflowId = run.id('workflow_id');
  const line = workflowId === undefined ? undefined : shorten(`${workflowId}/${run.name('event') ?? ''}`);
  const verdict = verdictOn(repository, { run, sha, report: { key, state, at, line } });
  return {
    occurredAt: time,
    lookup: { ...stage.lookup, ...verdict.lookup },
    changes: (home) => [...stage.changes(home), ...verdict.changes(home)],
    otherwise: 'workflow_run: it has already ended',
  };
};

/** Steps done, the one at work or that broke, and how many there are. */
function stepsOf(
  job: Payload,
  status: Status,
): Pick<Stage['patch'], 'step' | 'currentStep' | 'totalSteps' | 'error'> {
  const steps = job.list('steps') ?? [];
  const failed = steps.findIndex((step) =>
    ['failure', 'timed_out', 'cancelled'].includes(step.name('conclusion') ?? ''),
  );
  const conclusion = job.name('conclusion') ?? null;
  const broke = status === 'FAILED' || status === 'CANCELLED' ? steps[failed] : undefined;
  const current = broke ?? steps.find((step) => step.name('status') === 'in_progress');
  const done =
    broke === undefined ? steps.filter((step) => step.name('status') === 'completed').length : failed;
  const isTold = steps.length > 0;
  return {
    step: isTold ? done : null,
    totalSteps: isTold ? steps.length : null,
    currentStep: status === 'COMPLETED' ? null : (current?.name('name') ?? null),
    error:
      broke === undefined
        ? conclusion
        : `${broke.name('name') ?? 'a step'}: ${broke.name('conclusion') ?? ''}`,
  };
}

export const workflowJob: Normaliser = (payload) => {
  const job = payload.need('workflow_job');
  const status = statusOf(job);
  if (status === undefined)
    return { ignored: 'workflow_job: its status or conclusion is not known to Tidings' };
  const started = status === 'QUEUED' ? job.firstTime('created_at', 'started_at') : job.time('started_at');
  const time = isOver(status) ? job.firstTime('completed_at', 'started_at') : started;
  const name = [job.name('workflow_name'), job.name('name')].filter((part) => typeof part === 'string');
  return {
    occurredAt: time,
    ...stageOf({
      id: `github:job:${job.needId('id')}`,
      status,
      time,
      // A new attempt has jobs with new ids.
      mayRestart: false,
      patch: {
        name: name.length > 0 ? shorten(name.join(' / ')) : undefined,
        headSha: job.name('head_sha'),
        url: job.name('html_url'),
        ...stepsOf(job, status),
      },
    }),
    otherwise: 'workflow_job: it has already ended',
  };
};

function deploymentPatch(deployment: Payload): Stage['patch'] {
  const environment = deployment.name('environment') ?? 'unknown';
  return {
    name: shorten(`${deployment.name('task') ?? 'deploy'} to ${environment}`),
    headSha: deployment.name('sha'),
  };
}

export const deployment: Normaliser = (payload) => {
  const deployed = payload.need('deployment');
  const time = deployed.firstTime('created_at', 'updated_at');
  return {
    occurredAt: time,
    ...stageOf({
      id: `github:deployment:${deployed.needId('id')}`,
      status: 'QUEUED',
      time,
      mayRestart: false,
      patch: deploymentPatch(deployed),
    }),
    otherwise: 'deployment: it has already ended',
  };
};

export const deploymentStatus: Normaliser = (payload) => {
  const report = payload.need('deployment_status');
  const deployed = payload.need('deployment');
  const state = report.name('state');
  // An older deployment, long finished, was replaced by a newer one.
  if (state === 'inactive') return { ignored: 'deployment_status: the deployment was replaced' };
  const status = lookUp(deploymentStates, state);
  if (status === undefined) return { ignored: 'deployment_status: its state is not known to Tidings' };
  const time = report.firstTime('updated_at', 'created_at');
  return {
    occurredAt: time,
    ...stageOf({
      id: `github:deployment:${deployed.needId('id')}`,
      status,
      time,
      mayRestart: false,
      patch: {
        ...deploymentPatch(deployed),
        url: report.name('log_url') ?? report.name('target_url') ?? undefined,
        error: report.name('description') ?? state ?? null,
      },
    }),
    otherwise: 'deployment_status: it has already ended',
  };
};
