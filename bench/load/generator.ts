/** The process that makes the load of one server: clients that listen, and who publishes to them. */
import { answerTo } from '../rpc.ts';
import { publishForSeconds, type PublishOptions, type PublishRate } from './publishers.ts';
import { Swarm, type Delivered, type SwarmOptions } from './swarm.ts';

let swarm: Swarm | undefined;

function theSwarm(): Swarm {
  if (swarm === undefined) throw new Error('nobody is connected');
  return swarm;
}

/** Calls evenly spaced, each when the one before has resolved. */
async function spaced(count: number, intervalMs: number, call: () => Promise<void>): Promise<void> {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const wait = start + i * intervalMs - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    await call();
  }
}

const generator = {
  /** Microseconds of CPU since the start. */
  cpu(): number {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  async connect(options: SwarmOptions): Promise<void> {
    swarm = await Swarm.open(options);
  },
  /** So many more connect; resolves when all are live. */
  grow: async (clients: number): Promise<void> => theSwarm().grow(clients),
  /** Events that are evenly spaced. */
  async steady(events: number, intervalMs: number): Promise<Delivered> {
    await spaced(events, intervalMs, async () => theSwarm().publish(1));
    return theSwarm().settled();
  },
  /** Requests, evenly spaced, with so many events each, that concern nobody. */
  async unheard(requests: number, intervalMs: number, events: number, padding = 0): Promise<void> {
    await spaced(requests, intervalMs, async () => theSwarm().publishUnheard(events, padding));
  },
  /** Events that are published together; the next ones when everybody has got them. */
  async bursts(count: number, events: number, padding = 0): Promise<Delivered> {
    for (let i = 0; i < count; i++) {
      await theSwarm().publish(events, padding);
      await theSwarm().caughtUp();
    }
    return theSwarm().settled();
  },
  /** So many stop reading. */
  pause: (clients: number): void => theSwarm().pause(clients),
  /** They read again; resolves when they have got everything, but for those that were cut off meanwhile. */
  async resume(): Promise<Delivered & { readonly cutOff: number }> {
    theSwarm().forgetTimes();
    theSwarm().resume();
    return { ...(await theSwarm().settled()), cutOff: theSwarm().cutOff };
  },
  /** So many connect at once with a cursor so many events back; resolves when all are live. */
  async herd(
    clients: number,
    events: number,
  ): Promise<{ readonly seconds: number; readonly refused: number }> {
    const { place } = theSwarm();
    for (let left = events; left > 0; left -= 100) await theSwarm().publish(Math.min(left, 100));
    await theSwarm().settled();
    theSwarm().forgetTimes();
    const start = performance.now();
    const refused = await theSwarm().join(clients, place);
    await theSwarm().settled();
    await theSwarm().publish(1);
    await theSwarm().settled();
    return { seconds: (performance.now() - start) / 1_000, refused };
  },
  publish: async (options: PublishOptions): Promise<PublishRate> => publishForSeconds(options),
  disconnect(): void {
    swarm?.close();
    swarm = undefined;
  },
};

export type Generator = typeof generator;

answerTo(generator);
