/**
 * Preloaded into each measured server (`node --import`), so that the product runs as it is built: answers over IPC what the process has
 * used. Plain JavaScript, because a loader for TypeScript would be measured with it.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { writeHeapSnapshot } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

let session;
const loop = monitorEventLoopDelay({ resolution: 1 });

const answers = {
  /** Microseconds of CPU of all threads since the start. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  /** Bytes, with the garbage gone. What is free goes back to the system step by step, so it asks until nothing more does. */
  async memory() {
    let least = Infinity;
    for (let unchanged = 0, i = 0; unchanged < 3 && i < 30; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const now = process.memoryUsage.rss();
      unchanged = now < least * 0.998 ? 0 : unchanged + 1;
      least = Math.min(least, now);
    }
    return least;
  },
  /** Bytes of JavaScript's objects and of what they hold outside of its heap, right after `memory`. */
  heap() {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
  /** Bytes, garbage included. */
  memoryNow: () => process.memoryUsage.rss(),
  async startProfile() {
    session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    await session.post('Profiler.start');
  },
  async stopProfile(file) {
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(file, JSON.stringify(profile));
    session.disconnect();
  },
  /** From here on it is measured how late the event loop is. */
  watchLoop() {
    loop.reset();
    loop.enable();
  },
  /** 99 of a hundred turns of it came sooner than so many milliseconds late. */
  loopDelay() {
    loop.disable();
    return loop.percentile(99) / 1e6;
  },
  heapSnapshot: (file) => writeHeapSnapshot(file),
};

// The server's worker threads load this as well, and have no channel.
if (isMainThread) {
  process.on('message', ({ id, method, args }) => {
    Promise.resolve()
      .then(() => answers[method](...args))
      .then(
        (value) => process.send({ id, value }),
        (error) => process.send({ id, error: String(error?.stack ?? error) }),
      );
  });
  // The server ends when it wants to, whoever could still ask.
  process.channel.unref();
}
