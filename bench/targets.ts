/** The servers that are measured, as they look from outside: how each is started, subscribed to and published to. */
import { fileURLToPath } from 'node:url';
import { signToken } from '../src/auth/tokens.ts';

export type TargetName = 'tidings' | 'raw ws' | 'textbook';

/** What is published: one of a stream of events, with consecutive numbers from 1. */
export interface BenchEvent {
  /** Everybody listens to HEARD. */
  readonly repoId: string;
  /** Who listens to this author only gets this stream. */
  readonly author: string;
  readonly seq: number;
  /** Characters that it is longer than others. */
  readonly padding?: number;
  /** Of its pull request; without it, one of a hundred. */
  readonly number?: number;
}

export interface Target {
  /** Arguments of node that start it; it prints a line of JSON with `url`. */
  readonly start: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly path: string;
  /** Subprotocol of its WebSocket, if there is one to speak. */
  readonly protocol: 'graphql-transport-ws' | null;
  readonly publishPath: string;
  /** The body of a request that publishes events, in order. */
  readonly publish: (events: readonly BenchEvent[]) => unknown;
  /** Bodies of requests that it needs before the first event. */
  readonly prepare: readonly unknown[];
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const typescript = ['--import', 'tsx'];

const JWT_SECRET = 'a secret of the benchmark, with more than 32 bytes';
/** May do everything. Servers that know no tokens get it as well. */
export const adminToken = (sub = 'bench'): string =>
  signToken(JWT_SECRET, { sub, projects: '*', scope: 'read publish admin' }, 24 * 3_600);

export const HEARD = 'heard';
export const UNHEARD = 'unheard';

/** About 250 bytes on the wire. */
export const SUBSCRIPTION = `subscription ($author: String, $after: Cursor) {
  prStateChanged(repoId: "heard", author: $author, after: $after) { repoId prNumber state pullRequest { title body author headRef pipelineState } }
}`;

/** The number stands in the title, where whoever gets the event finds it without parsing. */
export const stateOf = ({ repoId, author, seq, padding = 0, number = 1 + (seq % 100) }: BenchEvent) => ({
  repoId,
  number,
  title: `seq=${seq} Make the retry queue of the importer bounded`,
  body: '.'.repeat(padding),
  author,
  headRef: 'bounded-retry-queue',
  pipelineState: 'PENDING',
  state: 'OPEN',
});

export const targets: Readonly<Record<TargetName, Target>> = {
  'raw ws': {
    start: [...typescript, file('./servers/raw-ws.ts')],
    environment: {},
    path: '/',
    protocol: null,
    publishPath: '/publish',
    publish: (events) => events.map(stateOf),
    prepare: [],
  },
  textbook: {
    start: [...typescript, file('./servers/textbook.ts')],
    environment: {},
    path: '/graphql',
    protocol: 'graphql-transport-ws',
    publishPath: '/graphql',
    publish: (events) => ({
      query: 'mutation ($events: [PullRequestInput!]!) { publish(events: $events) }',
      variables: { events: events.map(stateOf) },
    }),
    prepare: [],
  },
  tidings: {
    start: [file('../dist/main.js')],
    // One machine and one token stand for ten thousand users.
    environment: {
      JWT_SECRET,
      LOG_LEVEL: 'info',
      DRAIN_SECONDS: '0',
      LIMIT_CONNECTIONS: '0',
      LIMIT_CONNECTIONS_PER_USER: '0',
      LIMIT_NEW_CONNECTIONS: '0',
      LIMIT_PUBLISHES: '0',
    },
    path: '/graphql',
    protocol: 'graphql-transport-ws',
    publishPath: '/graphql',
    publish: (events) => ({
      query: 'mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { cursors } }',
      variables: { input: { events: events.map((event) => ({ type: 'PR_UPDATED', data: stateOf(event) })) } },
    }),
    prepare: [
      {
        query: `mutation {
          upsertProject(input: { id: "bench", name: "Bench" }) { cursor }
          heard: registerRepository(input: { projectId: "bench", fullName: "acme/heard", repoId: "heard" }) { cursor }
          unheard: registerRepository(input: { projectId: "bench", fullName: "acme/unheard", repoId: "unheard" }) { cursor }
        }`,
      },
    ],
  },
};
