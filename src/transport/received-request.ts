import { IncomingMessage } from 'node:http';

/**
 * Nothing but a WebSocket is an upgrade here. Whoever offers to go on in another protocol, as Java's client offers HTTP/2 with each request, is
 * answered in this one: Node does so where nobody takes upgrades, and otherwise hands over all of them.
 */
export class ReceivedRequest extends IncomingMessage {
  /** As Node has read it, and asks again once it has read the headers. */
  declare isUpgradeOffered: unknown;

  set upgrade(isOffered: unknown) {
    this.isUpgradeOffered = isOffered;
  }

  get upgrade(): boolean {
    if (this.isUpgradeOffered !== true) return false;
    return this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket';
  }
}
