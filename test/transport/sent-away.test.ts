/** Whoever was told that its connection is over, and goes on sending all the same. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { handshake } from '../support/handshake.ts';
import { KeyServer, SigningKey } from '../support/jwks.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { StillTime } from '../support/still-time.ts';
import { until } from '../support/until.ts';

const MIB = 1_024 * 1_024;
/** A text message of 126 bytes or more, masked with zeros. */
const message = (text: string): Buffer => {
  const head = Buffer.from([0x81, 0x80 | 126, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(text.length, 2);
  return Buffer.concat([head, Buffer.from(text)]);
};
/** A WebSocket whose client takes nothing more once it is open. */
const deaf = async (server: TestServer): Promise<Socket> => {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.on('error', () => undefined);
  socket.write(handshake());
  await once(socket, 'data');
  return socket.pause();
};

it('takes no memory with it, where it has not taken its answers either', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await using server = await TestServer.start({ limits: { initTimeoutMs: 100 } });
  const socket = await deaf(server);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  const ping = message(JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(32_000) } }));
  for (let sent = 0; sent < 100 * MIB; sent += ping.length) socket.write(ping);
  await until(() => socket.writableLength === 0);
  // What was collected is given back in the background.
  await until(() => {
    collect();
    return process.memoryUsage().arrayBuffers - before < 20 * MIB;
  });
  socket.destroy();
});

/** Few messages make a flood. */
const strict = { LIMIT_MESSAGES: '10', LIMIT_MESSAGES_BURST: '20' };
/** More than the system keeps of what nobody reads. */
const TOO_MUCH = 32 * MIB;
/** Sends until the connection is over, or all of that is taken. Resolves with how much was written. */
const goOn = async (socket: Socket): Promise<number> => {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const nonsense = message('x'.repeat(32_000));
  while (socket.writable && socket.bytesWritten < TOO_MUCH)
    if (!socket.write(nonsense))
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  socket.destroy();
  return socket.bytesWritten;
};

it('is not read from any more, once that is as much as a flood', async () => {
  const limits = { tarpitMs: 100 };
  await using server = await TestServer.start({ isLimited: true, limits, environment: strict });
  const socket = await deaf(server);
  // It hears that it is over, and does not mind.
  socket.resume();
  expect(await goOn(socket)).toBeLessThan(TOO_MUCH);
});

it('is ended when it has been kept for as long as floods are, though it would have longer to answer a close', async () => {
  const limits = { tarpitMs: 1_000 };
  await using server = await TestServer.start({ isLimited: true, limits, environment: strict });
  using time = new StillTime();
  using client = new TestSocket(server.webSocketUrl);
  await client.opened();
  for (let count = 0; count < 60; count++) client.socket.ping();
  await time.until(() => client.socket.readyState === client.socket.CLOSING);
  await time.pass(999);
  expect(client.socket.readyState).toBe(client.socket.CLOSING);
  await time.pass(1);
  expect((await client.closed).code).toBe(4429);
});

it('is not read from any more either when its token turns out to be right', async () => {
  const key = new SigningKey('one');
  await using keyServer = await KeyServer.start(key);
  keyServer.isStalled = true;
  const environment = { ...strict, JWT_SECRET: '', JWKS_URL: keyServer.url };
  await using server = await TestServer.start({ isLimited: true, limits: { tarpitMs: 1_000 }, environment });
  const socket = await deaf(server);
  let told = '';
  socket.on('data', (data) => (told += String(data)));
  const token = key.sign();
  const init = message(JSON.stringify({ type: 'connection_init', payload: { token } }));
  const ping = message(JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(126) } }));
  socket.write(Buffer.concat([init, ...Array<Buffer>(30).fill(ping)]));
  socket.resume();
  await until(() => told.includes('Too many messages') && keyServer.requests === 1);
  keyServer.release();
  expect(await goOn(socket)).toBeLessThan(TOO_MUCH);
});
