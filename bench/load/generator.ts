/** The process that makes the load of one server: clients that listen, and who publishes to them. */
import { answerTo } from '../rpc.ts';
import { Swarm, type Delivered, type SwarmOptions } from './swarm.ts';

let swarm: Swarm | undefined;

function theSwarm(): Swarm {
  if (swarm === undefined) throw new Error('nobody is connected');
  return swarm;
}

const generator = {
  async connect(options: SwarmOptions): Promise<void> {
    swarm = await Swarm.open(options);
  },
  /** One event after the other, evenly spaced. */
  async steady(events: number, intervalMs: number): Promise<Delivered> {
    const start = performance.now();
    for (let i = 0; i < events; i++) {
      const wait = start + i * intervalMs - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      await theSwarm().publish(1);
    }
    return theSwarm().settled();
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
  disconnect(): void {
    swarm?.close();
    swarm = undefined;
  },
};

export type Generator = typeof generator;

answerTo(generator);
