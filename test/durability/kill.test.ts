import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from 'graphql-ws';
import { afterAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { decodeCursor } from '../../src/events/position.ts';
import { ServerProcess } from '../support/process.ts';
import { tokenFor } from '../support/server.ts';

/** An even number. CI has it done 50 times. */
const KILLS = Number(process.env['KILLS'] ?? 20);
/** Servers side by side, each on a directory of its own: most of the time goes into their starts. */
const LANES = 2;
const PUBLISHERS = 4;
const token = tokenFor();

async function graphql(url: string, query: string, variables: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Record<string, unknown>; errors?: unknown };
  if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
  return data;
}

interface Seen {
  readonly cursor: string;
  readonly message: string;
}

/** A client that goes on after the last cursor it saw, whatever becomes of its server. */
class Listener {
  readonly seen: Seen[] = [];
  #onSeen: () => void = () => undefined;
  #client: Client | undefined;

  listen(url: string): void {
    const after = this.seen.at(-1)?.cursor;
    this.#client = createClient({
      url,
      webSocketImpl: WebSocket,
      connectionParams: { token },
      retryAttempts: 0,
    });
    const stream = this.#client.iterate<{ announcement: Seen }>({
      query: 'subscription ($after: Cursor) { announcement(after: $after) { cursor message } }',
      // The very first time from the beginning: there is nothing before.
      variables: { after },
    });
    void (async () => {
      for await (const { data } of stream) {
        if (data === undefined || data === null) throw new Error('a result without data');
        this.seen.push(data.announcement);
        this.#onSeen();
      }
    })().catch(() => undefined);
  }

  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await new Promise<void>((resolve) => (this.#onSeen = resolve));
  }
}

/** One server on one directory, killed and started again; what its publishers and its subscriber saw. */
async function killAndRestart(
  directory: string,
  kills: number,
): Promise<{ sent: number; acknowledged: Seen[]; seen: readonly Seen[] }> {
  const acknowledged: Seen[] = [];
  let sent = 0;
  const listener = new Listener();
  const announce = async (url: string, message: string): Promise<void> => {
    sent++;
    const query = 'mutation ($input: AnnounceInput!) { announce(input: $input) { cursor } }';
    const data = await graphql(url, query, { input: { message } });
    acknowledged.push({ ...(data['announce'] as { cursor: string }), message });
  };

  for (let round = 0; round < kills; round++) {
    await using server = await ServerProcess.start(directory);
    if (round === 0) {
      // A subscription without a cursor begins whenever it arrives: this one goes on behind the very first event.
      await announce(server.url, 'first');
      listener.seen.push(acknowledged[0]!);
    }
    listener.listen(server.webSocketUrl);

    // Killed at an acknowledgement, while the other publishers are anywhere between sending and writing.
    let untilKill = 1 + Math.floor(Math.random() * 12);
    const publish = async (publisher: number): Promise<void> => {
      for (let count = 0; ; count++) {
        await announce(server.url, `${round}-${publisher}-${count}`);
        if (--untilKill === 0) await server.kill('SIGKILL');
      }
    };
    await Promise.allSettled(Array.from({ length: PUBLISHERS }, async (_, publisher) => publish(publisher)));
  }

  await using server = await ServerProcess.start(directory);
  await announce(server.url, 'last');
  listener.listen(server.webSocketUrl);
  await listener.until(() => listener.seen.at(-1)!.message === 'last');
  return { sent, acknowledged, seen: listener.seen };
}

describe('a server that is killed again and again', () => {
  const directories: string[] = [];
  afterAll(async () => {
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
  });

  it(`loses nothing that it acknowledged, and shows a resuming subscriber each event once, in order (${KILLS} kills)`, async () => {
    const lanes = await Promise.all(
      Array.from({ length: LANES }, async () => {
        const directory = await mkdtemp(join(tmpdir(), 'tidings-kill-'));
        directories.push(directory);
        return killAndRestart(directory, KILLS / LANES);
      }),
    );
    for (const { sent, acknowledged, seen } of lanes) {
      console.log(
        `${KILLS / LANES} kills: ${sent} sent, ${acknowledged.length} acknowledged, ${seen.length} in the log and seen`,
      );
      const messageAt = new Map(seen.map(({ cursor, message }) => [cursor, message]));
      expect(acknowledged.length).toBeGreaterThan(KILLS / LANES);
      expect(acknowledged.filter(({ cursor, message }) => messageAt.get(cursor) !== message)).toEqual([]);
      expect(new Set(messageAt.values()).size).toBe(seen.length);
      const offsets = seen.map(({ cursor }) => decodeCursor(cursor).position.offset);
      expect(offsets).toEqual(offsets.map((_, index) => index + 1));
    }
  }, 120_000);
});
