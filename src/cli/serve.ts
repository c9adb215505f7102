import { constants } from 'node:os';
import { readConfig } from '../config.ts';
import { createGateway } from '../gateway/gateway.ts';
import { startFailure, welcome } from '../welcome.ts';

/** What stopping may take beside DRAIN_SECONDS, with a store that doesn't answer too. Whoever kills what doesn't stop waits longer. */
const STOP_SECONDS = 9;

/** Told on standard error and not as a log line: it is for the person who starts the server. */
function giveUp(error: unknown): never {
  console.error(startFailure(error, 'npm start'));
  process.exit(1);
}

/** Runs the server until SIGTERM or SIGINT; a second one ends it at once. */
export async function serve(): Promise<void> {
  // What Node would print of an error has on it what libraries hang there, such as the command that Redis refused.
  process.on('uncaughtException', giveUp);
  try {
    const config = readConfig(process.env);
    const gateway = await createGateway(config);
    let isStopping = false;
    const stop = (signal: 'SIGTERM' | 'SIGINT'): void => {
      if (isStopping) process.exit(128 + constants.signals[signal]);
      isStopping = true;
      const seconds = config.DRAIN_SECONDS + STOP_SECONDS;
      setTimeout(() => {
        console.error(`It did not stop within ${seconds} seconds, and is ended.`);
        process.exit(1);
      }, seconds * 1_000);
      gateway.stop().then(() => process.exit(0), giveUp);
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
    await gateway.start();
    const text = welcome(gateway);
    if (text !== '') console.log(text);
  } catch (error) {
    giveUp(error);
  }
}
