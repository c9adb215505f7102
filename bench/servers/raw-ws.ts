/**
 * The least that a server can do: each event becomes one frame, made once, that is written to every socket. It sends the same bytes
 * as the others.
 */
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { HEARD, type stateOf } from '../targets.ts';

const sockets = new Set<Duplex>();
const webSockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false });

function frameOf({ repoId, number, state, ...rest }: ReturnType<typeof stateOf>): Buffer {
  const { title, body, author, headRef, pipelineState } = rest;
  const prStateChanged = {
    repoId,
    prNumber: number,
    state,
    pullRequest: { title, body, author, headRef, pipelineState },
  };
  const payload = Buffer.from(
    JSON.stringify({ id: '1', type: 'next', payload: { data: { prStateChanged } } }),
  );
  // Final frame of text, its length in two bytes.
  return Buffer.concat([Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]), payload]);
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  void json(request).then((events) => {
    for (const event of events as Parameters<typeof frameOf>[0][]) {
      const frame = frameOf(event);
      if (event.repoId === HEARD) for (const socket of sockets) socket.write(frame);
    }
    response.end('{}');
  });
});
server.on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    sockets.add(socket);
    webSocket.on('error', () => undefined);
    webSocket.once('close', () => sockets.delete(socket));
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
