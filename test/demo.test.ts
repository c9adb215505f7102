import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Demo } from '../demo/demo.ts';
import { enumName, kindNames } from '../src/events/catalogue.ts';
import { dataOf, TestSocket } from './support/socket.ts';

const ROUNDS = 2;

interface Told {
  readonly type: string;
  readonly issueId?: string;
  readonly changedFields: readonly string[];
}

let directory: string;
let demo: Demo;
/** What a watcher was told, by round. */
const rounds: Told[][] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidings-demo-'));
  demo = await Demo.start({ directory, port: '0', logLevel: 'error', pace: async () => undefined });
  const { url, developmentToken } = demo.gateway;
  using watcher = await TestSocket.connect(`${url.replace('http', 'ws')}/graphql`, {
    token: developmentToken,
  });
  const fields = 'type changedFields ... on IssueUpdate { issueId }';
  watcher.subscribe('events', `subscription { events { ${fields} } }`);
  watcher.subscribe('presence', 'subscription { presence(room: "project:demo") { type changedFields } }');
  watcher.subscribe('notification', 'subscription { notification { type changedFields } }');
  await watcher.drain();
  for (let round = 0; round < ROUNDS; round++) {
    await demo.playRound();
    const messages = await watcher.drain();
    rounds.push(messages.map((message) => Object.values(dataOf(message))[0] as Told));
  }
});

afterAll(async () => {
  await demo.gateway.stop();
  await rm(directory, { recursive: true });
});

test('a round tells at least one event of every kind', () => {
  const told = new Set(rounds[0]?.map(({ type }) => type));
  expect(kindNames.map(enumName).filter((type) => !told.has(type))).toEqual([]);
});

test('the second round leaves no alert open that the first has not', async () => {
  const { url, developmentToken } = demo.gateway;
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${developmentToken}` },
    body: JSON.stringify({ query: '{ alerts(statuses: [OPEN]) { nodes { id } } }' }),
  });
  const { data } = (await response.json()) as { data: { alerts: { nodes: unknown } } };
  expect(data.alerts.nodes).toEqual([]);
});

test('the second round is told as fully as the first, of other issues', () => {
  const [first = [], second = []] = rounds;
  const typesOf = (told: readonly Told[]): string[] =>
    told
      .map(({ type }) => type)
      .filter((type) => !type.startsWith('PROJECT_'))
      .toSorted();
  expect(typesOf(second)).toEqual(typesOf(first));

  const issuesOf = (told: readonly Told[]) => new Set(told.flatMap(({ issueId }) => issueId ?? []));
  expect([...issuesOf(second)].filter((id) => issuesOf(first).has(id))).toEqual([]);
});
