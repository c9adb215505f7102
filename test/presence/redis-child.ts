/** A server process as far as presence goes: it enters a room with each name that it is given, and stays until it is killed. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { LogPresence } from '../../src/presence/log-presence.ts';
import { RedisLeases } from '../../src/presence/redis-leases.ts';
import { RedisEventStore } from '../../src/store/redis/redis-store.ts';
import { ROOM } from './world.ts';

const [url = '', prefix = '', leaseMs = '', sweepMs = '', ...users] = process.argv.slice(2);
const store = await RedisEventStore.open({
  redis: url,
  prefix,
  retention: () => ({ events: 10_000, hours: 1, bytes: 1e9 }),
});
const redis = new Redis(url);
await once(redis, 'ready');
const presence = new LogPresence({
  store,
  leases: new RedisLeases({ redis, prefix }),
  now: Date.now,
  onError: console.error,
  leaseMs: Number(leaseMs),
  sweepMs: Number(sweepMs),
});
for (const userId of users) {
  const said = { room: ROOM, userId, status: 'ONLINE', activity: null } as const;
  await presence.set('w', said, { connection: `tab of ${userId}` });
}
console.log('entered');
