import { expect, it } from 'vitest';
import { Limits, type LimitSettings } from '../../src/limits/limits.ts';

const unlimited: LimitSettings = {
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

it('who has flooded a connection waits no longer than that where the clock is put back', async () => {
  let now = 1_800_000_000_000;
  const settings = { ...unlimited, messages: 1, messageBurst: 1 };
  const limits = new Limits({ settings, redis: null, now: () => now, onLimited: () => undefined });
  const address = '192.0.2.1';
  const bucket = limits.messages(address);
  while (bucket.take() !== 'abuse');
  await expect(limits.connection(address)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  now -= 3_600_000;
  await expect(limits.connection(address)).resolves.toBeTypeOf('function');
  limits.close();
});
