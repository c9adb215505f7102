import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { decodeCursor } from '../../src/events/position.ts';
import { ServerProcess } from '../support/process.ts';
import { tokenFor } from '../support/server.ts';

const KILLS = 50;
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
    this.#client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { token }, retryAttempts: 0 });
    const stream = this.#client.iterate<{ announcement: Seen }>({
      query: 'subscription ($after: Cursor) { announcement(after: $after) { cursor message } }',
      // The very first time from the beginning: there is nothing before.
      variables: { after },
    });
    void (async () => {
      for await (const { data } of stream) {
        if (data == null) throw new Error('a result without data');
        this.seen.push(data.announcement);
        this.#onSeen();
      }
    })().catch(() => undefined);
  }

  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await new Promise<void>((resolve) => (this.#onSeen = resolve));
  }
}

describe('a server that is killed again and again', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidings-kill-'));
  });
  afterAll(async () => rm(directory, { recursive: true, force: true }));

  it(`loses nothing that it acknowledged, and shows a resuming subscriber each event once, in order (${KILLS} kills)`, async () => {
    const acknowledged: Seen[] = [];
    const sent = new Set<string>();
    const listener = new Listener();

    for (let round = 0; round <= KILLS; round++) {
      await using server = await ServerProcess.start(directory);
      // Behind the very first event: a subscription without a cursor begins whenever it arrives.
      if (round === 0) {
        const first = await announce(server.url, 'first');
        acknowledged.push(first);
        listener.seen.push(first);
      }
      listener.listen(server.webSocketUrl);
      if (round === KILLS) {
        await listener.until(() => listener.seen.at(-1)?.cursor === acknowledged.at(-1)?.cursor || missing() === 0);
        break;
      }

      // Killed at an acknowledgement, while the other publishers are anywhere between sending and writing.
      const killAfter = 1 + Math.floor(Math.random() * 12);
      let acknowledgedNow = 0;
      const publish = async (publisher: number): Promise<void> => {
        for (let count = 0; ; count++) {
          const message = `${round}-${publisher}-${count}`;
          sent.add(message);
          acknowledged.push(await announce(server.url, message));
          if (++acknowledgedNow === killAfter) await server.kill('SIGKILL');
        }
      };
      await Promise.allSettled(Array.from({ length: PUBLISHERS }, async (_, publisher) => publish(publisher)));
    }

    function missing(): number {
      const seen = new Set(listener.seen.map(({ cursor }) => cursor));
      return acknowledged.filter(({ cursor }) => !seen.has(cursor)).length;
    }

    const offsets = listener.seen.map(({ cursor }) => decodeCursor(cursor).position.offset);
    console.log(
      `${KILLS} kills: ${sent.size} sent, ${acknowledged.length} acknowledged, ${listener.seen.length} in the log and seen`,
    );
    expect(acknowledged.length).toBeGreaterThan(KILLS);
    expect(missing()).toBe(0);
    expect(new Set(listener.seen.map(({ message }) => message)).size).toBe(listener.seen.length);
    expect(offsets).toEqual(Array.from(offsets, (_, index) => index + 1));
    for (const { cursor, message } of acknowledged) {
      expect(listener.seen.find((seen) => seen.cursor === cursor)?.message).toBe(message);
    }
  }, 120_000);
});

async function announce(url: string, message: string): Promise<Seen> {
  const data = await graphql(url, 'mutation ($input: AnnounceInput!) { announce(input: $input) { cursor } }', {
    input: { message },
  });
  return { ...(data['announce'] as { cursor: string }), message };
}
