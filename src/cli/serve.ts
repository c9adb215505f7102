import { readConfig } from '../config.ts';
import { createGateway } from '../gateway.ts';
import { startFailure, welcome } from '../welcome.ts';

/** Told on standard error and not as a log line: they are for the person who starts the server. */
function giveUp(error: unknown): never {
  console.error(startFailure(error, 'npm start'));
  process.exit(1);
}

/** Runs the server until SIGTERM or SIGINT. */
export async function serve(): Promise<void> {
  try {
    const gateway = await createGateway(readConfig(process.env));
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => void gateway.stop().then(() => process.exit(0), giveUp));
    }
    await gateway.start();
    const text = welcome(gateway);
    if (text !== '') console.log(text);
  } catch (error) {
    giveUp(error);
  }
}
