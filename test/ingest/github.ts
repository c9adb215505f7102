/** What the tests of GitHub's webhooks share: payloads with the parts that a test is about, and their way in. */
import type { EventFacts } from '../../src/events/event.ts';
import { normalise } from '../../src/ingest/github/normalise.ts';
import { planOf } from '../../src/ingest/github/plan.ts';
import { GithubReceiver, type GithubResponse } from '../../src/ingest/github/receive.ts';
import type { Plan } from '../../src/publishing/change.ts';
import type { MemoryState } from './memory-state.ts';

export const REPO = 'github:100';
export const HEAD = 'a'.repeat(40);
export const NEXT_HEAD = 'b'.repeat(40);

/** A moment of the one minute in which the tests play. */
export const at = (second: number): string => `2024-05-01T10:00:${String(second).padStart(2, '0')}Z`;

export const repository = (parts: object = {}): object => ({
  id: 100,
  name: 'app',
  full_name: 'acme/app',
  html_url: 'https://github.com/acme/app',
  description: 'The app',
  default_branch: 'main',
  archived: false,
  updated_at: at(0),
  ...parts,
});

export const sender = { login: 'mona', id: 1 };

export const pull = (parts: object = {}): object => ({
  id: 7_000,
  number: 7,
  title: 'Add search',
  body: 'Finds things.',
  user: { login: 'mona' },
  html_url: 'https://github.com/acme/app/pull/7',
  state: 'open',
  draft: false,
  merged: false,
  merged_at: null,
  created_at: at(1),
  updated_at: at(1),
  closed_at: null,
  head: { ref: 'search', sha: HEAD, repo: { id: 100 } },
  base: { ref: 'main', sha: 'c'.repeat(40), repo: { id: 100 } },
  labels: [],
  assignees: [],
  requested_reviewers: [],
  requested_teams: [],
  ...parts,
});

export const pullRequestEvent = (action: string, parts: object = {}): object => ({
  action,
  number: 7,
  pull_request: pull(parts),
  repository: repository(),
  sender,
});

export const reviewEvent = (action: string, state: string, second: number, parts: object = {}): object => ({
  action,
  review: { id: second, state, submitted_at: at(second), user: { login: 'hubot' } },
  pull_request: pull({ updated_at: at(second), ...parts }),
  repository: repository(),
  sender: { login: 'hubot' },
});

/** As GitHub lists a pull request with a check. */
export const listed = (parts: object = {}): object => ({
  number: 7,
  head: { ref: 'search', sha: HEAD, repo: { id: 100 } },
  base: { ref: 'main', sha: 'c'.repeat(40), repo: { id: 100 } },
  ...parts,
});

export const checkRunEvent = (parts: object = {}, repositoryParts: object = {}): object => ({
  action: 'completed',
  check_run: {
    id: 1,
    name: 'build',
    head_sha: HEAD,
    status: 'completed',
    conclusion: 'success',
    started_at: at(10),
    completed_at: at(20),
    pull_requests: [listed()],
    check_suite: { id: 30, status: 'completed', conclusion: 'success' },
    ...parts,
  },
  repository: repository(repositoryParts),
  sender,
});

const issue = (parts: object = {}): object => ({
  id: 500,
  number: 3,
  title: 'It crashes',
  body: null,
  user: { login: 'mona' },
  html_url: 'https://github.com/acme/app/issues/3',
  state: 'open',
  state_reason: null,
  labels: [],
  assignees: [],
  created_at: at(1),
  updated_at: at(1),
  closed_at: null,
  ...parts,
});

export const issuesEvent = (action: string, parts: object = {}, more: object = {}): object => ({
  action,
  issue: issue(parts),
  repository: repository(),
  sender,
  ...more,
});

/** Publishes a delivery's events; empty when it is ignored. */
export async function deliver(state: MemoryState, event: string, payload: object): Promise<EventFacts[]> {
  const delivery = normalise(event, payload);
  return 'ignored' in delivery ? [] : state.publish(planOf(delivery));
}

/** The plan of a delivery that is known to have one. */
export function plan(event: string, payload: object): Plan {
  const delivery = normalise(event, payload);
  if ('ignored' in delivery) throw new Error(delivery.ignored);
  return planOf(delivery);
}

/** Sends a payload through the receiver, as an unsigned JSON delivery. */
export async function receive(
  state: MemoryState,
  event: string,
  payload: object,
): Promise<{ response: GithubResponse; facts: EventFacts[] }> {
  const facts: EventFacts[] = [];
  const receiver = new GithubReceiver({
    secret: null,
    allowUnsigned: true,
    publish: async (planned) => {
      facts.push(...(await state.publish(planned)));
      return { duplicate: false, count: facts.length, cursor: facts.length > 0 ? 'cursor' : null };
    },
  });
  const response = await receiver.receive({
    headers: { event, delivery: 'd-1', signature: undefined, contentType: 'application/json' },
    rawBody: Buffer.from(JSON.stringify(payload)),
  });
  return { response, facts };
}
