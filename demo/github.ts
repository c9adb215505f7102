import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Delivery } from './step.ts';

/** Of the package's own types, which are those of every payload, nothing is needed. */
const definitions = createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly {
  readonly name: string;
  readonly examples: readonly Json[];
}[];

type Json = { readonly [field: string]: unknown };

function example(event: string, index: number): Json {
  const found = definitions.find(({ name }) => name === event)?.examples[index];
  if (found === undefined) throw new Error(`@octokit/webhooks-examples has no ${event} ${index}.`);
  return found;
}

/**
 * A pull request, an issue and what runs for them, told by GitHub's own payloads. They are from several repositories and years; here
 * they are moved to one repository, to numbers that no sprint before had, and to now.
 */
export function githubStory(sprint: number): {
  readonly pullRequest: number;
  readonly deliveries: Delivery[];
} {
  const issue = 2 * sprint - 1;
  const number = 2 * sprint;
  const [first, second] = [shaOf(sprint, 1), shaOf(sprint, 2)] as const;

  const pull = (sha: string, more: Json = {}): Json => ({
    number,
    pull_request: { number, html_url: page('pull', number), head: { sha }, ...more },
  });
  const check = (sha: string): Json => ({
    check_run: { head_sha: sha, check_suite: { head_sha: sha }, pull_requests: [{ number, head: { sha } }] },
  });
  const run = (sha: string): Json => ({
    workflow_run: {
      id: 289_782_451 + sprint,
      name: 'CodeQL',
      head_sha: sha,
      html_url: page('actions/runs', 289_782_451 + sprint),
      pull_requests: [{ number, head: { sha } }],
    },
  });
  const job = (name: string): Json => ({
    workflow_job: {
      id: 289_782_451 + sprint,
      name,
      head_sha: second,
      html_url: page('runs', 289_782_451 + sprint),
    },
  });
  const filed = (more: Json = {}): Json => ({
    issue: { id: 444_500_041 + sprint, number: issue, html_url: page('issues', issue), ...more },
  });
  const deployment = { id: 145_988_746 + sprint };
  const now = { timeOf: 'now' };

  return {
    pullRequest: number,
    deliveries: [
      delivery('push', 5, 'push to master', { after: shaOf(sprint, 0) }),
      delivery('issues', 15, `issue ${issue} opened`, filed({ labels: [], assignees: [] })),
      delivery('pull_request', 12, `pull request ${number} opened`, pull(first, { labels: [] })),
      delivery('issues', 1, `issue ${issue} assigned`, filed({ labels: [] })),
      delivery('issues', 9, `issue ${issue} labelled`, filed()),
      delivery('issue_comment', 2, `comment on issue ${issue}`, filed()),
      delivery('check_run', 5, `checks of pull request ${number} begin`, check(first)),
      delivery('check_run', 1, `checks of pull request ${number} fail`, check(first)),
      delivery('pull_request', 8, `pull request ${number} labelled`, pull(first)),
      delivery('pull_request', 22, `pull request ${number}: new commits`, pull(second)),
      delivery('workflow_run', 3, 'CodeQL is queued', run(second)),
      delivery('workflow_job', 5, 'CodeQL / analyze is queued', job('analyze')),
      delivery('workflow_job', 3, 'CodeQL / analyze runs', job('analyze')),
      delivery('pull_request_review_comment', 2, `comment on the diff of ${number}`, pull(second)),
      delivery('workflow_job', 2, 'CodeQL / analyze ends well', job('analyze')),
      delivery('workflow_run', 2, 'CodeQL ends well', run(second)),
      delivery('check_run', 3, `checks of pull request ${number} pass`, check(second)),
      delivery('pull_request_review', 2, `pull request ${number} approved`, {
        ...pull(second),
        review: { state: 'approved', commit_id: second },
      }),
      delivery('dependabot_alert', 1, 'Dependabot: semver is vulnerable', { alert: { number: sprint } }),
      delivery(
        'pull_request',
        3,
        `pull request ${number} merged`,
        pull(second, { merged: true, merged_at: now }),
      ),
      delivery('dependabot_alert', 0, 'Dependabot: semver is updated', { alert: { number: sprint } }),
      delivery('deployment', 3, 'deployment to production', { deployment }),
      delivery('deployment_status', 3, 'deployed to production', { deployment }),
      // There is no example of an issue being closed; this one is deleted, and closed.
      delivery('issues', 4, `issue ${issue} closed`, { action: 'closed', ...filed({ closed_at: now }) }),
    ],
  };
}

function page(kind: string, id: number): string {
  return `https://github.com/Codertocat/Hello-World/${kind}/${id}`;
}

function shaOf(sprint: number, commit: number): string {
  return createHash('sha1').update(`${sprint}/${commit}`).digest('hex');
}

/** Every payload gets this one, so that the story has one place. */
const { repository } = example('pull_request', 12);

function delivery(event: string, index: number, says: string, edits: Json): Delivery {
  return {
    event,
    says,
    payload: (now) => {
      const original = example(event, index);
      const moved = moveTo(now, originalTime(original), { ...original, repository }) as Json;
      // A push tells when it happened in the repository.
      const pushed = event === 'push' ? { repository: { pushed_at: { timeOf: 'now' } } } : {};
      return fill(overlay(moved, { ...edits, ...pushed }), now) as object;
    },
  };
}

/** What an event is about, of which its time is taken. */
const subjects = [
  'comment',
  'review',
  'pull_request',
  'issue',
  'check_run',
  'workflow_run',
  'workflow_job',
  'alert',
  'deployment_status',
  'deployment',
  'head_commit',
];
const times = ['timestamp', 'completed_at', 'updated_at', 'submitted_at', 'started_at', 'created_at'];

/** When a payload's event happened. */
function originalTime(payload: Json): number {
  const subject = subjects.map((name) => payload[name]).find(isObject);
  const time = times.map((name) => subject?.[name]).find((value) => typeof value === 'string');
  return Date.parse(time as string);
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/** Shifts all times so that `origin` is now, and nothing is in the future. */
function moveTo(now: number, origin: number, value: unknown): unknown {
  if (typeof value === 'string' && MOMENT.test(value)) {
    return new Date(Math.min(now, Date.parse(value) - origin + now)).toISOString();
  }
  return mapParts(value, (part) => moveTo(now, origin, part));
}

/** Puts the time where `{ timeOf: 'now' }` stands. */
function fill(value: unknown, now: number): unknown {
  if (isObject(value) && value['timeOf'] === 'now') return new Date(now).toISOString();
  return mapParts(value, (part) => fill(part, now));
}

/** `base` with the fields of `edits` in the place of its own, also in objects and arrays within; an empty array empties. */
function overlay(base: unknown, edits: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(edits) && edits.length > 0) {
    return base.map((item, index) => (index < edits.length ? overlay(item, edits[index]) : item) as unknown);
  }
  if (!isObject(base) || !isObject(edits)) return edits;
  const edited = Object.entries(edits).map(([field, value]) => [field, overlay(base[field], value)]);
  return { ...base, ...(Object.fromEntries(edited) as Json) };
}

function mapParts(value: unknown, change: (part: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([field, part]) => [field, change(part)]));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
