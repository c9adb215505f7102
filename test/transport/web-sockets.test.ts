import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Limits } from '../../src/limits/limits.ts';
import { Tarpit } from '../../src/transport/tarpit.ts';
import { WebSockets } from '../../src/transport/web-sockets.ts';
import { unlimited } from '../support/limits.ts';

const limits = new Limits({
  settings: unlimited,
  redis: null,
  now: Date.now,
  onLimited: () => undefined,
});

// No message is known that a protocol handles so; one that was ended the process.
it('loses the one connection whose message its protocol fails on, and no other', async () => {
  const errors: unknown[] = [];
  const webSockets = new WebSockets({
    authenticator: {
      isAllowedOrigin: () => true,
      verify: () => expect.fail('nobody shows a token'),
      whenOver: () => () => undefined,
    },
    transportWs: (connection) =>
      connection.onMessage((data) => {
        if (String(data) === 'fail') throw new Error('a mistake of ours');
        connection.reply(String(data));
      }),
    legacyWs: () => undefined,
    requests: { name: () => 'a request' },
    limits,
    addressOf: () => null,
    release: () => undefined,
    onError: (error) => errors.push(error),
    messageBytes: 1_000,
    highWaterMark: 1_000,
    writeDeadlineMs: 10_000,
    pingMs: 10_000,
    closeGraceMs: 1_000,
    tarpit: new Tarpit(10_000),
  });
  const server = createServer().listen(0, '127.0.0.1');
  server.on('upgrade', (...request) => void webSockets.upgrade(...request));
  await once(server, 'listening');

  const connect = async (): Promise<WebSocket> => {
    const { port } = server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    return socket;
  };
  const [failing, other] = [await connect(), await connect()];
  failing.send('fail');
  const [code] = (await once(failing, 'close')) as [number];
  expect(code).toBe(1011);
  expect(errors).toEqual([new Error('a mistake of ours')]);
  other.send('still there');
  const [answer] = (await once(other, 'message')) as [Buffer];
  expect(answer.toString()).toBe('still there');
  expect(webSockets.counts).toEqual({ websocket: 1, 'websocket-legacy': 0 });

  await webSockets.drain(0);
  server.close();
  await once(server, 'close');
});
