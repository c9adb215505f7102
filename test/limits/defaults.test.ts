/**
 * How much a server takes that was started without settings: the numbers of RELIABILITY's table, to the last one, over every transport. How long
 * it waits is in test/transport/default-times.test.ts, sizes of messages and bodies are in expected-refusals.test.ts beside that.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { StillTime } from '../support/still-time.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { ways as waysToAsk, refusedWith } from '../transport/queries.ts';
import { codeIn, ways, type Attempt, type Way, type Who } from './clients.ts';

let time: StillTime;
let server: TestServer;
const attempts: Attempt[] = [];

it.each([
  ['LIMIT_CONNECTIONS', 10_000],
  ['LIMIT_CONNECTIONS_PER_USER', 20],
  ['LIMIT_CONNECTIONS_PER_ADDRESS', 50],
  ['LIMIT_NEW_CONNECTIONS', 200],
  ['LIMIT_NEW_CONNECTIONS_PER_ADDRESS', 10],
  ['LIMIT_STREAMS', 6],
  ['LIMIT_OPERATIONS', 100],
  ['LIMIT_MESSAGES', 50],
  ['LIMIT_MESSAGES_BURST', 200],
  ['LIMIT_PUBLISHES', 1_000],
  ['RETENTION_EVENTS', 100_000],
  ['RETENTION_HOURS', 72],
  ['RETENTION_MIB', 256],
  ['DRAIN_SECONDS', 20],
] as const)('%s is %i where nothing is set', (name, value) => {
  expect(readConfig({})[name]).toBe(value);
});

describe('a server that was started without settings:', () => {
  beforeEach(async () => {
    time = new StillTime();
    server = await TestServer.start({ isLimited: true });
  });
  afterEach(async () => {
    for (const attempt of attempts.splice(0)) attempt[Symbol.dispose]();
    time[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });

  describe.each(ways)('over $name', (way: Way) => {
    const enter = async (who: Who): Promise<Attempt> => {
      const attempt = await way.enter(server, who);
      attempts.push(attempt);
      return attempt;
    };
    /** One after the other: so many get in. */
    const enterAll = async (count: number, who: (index: number) => Who): Promise<void> => {
      for (let index = 0; index < count; index++) expect((await enter(who(index))).outcome).toBe('in');
    };
    const overloaded = {
      ...way.refused.process,
      ...(way.refused.process.retryAfter === undefined ? {} : { retryAfter: '1' }),
    };

    it('a user has 20 connections', async () => {
      await enterAll(20, (index) => ({ user: 'ada', address: `192.0.2.${index}` }));
      const refused = await time.passUntil(enter({ user: 'ada', address: '192.0.2.20' }));
      expect(refused).toMatchObject(way.refused.user);
    });

    it('an address has 50 connections, and 10 new ones a second', async () => {
      const from = (index: number): Who => ({ user: `user ${index}`, address: '192.0.2.1' });
      for (let second = 0; second < 5; second++) {
        await enterAll(10, (index) => from(10 * second + index));
        expect(await enter(from(100))).toMatchObject({ ...way.refused.address, retryAfter: '1' });
        await time.pass(1_000);
      }
      expect(await enter(from(100))).toMatchObject({ ...way.refused.address, retryAfter: '5' });
    });

    it('all together have 200 new connections a second', async () => {
      const from = (index: number): Who => ({ user: `user ${index}`, address: `198.51.100.${index}` });
      await enterAll(200, from);
      expect(await enter(from(200))).toMatchObject(overloaded);
      await time.pass(1_000);
      await enterAll(1, () => from(200));
    });
  });

  it.each(ways.slice(2))('a user has 6 streams from an address: over $name', async (way) => {
    const ada = { user: 'ada', address: '192.0.2.1' };
    for (let count = 0; count < 7; count++) attempts.push(await way.enter(server, ada));
    expect(attempts.map(({ outcome }) => outcome)).toEqual([
      ...Array<string>(6).fill('in'),
      '429 RATE_LIMITED',
    ]);
  });

  describe.each([
    ['graphql-transport-ws', 'subscribe'],
    ['graphql-ws', 'start'],
  ])('a socket of %s', (protocol, start) => {
    const open = async (): Promise<TestSocket> => {
      const client = new TestSocket(server.webSocketUrl, { protocol });
      await client.opened();
      client.send({ type: 'connection_init', payload: { token: tokenFor() } });
      expect((await client.receive()).type).toBe('connection_ack');
      return client;
    };
    /** What becomes of so many queries: how many are refused. */
    const refusedOf = async (client: TestSocket, count: number): Promise<number> => {
      const payload = { query: '{ viewer { userId } }' };
      for (let index = 0; index < count; index++) client.send({ id: randomUUID(), type: start, payload });
      const refused: string[] = [];
      for (let over = 0; over < count;) {
        const message = await client.receive();
        if (message.type === 'complete' || message.type === 'error') over++;
        if (message.type === 'error') refused.push(codeIn(JSON.stringify(message)));
      }
      expect(refused).toEqual(refused.map(() => 'RATE_LIMITED'));
      return refused.length;
    };

    it('may send 200 messages at once, and 50 a second', async () => {
      using client = await open();
      // The first of all was its init.
      expect(await refusedOf(client, 199)).toBe(0);
      expect(await refusedOf(client, 1)).toBe(1);
      // That one counts as well.
      await time.pass(1_000);
      expect(await refusedOf(client, 50)).toBe(1);
    });

    it('may send as much again beyond that, and is sent away with the next', async () => {
      using client = await open();
      let answers = 0;
      client.socket.on('pong', () => answers++);
      for (let count = 0; count < 399; count++) client.socket.ping();
      await time.until(() => answers === 399);
      client.socket.ping();
      const closed = { code: 4429, reason: 'Too many messages' };
      expect(await time.passUntil(client.closed)).toEqual(closed);
    });
  });

  describe('with a token', () => {
    const publish =
      'mutation ($events: [EventInput!]!) { publishEvents(input: { events: $events }) { duplicate } }';
    const batch = (count: number): { readonly events: readonly object[] } => ({
      events: Array.from({ length: count }, () => ({ type: 'ANNOUNCEMENT', data: { message: 'hello' } })),
    });
    const toPublish = waysToAsk.filter(({ name }) => name !== 'GET');

    it.each(toPublish)('1000 events may be published a second, 500 in a batch: over $name', async (way) => {
      const ask = async (count: number): Promise<string> =>
        (await way.ask(server, { query: publish, variables: batch(count) }, tokenFor())).outcome;
      expect(await ask(501)).toBe(refusedWith(way, 400, 'INVALID_INPUT'));
      await time.pass(1_000);
      expect([await ask(500), await ask(500)]).toEqual(['data', 'data']);
      expect(await ask(1)).toBe(refusedWith(way, 429, 'RATE_LIMITED'));
      await time.pass(1_000);
      expect(await ask(1)).toBe('data');
    });

    it('1000 events may be published a second, 100 in a batch: as CloudEvents', async () => {
      const send = async (count: number): Promise<number> => {
        const events = Array.from({ length: count }, () => ({
          specversion: '1.0',
          id: randomUUID(),
          source: '/test',
          type: 'announcement',
          data: { message: 'hello' },
        }));
        const { status } = await fetch(`${server.url}/webhooks/cloudevents`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${tokenFor()}`,
            'content-type': 'application/cloudevents-batch+json',
          },
          body: JSON.stringify(events),
        });
        return status;
      };
      expect(await send(101)).toBe(400);
      await time.pass(1_000);
      for (let hundred = 0; hundred < 10; hundred++) expect(await send(100)).toBe(200);
      expect(await send(1)).toBe(429);
      await time.pass(1_000);
      expect(await send(1)).toBe(200);
    });
  });
});
