import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TidingsError, type ErrorCode } from '../../src/errors.ts';
import type { EventStore } from '../../src/store/store.ts';
import { AnnounceDocument } from '../generated/operations.ts';
import { TestServer, type TestServerOptions } from '../support/server.ts';
import { until } from '../support/until.ts';
import { issuesEvent } from './github.ts';

/** A store that can be reached, or not. */
class Outage {
  code: ErrorCode | undefined;
  /** The next so many appends are made, but it is away before it has answered. */
  answersToLose = 0;

  readonly around = (store: EventStore): EventStore =>
    new Proxy(store, {
      get: (_, name) => {
        const method = store[name as keyof EventStore] as (...args: unknown[]) => Promise<unknown>;
        if (name === 'close') return method.bind(store);
        return async (...args: unknown[]): Promise<unknown> => {
          if (this.code !== undefined) throw new TidingsError(this.code);
          const result = await method.apply(store, args);
          if (name !== 'append' || this.answersToLose === 0) return result;
          this.answersToLose--;
          this.code = 'STORE_UNAVAILABLE';
          throw new TidingsError(this.code);
        };
      },
    });
}

const HISTORY = `query ($after: Cursor) {
  events(first: 500, after: $after, filter: { types: [ISSUE_CREATED] }) {
    nodes { ... on IssueUpdate { issue { number } } }
  }
}`;

/** Numbers of the issues in the log, in its order. */
async function issuesIn(server: TestServer): Promise<number[]> {
  const { events } = await server.run<{ events: { nodes: { issue: { number: number } }[] } }, object>(
    HISTORY,
  );
  return events.nodes.map(({ issue }) => issue.number);
}

async function openIssue(server: TestServer, number: number): Promise<{ status: number; body: object }> {
  return server.deliver('issues', issuesEvent('opened', { id: number, number }), { delivery: `d-${number}` });
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const SPOOLED = { status: 202, body: { spooled: true } };

describe('webhooks while the store cannot be reached', () => {
  let directory: string;
  let outage: Outage;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tidings-spool-server-'));
    outage = new Outage();
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const start = (options: TestServerOptions = {}): Promise<TestServer> =>
    TestServer.start({ directory, aroundStore: outage.around, limits: { retryMs: 5 }, ...options });
  const waiting = (): number =>
    readdirSync(join(directory, 'spool')).filter((name) => name.endsWith('.item')).length;
  const statusOf = async (server: TestServer, path: string): Promise<number> =>
    (await fetch(`${server.url}${path}`)).status;

  it('are all kept, and stored once and in order when it is back', async () => {
    await using server = await start();
    expect(await openIssue(server, 1)).toMatchObject({ status: 200 });
    outage.code = 'STORE_UNAVAILABLE';
    for (const number of upTo(201).slice(1)) expect(await openIssue(server, number)).toEqual(SPOOLED);
    expect(waiting()).toBe(200);

    expect(await statusOf(server, '/ready')).toBe(503);
    expect(await statusOf(server, '/health')).toBe(200);
    const { errors } = await server.query(AnnounceDocument, { input: { message: 'nobody hears it' } });
    expect(errors).toMatchObject([{ extensions: { code: 'STORE_UNAVAILABLE' } }]);
    // What would be refused or ignored anyway is told at once.
    const unsigned = await server.deliver('issues', issuesEvent('opened'), { secret: 'another' });
    expect(unsigned.status).toBe(401);
    expect((await server.deliver('issues', '{}')).status).toBe(400);
    expect((await server.deliver('meteor_strike', {})).body).toHaveProperty('ignored');
    // GitHub was asked to deliver it again.
    expect(await openIssue(server, 7)).toEqual(SPOOLED);

    outage.code = undefined;
    // While the spool empties, and after that.
    const answers = [];
    for (const number of upTo(240).slice(201)) answers.push(await openIssue(server, number));
    expect(answers[0]).toEqual(SPOOLED);
    await until(() => waiting() === 0);
    expect(await issuesIn(server)).toEqual(upTo(240));
    expect(await openIssue(server, 241)).toMatchObject({ status: 200, body: { events: 1 } });
    expect(await issuesIn(server)).toEqual(upTo(241));
    expect(await openIssue(server, 100)).toEqual({ status: 200, body: { duplicate: true } });
    expect(await statusOf(server, '/ready')).toBe(200);
    const direct = answers.filter(({ status }) => status === 200).length;
    console.log(`${200 + answers.length - direct} of 241 went by the spool; all were stored once, in order`);
  }, 60_000);

  it('are kept over restarts of the server', async () => {
    outage.code = 'STORE_UNAVAILABLE';
    {
      await using server = await start();
      for (const number of upTo(100)) expect(await openIssue(server, number)).toEqual(SPOOLED);
    }
    {
      await using server = await start();
      for (const number of upTo(200).slice(100)) expect(await openIssue(server, number)).toEqual(SPOOLED);
      expect(waiting()).toBe(200);
    }
    outage.code = undefined;
    {
      await using server = await start();
      await until(() => waiting() === 0);
      expect(await issuesIn(server)).toEqual(upTo(200));
    }
    await using server = await start();
    expect(await openIssue(server, 201)).toMatchObject({ status: 200 });
    expect(await issuesIn(server)).toEqual(upTo(201));
  }, 60_000);

  it('are stored once where only the answers of the store were lost', async () => {
    await using server = await start();
    for (const number of upTo(5)) {
      // Of the delivery, and of its first repetition out of the spool.
      outage.answersToLose = 2;
      expect(await openIssue(server, number)).toEqual(SPOOLED);
      await until(() => {
        outage.code = undefined;
        return waiting() === 0;
      });
    }
    expect(await issuesIn(server)).toEqual(upTo(5));
  });

  it('are kept as well where the store is full', async () => {
    await using server = await start();
    outage.code = 'STORE_FULL';
    expect(await openIssue(server, 1)).toEqual(SPOOLED);
    outage.code = undefined;
    await until(() => waiting() === 0);
    expect(await issuesIn(server)).toEqual([1]);
  });

  it('are refused when there is no room for more', async () => {
    await using server = await start({ limits: { spoolBytes: 5_000, retryMs: 5 } });
    outage.code = 'STORE_UNAVAILABLE';
    const answers = [];
    for (const number of upTo(12)) answers.push(await openIssue(server, number));
    const refused = answers.findIndex(({ status }) => status !== 202);
    expect(refused).toBeGreaterThan(2);
    for (const answer of answers.slice(0, refused)) expect(answer).toEqual(SPOOLED);
    for (const answer of answers.slice(refused)) {
      expect(answer).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE' } } });
    }
    outage.code = undefined;
    await until(() => waiting() === 0);
    expect(await issuesIn(server)).toEqual(upTo(refused));
  });

  it('are told about at the start where they could not be kept', async () => {
    writeFileSync(join(directory, 'spool'), 'a file');
    await expect(start()).rejects.toMatchObject({
      message: expect.stringContaining(`The spool in ${join(directory, 'spool')} can't be used: `),
    });
    rmSync(join(directory, 'spool'));
    mkdirSync(join(directory, 'spool'));
    // Nothing of the first attempt is in the way.
    await using server = await start();
    expect(await openIssue(server, 1)).toMatchObject({ status: 200 });
  });
});
