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
  async connect(options: SwarmOptions): Promise<void> {
    swarm = await Swarm.open(options);
  },
  /** Requests that are evenly spaced, of one event each if nothing else is said. */
  async steady(requests: number, intervalMs: number, events = 1): Promise<Delivered> {
    await spaced(requests, intervalMs, async () => theSwarm().publish(events));
    return theSwarm().settled();
  },
  /** The same with events that concern nobody. */
  async unheard(requests: number, intervalMs: number): Promise<void> {
    await spaced(requests, intervalMs, async () => theSwarm().publishUnheard());
  },
  /** Events that are published together; the next ones when everybody has got them. */
  async bursts(count: number, events: number): Promise<Delivered> {
    let deliveries = 0;
    for (let i = 1; ; i++) {
      await theSwarm().publish(events);
      const delivered = await theSwarm().settled();
      deliveries += delivered.deliveries;
      if (i >= count) return { ...delivered, deliveries };
    }
  },
  /** So many stop reading. */
  pause: (clients: number): void => theSwarm().pause(clients),
  /** They read again; resolves when they have got everything. */
  async resume(): Promise<Delivered> {
    theSwarm().forgetTimes();
    theSwarm().resume();
    return theSwarm().settled();
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
