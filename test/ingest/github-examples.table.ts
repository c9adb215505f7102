/**
 * What every example payload of @octokit/webhooks-examples (api.github.com) becomes: one line each, reviewed against the
 * payload and GitHub's documentation. The lines are the expected value. Nothing rewrites them; when a test says that
 * one is wrong, read the payload and decide which side is.
 *
 *     event/index action after event/index | kind entity-id reason field=value … by=actor at=time && … more events
 *     event/index action                   | ignored: why
 *     # a remark on the next line
 *
 * A line starts on a server that has seen nothing but the delivery named behind `after`. The first event of an unknown
 * repository is preceded by `project.created` for it, which is left out unless the delivery is about the repository.
 * Of an event's data the telling fields are shown (`shownFields`), as far as they are known; commits by 7 digits; `at`
 * in full, `now` where the payload has no time for it.
 */
import { createRequire } from 'node:module';
import { kinds, type SubjectName } from '../../src/events/catalogue.ts';
import type { EventFacts } from '../../src/events/event.ts';

// The package is one JSON file. Its own types would be those of every payload, which nothing here needs.
const require = createRequire(import.meta.url);
const definitions = require('@octokit/webhooks-examples') as readonly {
  readonly name: string;
  readonly examples: readonly object[];
}[];

export interface ExpectedEvent {
  readonly kind: string;
  /** Null for a content that leaves no state. */
  readonly entityId: string | null;
  readonly reason: string;
  /** Field of `data`, or `by`, `at` and `comment`, with its value as `shown`. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface TableLine {
  /** As it stands in the table, for messages. */
  readonly text: string;
  readonly event: string;
  readonly index: number;
  readonly action: string | null;
  /** The line that has to be delivered before. */
  readonly after: { readonly event: string; readonly index: number } | null;
  readonly isPing: boolean;
  readonly ignored: string | null;
  /** Empty for pings and what is ignored. */
  readonly events: readonly ExpectedEvent[];
}

/** The fields of each subject's data that the table shows, in this order. */
const shownFields: Readonly<Partial<Record<SubjectName, readonly string[]>>> = {
  project: ['name', 'status', 'repositories'],
  pullRequest: [
    'state',
    'isDraft',
    'reviewDecision',
    'pipelineState',
    'headRef',
    'headSha',
    'baseRef',
    'labels',
    'assignees',
    'reviewers',
  ],
  issue: ['number', 'state', 'stateReason', 'priority', 'labels', 'assignees'],
  workflow: ['name', 'status', 'percent', 'step', 'totalSteps', 'currentStep', 'headSha', 'error'],
  alert: ['rule', 'severity', 'status', 'value', 'message'],
  fileChange: ['ref', 'headSha', 'files'],
};

/** A value as the table writes it; undefined where it leaves it out. */
function shown(value: unknown): string | undefined {
  if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return undefined;
  if (Array.isArray(value)) return value.map((item) => shownItem(item)).join(',');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (/^[0-9a-f]{40}$/.test(text)) return text.slice(0, 7);
  return /[\s|&"]/.test(text) ? JSON.stringify(text) : text;
}

function shownItem(item: unknown): string {
  if (typeof item === 'string') return item;
  const { path, changeType, fullName, defaultBranch } = item as Record<string, string>;
  return path === undefined ? `${fullName}@${defaultBranch}` : `${changeType}:${path}`;
}

/** An event as the table shows it. `now` is what the clock of the test says. */
export function shownEvent(
  facts: Pick<EventFacts, 'kind' | 'entityId' | 'reason' | 'data' | 'actor' | 'occurredAt' | 'detail'>,
  now: string,
): ExpectedEvent {
  const data: Readonly<Record<string, unknown>> = facts.data;
  const fields: Record<string, string> = {};
  const show = (name: string, value: unknown): void => {
    const text = shown(value);
    if (text !== undefined) fields[name] = text;
  };
  for (const field of shownFields[kinds[facts.kind]] ?? []) show(field, data[field]);
  show('comment', facts.detail.comment?.action);
  show('by', facts.actor);
  show('at', facts.occurredAt === now ? 'now' : facts.occurredAt.replace('.000Z', 'Z'));
  return { kind: facts.kind, entityId: facts.entityId, reason: facts.reason, fields };
}

const LINE =
  /^(?<event>\w+)\/(?<index>\d+)(?: (?<action>(?!after\b)[\w-]+))?(?: after (?<before>\w+)\/(?<beforeIndex>\d+))?\s*\| (?<outcome>.+)$/;

function parseLine(text: string): TableLine {
  const found = LINE.exec(text)?.groups;
  if (found === undefined) throw new Error(`not a line of the table: ${text}`);
  const { event = '', index, action, before, beforeIndex, outcome = '' } = found;
  const ignored = /^ignored: (.+)$/.exec(outcome)?.[1] ?? null;
  return {
    text,
    event,
    index: Number(index),
    action: action ?? null,
    after: before === undefined ? null : { event: before, index: Number(beforeIndex) },
    isPing: outcome === 'pong',
    ignored,
    events: ignored === null && outcome !== 'pong' ? outcome.split(' && ').map(parseEvent) : [],
  };
}

function parseEvent(text: string): ExpectedEvent {
  const [kind = '', entityId = '', reason = ''] = text.split(' ', 3);
  const fields: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/ (\w+)=("(?:[^"\\]|\\.)*"|\S+)/g))
    fields[name] = value;
  return { kind, entityId: entityId === '-' ? null : entityId, reason, fields };
}

