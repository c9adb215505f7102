/** The log is rolled back under a subscription at the worst moment: it was read further than the feed has come. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serviceViewer } from '../../src/auth/viewer.ts';
import { Publisher } from '../../src/publishing/publisher.ts';
import { EmbeddedEventStore } from '../../src/store/embedded/embedded-store.ts';
import type { EventStore } from '../../src/store/store.ts';
import { ReportWorkflowDocument, StatsDocument, UpsertProjectDocument } from '../generated/operations.ts';
import { keepEverything } from '../store/support.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { dataOf, TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

interface Progress {
  readonly reason: string;
  readonly workflowId: string;
  readonly percent: number;
}

/** A store that tells nobody of what is appended, and that can be exchanged for another in between. */
class Exchangeable {
  #target: EventStore | undefined;
  /** Called before each call of the store. */
  before: (method: string) => Promise<void> | void = () => undefined;
  /** One entity a page, as if each were large. */
  hasShortPages = false;

  around(store: EventStore): EventStore {
    this.#target = store;
    return new Proxy(store, {
      get: (_store, name) => {
        if (name === 'watch') return async () => () => undefined;
        if (name === 'close') return async () => store.close();
        return async (...args: unknown[]) => {
          await this.before(String(name));
          const method = Reflect.get(this.#target!, name) as (...args: unknown[]) => unknown;
          const isShort = name === 'entities' && this.hasShortPages;
          return method.apply(this.#target, isShort ? [args[0], { ...(args[1] as object), limit: 1 }] : args);
        };
      },
    });
  }

  exchange(store: EventStore): void {
    this.#target = store;
  }
}

describe('a log that is rolled back and grows again', () => {
  let server: TestServer;
  let backup: string;
  let restored: EventStore | undefined;
  const store = new Exchangeable();

  beforeEach(async () => {
    backup = await mkdtemp(join(tmpdir(), 'tidings-backup-'));
    server = await TestServer.start({
      aroundStore: (original) => store.around(original),
      limits: { positionCheckMs: 60_000, retryMs: 5 },
    });
    await server.run(UpsertProjectDocument, { input: { id: 'p', name: 'P' } });
    await report('a', 1);
    await report('b', 1);
  });
  afterEach(async () => {
    store.before = () => undefined;
    store.hasShortPages = false;
    await server[Symbol.asyncDispose]();
    await restored?.close();
    restored = undefined;
    await rm(backup, { recursive: true, force: true });
  });

  const report = async (id: string, percent: number): Promise<string> =>
    (await server.run(ReportWorkflowDocument, { input: { id, projectId: 'p', percent } })).reportWorkflow
      .cursor;

  const connect = async () => TestSocket.connect(server.webSocketUrl, { token: tokenFor() });
  const progress = (message: Awaited<ReturnType<TestSocket['receive']>>): Progress =>
    dataOf(message)['workflowProgress'] as Progress;

  /** The feed follows from here on, deaf. */
  const openFeed = async (socket: TestSocket): Promise<void> => {
    socket.subscribe('feed', 'subscription { workflowProgress(projectId: "p") { percent } }');
    await until(async () => (await server.run(StatsDocument)).stats.live === 1);
  };
  const backUp = async (): Promise<void> => {
    const isData = (path: string): boolean => !path.endsWith('lock');
    await cp(server.directory, backup, { recursive: true, filter: isData });
  };
  /** What was backed up, and then has grown beyond what there was. */
  const restore = async (): Promise<void> => {
    restored = await EmbeddedEventStore.open({ directory: backup, retention: () => keepEverything });
    const publisher = new Publisher({ store: restored, now: Date.now });
    for (let percent = 51; percent <= 60; percent++) {
      await publisher.publish({
        publishedBy: serviceViewer('default'),
        source: 'api',
        plan: () => [{ subject: 'workflow', patch: { id: 'a', projectId: 'p', percent } }],
      });
    }
    store.exchange(restored);
  };
  /** Restores when the given method of the store is called for the nth time from now on. */
  const restoreAt = (method: string, nth: number): void => {
    let calls = 0;
    store.before = async (called) => {
      if (called === method && ++calls === nth) await restore();
    };
  };

  it('tells a subscriber that has read further than its server follows', async () => {
    using socket = await connect();
    await openFeed(socket);
    await backUp();
    await report('a', 2);
    const after = await report('a', 3);
    restoreAt('head', 1);
    socket.subscribe(
      '1',
      'subscription ($after: Cursor) { workflowProgress(projectId: "p", after: $after) { percent } }',
      { after },
    );
    const messages = [];
    for (let id; id !== '1';) {
      const message = await socket.receive();
      messages.push(message);
      id = message.id;
    }
    expect(messages.at(-1)).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'CURSOR_EXPIRED' } }],
    });
    // Whoever had seen nothing of what is lost just goes on.
    while (messages.length < 11) messages.push(await socket.receive());
    const seen = messages.filter(({ id }) => id === 'feed').map((message) => progress(message).percent);
    expect(seen).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
  });

  it('begins a snapshot anew that has read further than its server follows', async () => {
    using socket = await connect();
    await openFeed(socket);
    await backUp();
    await report('a', 2);
    restoreAt('head', 1);
    socket.subscribe(
      '1',
      'subscription { workflowProgress(projectId: "p", snapshot: true) { reason workflowId percent } }',
    );
    const seen: string[] = [];
    while (seen.filter((each) => each.startsWith('SNAPSHOT b')).length < 2) {
      const message = await socket.receive();
      if (message.id !== '1') continue;
      const { reason, workflowId, percent } = progress(message);
      const { extensions = {} } = message.payload as { extensions?: object };
      seen.push([reason, workflowId, percent, ...Object.keys(extensions)].join(' '));
    }
    expect(seen).toEqual(['SNAPSHOT a 2', 'SNAPSHOT b 1', 'SNAPSHOT a 60 restarted', 'SNAPSHOT b 1']);
  });

  it('never mixes a snapshot of pages from before and after', async () => {
    using socket = await connect();
    await backUp();
    await report('a', 2);
    await report('b', 3);
    store.hasShortPages = true;
    restoreAt('entities', 2);
    socket.subscribe(
      '1',
      'subscription { workflowProgress(projectId: "p", snapshot: true) { reason workflowId percent } }',
    );
    const percents = new Map<string, number>();
    while (percents.size < 2) {
      const { workflowId, percent } = progress(await socket.receive());
      percents.set(workflowId, percent);
    }
    expect([percents.get('a'), percents.get('b')]).toEqual([60, 1]);
  });
});
