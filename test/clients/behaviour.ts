import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AnnounceDocument } from '../generated/operations.ts';
import { TestServer } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

/** One announcement, as `AnnouncementsDocument` gives it. */
interface Announced {
  readonly cursor: string;
  readonly message: string;
}

export interface Following {
  /** Continue behind this cursor. */
  readonly after: string;
  readonly onAnnouncement: (announced: Announced) => void;
}

/** Subscribes to announcements with a real client, which reconnects by itself. Returns what ends it. */
export type Follow = (proxy: TcpProxy, following: Following) => () => void | Promise<void>;

export async function announce(server: TestServer, message: string): Promise<string> {
  return (await server.run(AnnounceDocument, { input: { message } })).announce.cursor;
}

/**
 * What every client that resumes by itself has to see, however it does it. `cuts`: how often its connection is cut while others publish; fewer
 * for clients that wait long before they come back.
 */
export function resumesByItself(follow: Follow, { cuts }: { readonly cuts: number }): void {
  describe('that resumes by itself', () => {
    let server: TestServer;
    let proxy: TcpProxy;
    const stops: (() => void | Promise<void>)[] = [];

    beforeAll(async () => {
      server = await TestServer.start();
    });
    beforeEach(async () => {
      proxy = await TcpProxy.start(server.url);
    });
    afterEach(async () => {
      for (const stop of stops.splice(0)) await stop();
      await proxy[Symbol.asyncDispose]();
    });
    afterAll(async () => server[Symbol.asyncDispose]());

    const followFrom = (after: string): string[] => {
      const seen: string[] = [];
      stops.push(follow(proxy, { after, onAnnouncement: ({ message }) => seen.push(message) }));
      return seen;
    };

    it('sees what it missed while its connection was cut, exactly once', async () => {
      const seen = followFrom(await announce(server, 'start'));
      await announce(server, 'before');
      await until(() => seen.length === 1);
      proxy.refuse();
      await announce(server, 'while away 1');
      await announce(server, 'while away 2');
      await until(() => proxy.refused > 0);
      proxy.accept();
      await announce(server, 'while coming back');
      await until(() => seen.length >= 4);
      await announce(server, 'after');
      await until(() => seen.length >= 5);
      expect(seen).toEqual(['before', 'while away 1', 'while away 2', 'while coming back', 'after']);
    });

    it('sees every event once and in order, however often it is cut while others publish', async () => {
      const seen = followFrom(await announce(server, 'start'));
      const messages = Array.from({ length: 6 * cuts + 3 }, (_, index) => `event ${index}`);
      for (const [index, message] of messages.entries()) {
        await announce(server, message);
        if (index % 6 !== 5) continue;
        // Cut while something may be on its way, but not before it is back from the last time.
        await until(() => seen.length > index - 5);
        proxy.cut();
      }
      await until(() => seen.length >= messages.length);
      expect(seen).toEqual(messages);
      expect(proxy.accepted).toBeGreaterThan(cuts);
    });
  });
}

/** What it sees when the server is replaced by another one on the same data. */
export function outlivesARestart(follow: Follow): void {
  it('goes on with the server that comes after a restart', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidings-test-'));
    try {
      const first = await TestServer.start({ directory });
      await using proxy = await TcpProxy.start(first.url);
      const seen: string[] = [];
      const after = await announce(first, 'start');
      const stop = follow(proxy, { after, onAnnouncement: ({ message }) => seen.push(message) });
      await announce(first, 'from the first');
      await until(() => seen.length === 1);
      await first[Symbol.asyncDispose]();
      await using second = await TestServer.start({ directory });
      proxy.accept(second.url);
      await announce(second, 'from the second');
      await until(() => seen.length >= 2);
      expect(seen).toEqual(['from the first', 'from the second']);
      await stop();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}
