/** A request to become a WebSocket, as it goes over the wire, for clients that go on as no library would. */
export function handshake(headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    host: 'x',
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    'sec-websocket-protocol': 'graphql-transport-ws',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET /graphql HTTP/1.1\r\n${lines.join('')}\r\n`;
}
