import type { LimitSettings } from '../../src/limits/limits.ts';

export const unlimited: LimitSettings = {
  connections: 0,
  connectionsPerUser: 0,
  connectionsPerAddress: 0,
  newConnections: 0,
  newConnectionsPerAddress: 0,
  messages: 0,
  messageBurst: 0,
  publishes: 0,
  streams: 0,
};
