/** `npm run demo`: a server in development mode on which something happens every second, until Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startFailure, welcome } from '../src/welcome.ts';
import { Demo } from './demo.ts';
import type { Step } from './step.ts';

const PACE_MS = 1_000;

const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ending.abort());

async function pace(step: Step): Promise<void> {
  await sleep(PACE_MS, undefined, { signal: ending.signal });
  const who = 'event' in step ? 'github' : step.by;
  const what = 'event' in step ? step.event : step.mutation;
  console.log(`${new Date().toTimeString().slice(0, 8)}  ${who.padEnd(14)} ${what.padEnd(28)} ${step.says}`);
}

async function main(): Promise<void> {
  const { PORT = '4000', LOG_LEVEL } = process.env;
  const demo = await Demo.start({
    directory: './data/demo',
    port: PORT,
    ...(LOG_LEVEL === undefined ? {} : { logLevel: LOG_LEVEL }),
    pace,
  });
  console.log(welcome(demo.gateway));
  console.log('What is published from here on, one a second; Ctrl-C ends it:\n');
  try {
    while (!ending.signal.aborted) await demo.playRound();
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  } finally {
    await demo.gateway.stop();
  }
}

await main().catch((error: unknown) => {
  console.error(startFailure(error, 'npm run demo'));
  process.exitCode = 1;
});