/** The payload of a line, as GitHub sent it. A copy: change it as you like. */
export function loadExample({ event, index }: { readonly event: string; readonly index: number }): object {
  const example = definitions.find(({ name }) => name === event)?.examples[index];
  if (example === undefined) throw new Error(`no example ${event}/${index}`);
  return structuredClone(example);
}

/** All examples there are, as `event/index`. */
export function allExamples(): string[] {
  return definitions.flatMap(({ name, examples }) => examples.map((_, index) => `${name}/${index}`));
}

/**
 * The examples share their repositories, issues and pull requests, and some their whole text. With ids of its own a line
 * can run beside the others on one server: `relocate(loadExample(line), n)` becomes `relocatedEvents(line, n)`, for any
 * n from 1 to 1000 that no other line has. What stands behind `after` goes before it, with the same n.
 */
export function relocate(payload: object, n: number): object {
  return JSON.parse(JSON.stringify(payload), (key, value: unknown) =>
    key === 'id' && typeof value === 'number' ? value + n * ID_DISTANCE : value,
  ) as object;
}

/** More than any id in the examples; a thousandfold of it is still a safe integer. */
const ID_DISTANCE = 1e12;

function relocatedId(id: string, n: number): string {
  const shift = (digits: string): string => String(Number(digits) + n * ID_DISTANCE);
  return id
    .replace(/^(github:(?:\w+:)?)(\d+)/, (_, prefix: string, digits: string) => prefix + shift(digits))
    .replace(/\/vulnerability\/(\d+)$/, (_, digits: string) => `/vulnerability/${shift(digits)}`);
}

export function relocatedEvents(line: TableLine, n: number): ExpectedEvent[] {
  return line.events.map((event) => ({
    ...event,
    entityId: event.entityId === null ? null : relocatedId(event.entityId, n),
  }));
}

/** Whether a line tells `project.created` of an unknown repository itself. */
export function isAboutRepository(line: TableLine): boolean {
  return line.event === 'repository';
}

