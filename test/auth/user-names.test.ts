/** Users are called what their identity provider calls them, and take part in everything whatever that is. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StatsDocument } from '../generated/operations.ts';
import { TestServer, tokenFor } from '../support/server.ts';
import { until } from '../support/until.ts';
import { drivers } from '../transport/drivers.ts';

let server: TestServer;
beforeAll(async () => (server = await TestServer.start()));
afterAll(async () => server[Symbol.asyncDispose]());

const enter = 'mutation { setPresence(input: { room: "lobby" }) { member { userId status } } }';
const leave = 'mutation { leaveRoom(input: { room: "lobby" }) { left } }';
const members = '{ presence(room: "lobby") { nodes { userId status } } }';
const notify = 'mutation ($userId: ID!) { notify(input: { userId: $userId, title: "Psst" }) { cursor } }';
const revoke = 'mutation ($userId: ID!) { revoke(input: { userId: $userId }) { revocation { userId } } }';

it.each([
  'Ada Lovelace',
  ' ada ',
  'CN=Ada Lovelace,OU=R&D,O=Analytical Engines',
  'auth0|5f7c8ec7c33c6c004bbafe82',
  'https://id.example.com/users/ada?x=1#me',
  'ada@example.com',
  '"ada" \\ <ada> {1} %20',
  'アダ・ラブレス 🎉',
])('a user called %j enters rooms, is told things, leaves, and is sent away', async (userId) => {
  const token = tokenFor({ sub: userId });
  expect(await server.run(enter, {}, { token })).toEqual({
    setPresence: { member: { userId, status: 'ONLINE' } },
  });
  expect(await server.run(members)).toMatchObject({
    presence: { nodes: expect.arrayContaining([{ userId, status: 'ONLINE' }]) as unknown },
  });
  for (const driver of drivers) {
    using peer = await driver.connect(server.graphqlUrl, token);
    const notifications = peer.start('subscription { notification { userId title } }');
    await until(async () => (await server.run(StatsDocument)).stats.live === 1);
    await server.run(notify, { userId });
    expect((await notifications.next()).data).toEqual({ notification: { userId, title: 'Psst' } });
    peer[Symbol.dispose]();
    await until(async () => (await server.run(StatsDocument)).stats.live === 0);
  }
  expect(await server.run(leave, {}, { token })).toEqual({ leaveRoom: { left: true } });
  await server.run(revoke, { userId });
  expect((await server.query(enter, {}, { token })).status).toBe(401);
});

it.each(['ada\tlovelace', 'ada\u0000', 'ada\ud800'])(
  'a user called %j, which no log and no terminal is to hold, enters no room',
  async (userId) => {
    const { errors } = await server.query(enter, {}, { token: tokenFor({ sub: userId }) });
    expect(errors?.[0]?.extensions['code']).toBe('INVALID_INPUT');
  },
);
