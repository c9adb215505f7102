import * as code from './code.ts';
import type { Delivery, Ignored, Normaliser } from './delivery.ts';
import * as issues from './issues.ts';
import { Payload } from './payload.ts';
import * as pipelines from './pipelines.ts';
import * as pullRequests from './pull-requests.ts';
import * as repositories from './repositories.ts';
import * as workflows from './workflows.ts';

/** The events of GitHub that Tidings understands, by the name in X-GitHub-Event. */
const normalisers: Readonly<Record<string, Normaliser>> = {
  check_run: pipelines.checkRun,
  check_suite: pipelines.checkSuite,
  code_scanning_alert: code.codeScanningAlert,
  dependabot_alert: code.dependabotAlert,
  deployment: workflows.deployment,
  deployment_status: workflows.deploymentStatus,
  issue_comment: issues.issueComment,
  issues: issues.issues,
  pull_request: pullRequests.pullRequest,
  pull_request_review: pullRequests.pullRequestReview,
  pull_request_review_comment: pullRequests.pullRequestReviewComment,
  pull_request_review_thread: pullRequests.pullRequestReviewComment,
  push: code.push,
  repository: repositories.repositoryItself,
  repository_vulnerability_alert: code.repositoryVulnerabilityAlert,
  secret_scanning_alert: code.secretScanningAlert,
  status: pipelines.status,
  workflow_job: workflows.workflowJob,
  workflow_run: workflows.workflowRun,
};

export const mappedEvents: readonly string[] = Object.keys(normalisers);

/**
 * What one delivery says, told without looking at anything but the delivery.
 *
 * @throws TidingsError BAD_REQUEST or INVALID_INPUT when it lacks what its event can't do without
 */
export function normalise(event: string, body: unknown): Delivery | Ignored {
  const payload = Payload.of(body);
  const normaliser = Object.hasOwn(normalisers, event) ? normalisers[event] : undefined;
  if (normaliser === undefined) return { ignored: `${nameOf(event, payload)} is not mapped` };

  const github = repositories.readRepository(payload);
  const report = normaliser(payload, github);
  if ('ignored' in report) return report;
  return { ...report, github, actor: payload.login('sender') ?? null };
}

function nameOf(event: string, payload: Payload): string {
  const action = payload.name('action');
  return (typeof action === 'string' ? `${event}.${action}` : event).slice(0, 100);
}