const text = String.raw`
branch_protection_rule/0 edited | ignored: branch_protection_rule.edited is not mapped
branch_protection_rule/1 created | ignored: branch_protection_rule.created is not mapped
branch_protection_rule/2 created | ignored: branch_protection_rule.created is not mapped
branch_protection_rule/3 deleted | ignored: branch_protection_rule.deleted is not mapped
branch_protection_rule/4 edited | ignored: branch_protection_rule.edited is not mapped
# A pull request that is first seen in the list of a check is introduced with what the list tells of it.
check_run/0 created | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=PENDING headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:12Z
check_run/1 completed | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=FAILURE headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:12Z
check_run/2 completed after check_run/1 | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=SUCCESS headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:12Z
check_run/3 completed | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=SUCCESS headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:12Z
check_run/4 created | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=PENDING headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:12Z
check_run/5 created | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=PENDING headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:12Z
# Sent to the app whose button it was; the check itself is as before.
check_run/6 requested_action | ignored: check_run.requested_action: a button was pressed
# No pull request is listed, and none with this head is known.
check_run/7 rerequested | ignored: check_run: no known pull request has the head d6fde92
check_run/8 rerequested | ignored: check_run: no known pull request has the head d6fde92
check_suite/0 completed | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=SUCCESS headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:14Z
# Lists no pull request, as for forks: found by its head commit, which the delivery before told. Here master is called main.
check_suite/1 completed after pull_request/12 | project.updated github:186853002 REPOSITORY name=Codertocat/Hello-World status=ACTIVE repositories=Codertocat/Hello-World@main by=Codertocat at=2019-05-15T15:21:14Z && pr.updated github:186853002#2 PIPELINE state=OPEN isDraft=false pipelineState=SUCCESS headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:14Z
check_suite/2 completed | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=SUCCESS headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:14Z
check_suite/3 completed | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=SUCCESS headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:21:14Z
# Queued, with no check run in it (latest_check_runs_count=0): no pull request waits for that.
check_suite/4 requested | ignored: check_suite.requested: nothing runs yet
check_suite/5 requested | ignored: check_suite.requested: nothing runs yet
check_suite/6 requested | ignored: check_suite.requested: nothing runs yet
# Shows the old conclusion still, but is to run again; when that was asked for is not told.
check_suite/7 rerequested | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=PENDING headRef=changes headSha=ec26c3e baseRef=master by=octocoders-linter[bot] at=now
check_suite/8 rerequested | pr.updated github:186853002#2 PIPELINE state=OPEN pipelineState=PENDING headRef=changes headSha=ec26c3e baseRef=master by=octocoders-linter[bot] at=now
# SARIF level "note".
code_scanning_alert/0 reopened | alert.triggered github:186853002/code-scanning/10 STATE rule=Style/FrozenStringLiteralComment severity=LOW status=OPEN message="Add the frozen_string_literal comment to the top of files to help transition to frozen string literals by default." by=github at=2020-07-22T14:06:31Z
# SARIF level "error"; there is no security_severity_level. The "Medium" is part of the text.
code_scanning_alert/1 closed_by_user | alert.triggered github:337911632/code-scanning/10 STATE rule=ANCHOREVULN_CVE-2020-27218_java-archive_http2-hpack_9.4.27.v20200227 severity=HIGH status=DISMISSED message="CVE-2020-27218 Severity=Medium Package=http2-hpack Version=9.4.27.v20200227" by=Codertocat at=2021-02-11T02:59:08Z
code_scanning_alert/2 created | alert.triggered github:337911632/code-scanning/10 OPENED rule=java/sql-injection severity=HIGH status=OPEN message="Query built from user-controlled sources" by=github at=2021-02-11T03:10:43Z
# Neither updated_at nor fixed_at: when is not told.
code_scanning_alert/3 fixed | alert.triggered github:337911632/code-scanning/10 STATE rule=java/sql-injection severity=HIGH status=RESOLVED message="Query built from user-controlled sources" by=github at=now
code_scanning_alert/4 reopened | alert.triggered github:186853002/code-scanning/10 STATE rule=Style/FrozenStringLiteralComment severity=LOW status=OPEN message="Add the frozen_string_literal comment to the top of files to help transition to frozen string literals by default." by=github at=now
code_scanning_alert/5 reopened | alert.triggered github:186853002/code-scanning/10 STATE rule=Style/FrozenStringLiteralComment severity=LOW status=OPEN message="Add the frozen_string_literal comment to the top of files to help transition to frozen string literals by default." by=github at=now
commit_comment/0 created | ignored: commit_comment.created is not mapped
commit_comment/1 created | ignored: commit_comment.created is not mapped
commit_comment/2 created | ignored: commit_comment.created is not mapped
commit_comment/3 created | ignored: commit_comment.created is not mapped
commit_comment/4 created | ignored: commit_comment.created is not mapped
create/0 | ignored: create is not mapped
create/1 | ignored: create is not mapped
create/2 | ignored: create is not mapped
create/3 | ignored: create is not mapped
create/4 | ignored: create is not mapped
delete/0 | ignored: delete is not mapped
delete/1 | ignored: delete is not mapped
delete/2 | ignored: delete is not mapped
delete/3 | ignored: delete is not mapped
dependabot_alert/0 fixed | alert.triggered github:1296269/dependabot/1 STATE rule=GHSA-8f4m-hccc-8qph severity=MEDIUM status=RESOLVED value=5.5 message="Insertion of Sensitive Information into Log File in ansible" by=github at=2022-06-15T13:55:40Z
dependabot_alert/1 created | alert.triggered github:512875663/dependabot/20 OPENED rule=GHSA-c2qf-rxjj-qqgw severity=MEDIUM status=OPEN value=5.3 message="semver vulnerable to Regular Expression Denial of Service" by=github at=2023-06-24T13:57:12Z
dependabot_alert/2 fixed | alert.triggered github:1296269/dependabot/1 STATE rule=GHSA-8f4m-hccc-8qph severity=MEDIUM status=RESOLVED value=5.5 message="Insertion of Sensitive Information into Log File in ansible" by=github at=2022-06-15T13:55:40Z
deploy_key/0 created | ignored: deploy_key.created is not mapped
deploy_key/1 created | ignored: deploy_key.created is not mapped
deployment/0 created | workflow.started github:deployment:145988746 PROGRESS name="deploy to production" status=QUEUED percent=0 headSha=f95f852 by=Codertocat at=2019-05-15T15:20:53Z
deployment/1 created | workflow.started github:deployment:145988746 PROGRESS name="deploy to github-pages" status=QUEUED percent=0 headSha=f95f852 by=Codertocat at=2022-01-03T01:28:30Z
deployment/2 created | workflow.started github:deployment:145988746 PROGRESS name="deploy to production" status=QUEUED percent=0 headSha=f95f852 by=Codertocat at=2019-05-15T15:20:53Z
deployment/3 created | workflow.started github:deployment:145988746 PROGRESS name="deploy to production" status=QUEUED percent=0 headSha=f95f852 by=Codertocat at=2019-05-15T15:20:53Z
deployment_review/0 requested | ignored: deployment_review.requested is not mapped
# The deployment of the line before becomes a workflow that ends.
deployment_status/0 created after deployment/0 | workflow.completed github:deployment:145988746 PROGRESS name="deploy to production" status=COMPLETED percent=100 headSha=f95f852 by=Codertocat at=2019-05-15T15:20:55Z
deployment_status/1 created after deployment/1 | workflow.progress github:deployment:145988746 PROGRESS name="deploy to github-pages" status=RUNNING percent=0 headSha=f95f852 by=Codertocat at=2022-01-03T01:28:40Z
deployment_status/2 created | workflow.completed github:deployment:145988746 PROGRESS name="deploy to production" status=COMPLETED percent=100 headSha=f95f852 by=Codertocat at=2019-05-15T15:20:55Z
deployment_status/3 created | workflow.completed github:deployment:145988746 PROGRESS name="deploy to production" status=COMPLETED percent=100 headSha=f95f852 by=Codertocat at=2019-05-15T15:20:55Z
discussion/0 created | ignored: discussion.created is not mapped
discussion/1 answered | ignored: discussion.answered is not mapped
discussion/2 category_changed | ignored: discussion.category_changed is not mapped
discussion/3 created | ignored: discussion.created is not mapped
discussion/4 edited | ignored: discussion.edited is not mapped
discussion/5 edited | ignored: discussion.edited is not mapped
discussion/6 labeled | ignored: discussion.labeled is not mapped
discussion/7 labeled | ignored: discussion.labeled is not mapped
discussion/8 locked | ignored: discussion.locked is not mapped
discussion/9 locked | ignored: discussion.locked is not mapped
discussion/10 pinned | ignored: discussion.pinned is not mapped
discussion/11 transferred | ignored: discussion.transferred is not mapped
discussion/12 unanswered | ignored: discussion.unanswered is not mapped
discussion/13 unlabeled | ignored: discussion.unlabeled is not mapped
discussion/14 unlocked | ignored: discussion.unlocked is not mapped
discussion_comment/0 created | ignored: discussion_comment.created is not mapped
discussion_comment/1 created | ignored: discussion_comment.created is not mapped
discussion_comment/2 deleted | ignored: discussion_comment.deleted is not mapped
discussion_comment/3 edited | ignored: discussion_comment.edited is not mapped
fork/0 | ignored: fork is not mapped
fork/1 | ignored: fork is not mapped
fork/2 | ignored: fork is not mapped
github_app_authorization/0 revoked | ignored: github_app_authorization.revoked is not mapped
github_app_authorization/1 revoked | ignored: github_app_authorization.revoked is not mapped
gollum/0 | ignored: gollum is not mapped
gollum/1 | ignored: gollum is not mapped
gollum/2 | ignored: gollum is not mapped
installation/0 deleted | ignored: installation.deleted is not mapped
installation/1 created | ignored: installation.created is not mapped
installation/2 created | ignored: installation.created is not mapped
installation/3 deleted | ignored: installation.deleted is not mapped
installation/4 new_permissions_accepted | ignored: installation.new_permissions_accepted is not mapped
installation/5 suspend | ignored: installation.suspend is not mapped
installation/6 unsuspend | ignored: installation.unsuspend is not mapped
installation_repositories/0 added | ignored: installation_repositories.added is not mapped
installation_repositories/1 added | ignored: installation_repositories.added is not mapped
installation_repositories/2 removed | ignored: installation_repositories.removed is not mapped
issue_comment/0 created | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug assignees=Codertocat comment=CREATED by=Codertocat at=2019-05-15T15:20:21Z
# The issue was last changed long after this comment was written.
issue_comment/1 created | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug comment=CREATED by=Codertocat at=2019-05-15T15:20:21Z
issue_comment/2 created | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug assignees=Codertocat comment=CREATED by=Codertocat at=2019-05-15T15:20:21Z
issue_comment/3 created after issues/15 | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug assignees=Codertocat comment=CREATED by=Codertocat at=2019-05-15T15:20:21Z
issue_comment/4 created | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug assignees=Codertocat comment=CREATED by=Codertocat at=2019-05-15T15:20:21Z
issue_comment/5 deleted | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug assignees=Codertocat comment=DELETED by=Codertocat at=2019-05-15T15:20:22Z
issue_comment/6 deleted | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug assignees=Codertocat comment=DELETED by=Codertocat at=2019-05-15T15:20:22Z
issue_comment/7 edited | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug assignees=Codertocat comment=EDITED by=Codertocat at=2019-05-15T15:20:22Z
issue_comment/8 edited | issue.commented github:444500041 COMMENT number=1 state=OPEN labels=bug assignees=Codertocat comment=EDITED by=Codertocat at=2019-05-15T15:20:22Z
issues/0 edited | issue.updated github:444500041 EDITED number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/1 assigned | issue.assigned github:444500041 ASSIGNEES number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/2 assigned | issue.assigned github:444500041 ASSIGNEES number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/3 assigned | issue.assigned github:444500041 ASSIGNEES number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
# deleted: closed at the time.
issues/4 deleted | issue.deleted github:444500041 DELETED number=1 state=CLOSED labels=bug assignees=Codertocat by=Codertocat at=2021-10-11T16:40:56Z
# An issues event about pull request 2: never an issue of its own.
issues/5 demilestoned | pr.updated github:186853002#2 MILESTONE state=OPEN isDraft=false labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:35Z
issues/6 demilestoned | pr.updated github:186853002#2 MILESTONE state=OPEN isDraft=false labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:35Z
issues/7 edited | issue.updated github:444500041 EDITED number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/8 edited | issue.updated github:444500041 EDITED number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/9 labeled | issue.updated github:444500041 LABELS number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/10 labeled | issue.updated github:444500041 LABELS number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/11 locked | issue.updated github:444500041 LOCK number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:27Z
issues/12 locked | issue.updated github:444500041 LOCK number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:27Z
issues/13 milestoned | pr.updated github:186853002#2 MILESTONE state=OPEN isDraft=false labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:35Z
issues/14 milestoned | pr.updated github:186853002#2 MILESTONE state=OPEN isDraft=false labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:35Z
issues/15 opened | issue.created github:444500041 OPENED number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/16 opened | issue.created github:444500041 OPENED number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/17 opened | issue.created github:444500041 OPENED number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
# Came from another repository by a transfer.
issues/18 opened | issue.created github:444500041 MOVED number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
# The example has neither state nor labels: what is not told is left alone.
issues/19 pinned | issue.updated github:444500041 LOCK number=1 state=OPEN assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
issues/20 reopened after issues/18 | issue.updated github:444500041 STATE number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2021-10-11T16:40:56Z
# Moved away: gone here. Its new place is told by that repository's hook, as opened.
issues/21 transferred | issue.deleted github:512748900 MOVED number=1 state=OPEN by=Codertocat at=2019-10-25T22:46:30Z
# Unassigned, but the example shows the assignee still.
issues/22 unassigned | issue.assigned github:444500041 ASSIGNEES number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:25Z
issues/23 unassigned | issue.assigned github:444500041 ASSIGNEES number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:25Z
# Unlabelled, but the example shows the label still.
issues/24 unlabeled | issue.updated github:444500041 LABELS number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:26Z
issues/25 unlabeled | issue.updated github:444500041 LABELS number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:26Z
issues/26 unlocked | issue.updated github:444500041 LOCK number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:28Z
issues/27 unlocked | issue.updated github:444500041 LOCK number=1 state=OPEN labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:28Z
issues/28 unpinned | issue.updated github:444500041 LOCK number=1 state=OPEN assignees=Codertocat by=Codertocat at=2019-05-15T15:20:18Z
label/0 deleted | ignored: label.deleted is not mapped
label/1 created | ignored: label.created is not mapped
label/2 created | ignored: label.created is not mapped
label/3 created | ignored: label.created is not mapped
label/4 deleted | ignored: label.deleted is not mapped
label/5 edited | ignored: label.edited is not mapped
marketplace_purchase/0 purchased | ignored: marketplace_purchase.purchased is not mapped
marketplace_purchase/1 cancelled | ignored: marketplace_purchase.cancelled is not mapped
marketplace_purchase/2 changed | ignored: marketplace_purchase.changed is not mapped
marketplace_purchase/3 purchased | ignored: marketplace_purchase.purchased is not mapped
member/0 added | ignored: member.added is not mapped
member/1 added | ignored: member.added is not mapped
member/2 added | ignored: member.added is not mapped
member/3 edited | ignored: member.edited is not mapped
membership/0 removed | ignored: membership.removed is not mapped
membership/1 added | ignored: membership.added is not mapped
membership/2 removed | ignored: membership.removed is not mapped
membership/3 removed | ignored: membership.removed is not mapped
membership/4 removed | ignored: membership.removed is not mapped
merge_group/0 checks_requested | ignored: merge_group.checks_requested is not mapped
merge_group/1 checks_requested | ignored: merge_group.checks_requested is not mapped
meta/0 deleted | ignored: meta.deleted is not mapped
meta/1 deleted | ignored: meta.deleted is not mapped
milestone/0 created | ignored: milestone.created is not mapped
milestone/1 closed | ignored: milestone.closed is not mapped
milestone/2 closed | ignored: milestone.closed is not mapped
milestone/3 created | ignored: milestone.created is not mapped
milestone/4 deleted | ignored: milestone.deleted is not mapped
organization/0 member_added | ignored: organization.member_added is not mapped
organization/1 member_added | ignored: organization.member_added is not mapped
organization/2 member_added | ignored: organization.member_added is not mapped
organization/3 member_invited | ignored: organization.member_invited is not mapped
organization/4 renamed | ignored: organization.renamed is not mapped
org_block/0 blocked | ignored: org_block.blocked is not mapped
org_block/1 blocked | ignored: org_block.blocked is not mapped
org_block/2 blocked | ignored: org_block.blocked is not mapped
org_block/3 unblocked | ignored: org_block.unblocked is not mapped
package/0 published | ignored: package.published is not mapped
package/1 published | ignored: package.published is not mapped
package/2 published | ignored: package.published is not mapped
page_build/0 | ignored: page_build is not mapped
page_build/1 | ignored: page_build is not mapped
page_build/2 | ignored: page_build is not mapped
# Answered by the receiver.
ping/0 | pong
ping/1 | pong
ping/2 | pong
ping/3 | pong
project/0 created | ignored: project.created is not mapped
project/1 created | ignored: project.created is not mapped
project/2 created | ignored: project.created is not mapped
project_card/0 created | ignored: project_card.created is not mapped
project_card/1 created | ignored: project_card.created is not mapped
project_card/2 created | ignored: project_card.created is not mapped
project_card/3 created | ignored: project_card.created is not mapped
project_card/4 created | ignored: project_card.created is not mapped
project_card/5 deleted | ignored: project_card.deleted is not mapped
project_card/6 deleted | ignored: project_card.deleted is not mapped
project_card/7 deleted | ignored: project_card.deleted is not mapped
project_card/8 moved | ignored: project_card.moved is not mapped
project_column/0 created | ignored: project_column.created is not mapped
project_column/1 created | ignored: project_column.created is not mapped
project_column/2 created | ignored: project_column.created is not mapped
project_column/3 edited | ignored: project_column.edited is not mapped
projects_v2_item/0 created | ignored: projects_v2_item.created is not mapped
projects_v2_item/1 archived | ignored: projects_v2_item.archived is not mapped
projects_v2_item/2 converted | ignored: projects_v2_item.converted is not mapped
projects_v2_item/3 created | ignored: projects_v2_item.created is not mapped
projects_v2_item/4 edited | ignored: projects_v2_item.edited is not mapped
projects_v2_item/5 reordered | ignored: projects_v2_item.reordered is not mapped
projects_v2_item/6 restored | ignored: projects_v2_item.restored is not mapped
# The same as repository.publicized, which is mapped.
public/0 | ignored: public is not mapped
public/1 | ignored: public is not mapped
public/2 | ignored: public is not mapped
pull_request/0 opened | pr.created github:186853002#2 OPENED state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:20:33Z
pull_request/1 assigned | pr.updated github:186853002#2 ASSIGNEES state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
pull_request/2 assigned | pr.updated github:186853002#2 ASSIGNEES state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
# Closed without merging: merged=false, merged_at=null.
pull_request/3 closed after pull_request/12 | pr.closed github:186853002#2 STATE state=CLOSED isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:18Z
pull_request/4 closed | pr.closed github:186853002#2 STATE state=CLOSED isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:18Z
pull_request/5 converted_to_draft | pr.updated github:186853002#2 DRAFT state=OPEN isDraft=true headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:18Z
pull_request/6 converted_to_draft | pr.updated github:186853002#2 DRAFT state=OPEN isDraft=true headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:18Z
pull_request/7 converted_to_draft | pr.updated github:186853002#2 DRAFT state=OPEN isDraft=true headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:18Z
pull_request/8 labeled | pr.updated github:186853002#2 LABELS state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:35Z
pull_request/9 labeled | pr.updated github:186853002#2 LABELS state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:35Z
pull_request/10 locked | pr.updated github:186853002#2 LOCK state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:36Z
pull_request/11 locked | pr.updated github:186853002#2 LOCK state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:36Z
pull_request/12 opened | pr.created github:186853002#2 OPENED state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
pull_request/13 opened | pr.created github:186853002#2 OPENED state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
pull_request/14 opened | pr.created github:186853002#2 OPENED state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
pull_request/15 ready_for_review | pr.updated github:186853002#2 DRAFT state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:18Z
pull_request/16 ready_for_review | pr.updated github:186853002#2 DRAFT state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:18Z
pull_request/17 ready_for_review | pr.updated github:186853002#2 DRAFT state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:21:18Z
pull_request/18 reopened | pr.updated github:186853002#2 STATE state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
pull_request/19 reopened | pr.updated github:186853002#2 STATE state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
# Removed, but the example shows the reviewer still.
pull_request/20 review_request_removed | pr.updated github:186853002#2 REVIEWERS state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
pull_request/21 review_requested | pr.updated github:186853002#2 REVIEWERS state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
# Same head as before in the example, so what the checks say stays.
pull_request/22 synchronize | pr.updated github:186853002#2 COMMITS state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:33Z
pull_request/23 unassigned | pr.updated github:186853002#2 ASSIGNEES state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:35Z
pull_request/24 unassigned | pr.updated github:186853002#2 ASSIGNEES state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:35Z
# Unlabelled, but the example shows the label still.
pull_request/25 unlabeled | pr.updated github:186853002#2 LABELS state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:36Z
pull_request/26 unlabeled | pr.updated github:186853002#2 LABELS state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:36Z
pull_request/27 unlocked | pr.updated github:186853002#2 LOCK state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:37Z
pull_request/28 unlocked | pr.updated github:186853002#2 LOCK state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat by=Codertocat at=2019-05-15T15:20:37Z
# All submitted ones are comments, which decide nothing. The oldest payload has no draft flag.
pull_request_review/0 submitted | pr.updated github:186853002#2 REVIEW state=OPEN headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:20:38Z
# What was decided is open again.
pull_request_review/1 dismissed after pull_request/12 | pr.updated github:186853002#2 REVIEW state=OPEN isDraft=false reviewDecision=REVIEW_REQUIRED headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:38Z
pull_request_review/2 submitted | pr.updated github:186853002#2 REVIEW state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:38Z
pull_request_review/3 submitted | pr.updated github:186853002#2 REVIEW state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:38Z
pull_request_review_comment/0 created | pr.updated github:186853002#2 COMMENT state=OPEN headRef=changes headSha=ec26c3e baseRef=master by=Codertocat at=2019-05-15T15:20:37Z
pull_request_review_comment/1 created | pr.updated github:186853002#2 COMMENT state=OPEN headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:37Z
pull_request_review_comment/2 created | pr.updated github:186853002#2 COMMENT state=OPEN headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:37Z
pull_request_review_comment/3 deleted | pr.updated github:186853002#2 COMMENT state=OPEN headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:38Z
pull_request_review_comment/4 edited | pr.updated github:186853002#2 COMMENT state=OPEN headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:38Z
pull_request_review_thread/0 resolved | pr.updated github:280886604#118 COMMENT state=OPEN isDraft=false headRef=issue-comment headSha=14ae1f9 baseRef=master by=octocat at=2022-03-21T09:21:38Z
pull_request_review_thread/1 resolved | pr.updated github:186853002#2 COMMENT state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:38Z
pull_request_review_thread/2 unresolved | pr.updated github:186853002#2 COMMENT state=OPEN isDraft=false headRef=changes headSha=ec26c3e baseRef=master labels=bug assignees=Codertocat reviewers=octocat by=Codertocat at=2019-05-15T15:20:38Z
# The head commit has a file, but it was pushed with a branch, not with the tag.
push/0 | ignored: push to refs/tags/simple-tag: a tag has no files of its own
push/1 | ignored: push to refs/tags/simple-tag: a tag has no files of its own
push/2 | ignored: push to refs/tags/simple-tag: a tag has no files of its own
push/3 | ignored: push to refs/tags/simple-tag: a tag has no files of its own
# The first push to master.
push/4 | file.changed - COMMITS ref=refs/heads/master headSha=6113728 files=CREATED:README.md by=Codertocat at=2019-05-15T15:20:57Z
push/5 | file.changed - COMMITS ref=refs/heads/master headSha=6113728 files=CREATED:README.md by=Codertocat at=2019-05-15T15:20:57Z
push/6 | ignored: push to refs/tags/simple-tag: a tag has no files of its own
release/0 published | ignored: release.published is not mapped
release/1 created | ignored: release.created is not mapped
release/2 created | ignored: release.created is not mapped
release/3 created | ignored: release.created is not mapped
release/4 deleted | ignored: release.deleted is not mapped
release/5 deleted | ignored: release.deleted is not mapped
release/6 edited | ignored: release.edited is not mapped
release/7 edited | ignored: release.edited is not mapped
release/8 prereleased | ignored: release.prereleased is not mapped
release/9 prereleased | ignored: release.prereleased is not mapped
release/10 published | ignored: release.published is not mapped
release/11 published | ignored: release.published is not mapped
release/12 released | ignored: release.released is not mapped
repository_dispatch/0 on-demand-test | ignored: repository_dispatch.on-demand-test is not mapped
repository_dispatch/1 on-demand-test | ignored: repository_dispatch.on-demand-test is not mapped
# Unknown until now: seen for the first time.
repository/0 publicized | project.created github:186853002 REPOSITORY name=Codertocat/Hello-World status=ACTIVE repositories=Codertocat/Hello-World@master by=Codertocat at=2019-05-15T15:21:03Z
repository/1 created | project.created github:186853261 REPOSITORY name=Octocoders/Hello-World status=ACTIVE repositories=Octocoders/Hello-World@master by=Codertocat at=2019-05-15T15:20:41Z
repository/2 created after repository/1 | ignored: repository.created: it is known already
# The description, which was "My Repo".
repository/3 edited after repository/1 | project.updated github:186853261 REPOSITORY name=Octocoders/Hello-World status=ACTIVE repositories=Octocoders/Hello-World@master by=Codertocat at=2019-05-15T15:20:41Z
# The default branch, which was main.
repository/4 edited after repository/1 | project.updated github:186853261 REPOSITORY name=Octocoders/Hello-World status=ACTIVE repositories=Octocoders/Hello-World@master by=Codertocat at=2019-05-15T15:20:41Z
repository/5 privatized | project.created github:186853002 REPOSITORY name=Codertocat/Hello-World status=ACTIVE repositories=Codertocat/Hello-World@master by=Codertocat at=2019-05-15T15:21:02Z
repository/6 privatized after repository/5 | project.updated github:186853002 REPOSITORY name=Codertocat/Hello-World status=ACTIVE repositories=Codertocat/Hello-World@master by=Codertocat at=2019-05-15T15:21:02Z
repository/7 publicized after repository/5 | project.updated github:186853002 REPOSITORY name=Codertocat/Hello-World status=ACTIVE repositories=Codertocat/Hello-World@master by=Codertocat at=2019-05-15T15:21:03Z
repository/8 publicized | project.created github:186853002 REPOSITORY name=Codertocat/Hello-World status=ACTIVE repositories=Codertocat/Hello-World@master by=Codertocat at=2019-05-15T15:21:03Z
# The example's new name is the old one.
repository/9 renamed after repository/1 | project.updated github:186853261 REPOSITORY name=Octocoders/Hello-World status=ACTIVE repositories=Octocoders/Hello-World@master by=Codertocat at=2019-05-15T15:20:41Z
repository/10 transferred after repository/1 | project.updated github:186853261 REPOSITORY name=Octocoders/Hello-World status=ACTIVE repositories=Octocoders/Hello-World@master by=Codertocat at=2019-05-15T15:20:41Z
repository/11 transferred | project.created github:186853261 REPOSITORY name=Octocoders/Hello-World status=ACTIVE repositories=Octocoders/Hello-World@master by=Codertocat at=2019-05-15T15:20:41Z
repository/12 transferred | project.created github:186853261 REPOSITORY name=Octocoders/Hello-World status=ACTIVE repositories=Octocoders/Hello-World@master by=Codertocat at=2019-05-15T15:20:41Z
repository_import/0 | ignored: repository_import is not mapped
repository_import/1 | ignored: repository_import is not mapped
# The oldest payload has no number.
repository_vulnerability_alert/0 create | alert.triggered github:186853002/vulnerability/91095730 OPENED rule=GHSA-hg78-4f6x-99wq severity=MEDIUM status=OPEN message="rack >= 2.0.4, < 2.0.6" by=github at=2021-03-01T01:23:45Z
# With a number it is the Dependabot alert of that number.
repository_vulnerability_alert/1 create | alert.triggered github:186853002/dependabot/2 OPENED rule=GHSA-qqgx-2p2h-9c37 severity=MEDIUM status=OPEN message="rack >= 2.0.4, < 2.0.6" by=github at=2021-03-01T01:23:45Z
repository_vulnerability_alert/2 create | alert.triggered github:186853002/dependabot/2 OPENED rule=GHSA-qqgx-2p2h-9c37 severity=MEDIUM status=OPEN message="rack >= 2.0.4, < 2.0.6" by=github at=2018-11-01T00:00:00Z
repository_vulnerability_alert/3 dismiss | alert.triggered github:186853002/dependabot/2 STATE rule=GHSA-qqgx-2p2h-9c37 severity=MEDIUM status=DISMISSED message="many_versioned_gem 0.2.0" by=github at=2017-10-25T00:00:00Z
security_advisory/0 published | ignored: security_advisory.published is not mapped
security_advisory/1 published | ignored: security_advisory.published is not mapped
security_advisory/2 updated | ignored: security_advisory.updated is not mapped
security_advisory/3 withdrawn | ignored: security_advisory.withdrawn is not mapped
sponsorship/0 created | ignored: sponsorship.created is not mapped
sponsorship/1 pending_tier_change | ignored: sponsorship.pending_tier_change is not mapped
sponsorship/2 created | ignored: sponsorship.created is not mapped
sponsorship/3 pending_tier_change | ignored: sponsorship.pending_tier_change is not mapped
star/0 created | ignored: star.created is not mapped
star/1 created | ignored: star.created is not mapped
star/2 deleted | ignored: star.deleted is not mapped
# The first commit of master; no pull request's head.
status/0 | ignored: status: no known pull request has the head 6113728
status/1 | ignored: status: no known pull request has the head 6113728
status/2 | ignored: status: no known pull request has the head 6113728
status/3 | ignored: status: no known pull request has the head 6113728
team/0 added_to_repository | ignored: team.added_to_repository is not mapped
team/1 added_to_repository | ignored: team.added_to_repository is not mapped
team/2 created | ignored: team.created is not mapped
team/3 deleted | ignored: team.deleted is not mapped
team/4 edited | ignored: team.edited is not mapped
team/5 removed_from_repository | ignored: team.removed_from_repository is not mapped
team_add/0 | ignored: team_add is not mapped
team_add/1 | ignored: team_add is not mapped
team_add/2 | ignored: team_add is not mapped
watch/0 started | ignored: watch.started is not mapped
watch/1 started | ignored: watch.started is not mapped
watch/2 started | ignored: watch.started is not mapped
workflow_dispatch/0 | ignored: workflow_dispatch is not mapped
workflow_dispatch/1 | ignored: workflow_dispatch is not mapped
# No workflow_name.
workflow_job/0 in_progress | workflow.started github:job:2832853555 PROGRESS name="Test workflow" status=RUNNING percent=0 step=0 totalSteps=1 currentStep="Set up job" headSha=e3103f8 by=octocat at=2021-06-15T19:22:27Z
# 12 steps are listed (their own numbers have gaps); the eighth broke.
workflow_job/1 completed | workflow.failed github:job:289782451 PROGRESS name="CodeQL / linters" status=FAILED percent=58.3 step=7 totalSteps=12 currentStep="Run yarn run format-check" headSha=3484a3f error="Run yarn run format-check: failure" by=Codertocat at=2021-08-05T10:38:16Z
workflow_job/2 completed | workflow.completed github:job:289782451 PROGRESS name="CodeQL / linters" status=COMPLETED percent=100 step=8 totalSteps=8 headSha=3484a3f by=Codertocat at=2021-08-05T10:38:16Z
workflow_job/3 in_progress after workflow_job/5 | workflow.progress github:job:289782451 PROGRESS name="CodeQL / Analyze (javascript)" status=RUNNING percent=0 step=0 totalSteps=1 currentStep="Set up job" headSha=3484a3f by=Codertocat at=2021-09-13T02:21:13Z
workflow_job/4 in_progress | workflow.started github:job:14541957942 PROGRESS name="Test / Do examples need to be regenerated?" status=RUNNING percent=22.2 step=2 totalSteps=9 currentStep="Run actions/setup-node@2fddd8803e2f5c9604345a0b591c3020ee971a93" headSha=eeeb91c by=renovate[bot] at=2023-06-26T03:31:36Z
workflow_job/5 queued | workflow.started github:job:289782451 PROGRESS name="CodeQL / update" status=QUEUED percent=0 headSha=3484a3f by=Codertocat at=2021-09-13T02:21:13Z
# queued, while the job says waiting: both are before it runs.
workflow_job/6 queued | workflow.started github:job:12877621891 PROGRESS name="Env Test / test" status=QUEUED percent=0 headSha=16c5286 by=lineville at=2023-04-19T21:12:12Z
workflow_job/7 waiting after workflow_job/6 | workflow.progress github:job:12877621891 PROGRESS name="Env Test / test" status=QUEUED percent=0 headSha=16c5286 by=lineville at=2023-04-19T21:12:12Z
# The action says completed, the run itself queued and no conclusion: the run is believed.
workflow_run/0 completed | workflow.started github:run:1589141559 PROGRESS name="Manually triggered workflow" status=QUEUED percent=0 headSha=5779607 by=Codertocat at=2021-12-16T19:37:22Z
workflow_run/1 completed after workflow_run/3 | workflow.completed github:run:289782451 PROGRESS name=test status=COMPLETED percent=100 headSha=3484a3f by=Codertocat at=2020-10-05T16:33:49Z
# Lists pull request 2 of another repository, which is none of ours.
workflow_run/2 completed | workflow.completed github:run:289782451 PROGRESS name=test status=COMPLETED percent=100 headSha=3484a3f by=Codertocat at=2020-10-05T16:33:49Z
workflow_run/3 requested | workflow.started github:run:289782451 PROGRESS name=test status=QUEUED percent=0 headSha=3484a3f by=Codertocat at=2020-10-05T16:33:24Z
# Completed with action_required: it waits for a maintainer to approve it.
workflow_run/4 requested | workflow.started github:run:289782451 PROGRESS name=test status=QUEUED percent=0 headSha=3484a3f by=Codertocat at=2020-10-05T16:33:24Z
`;

export const table: readonly TableLine[] = text
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('# '))
  .map((line) => parseLine(line));
