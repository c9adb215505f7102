import { ConfigError, readConfig } from './config.ts';
import { TidingsError } from './errors.ts';
import { createGateway, type Gateway } from './gateway.ts';

/** Told on standard error and not as a log line: they are for the person who starts the server. */
function giveUp(error: unknown): never {
  if (error instanceof ConfigError || error instanceof TidingsError) console.error(error.message);
  else console.error(error);
  process.exit(1);
}

function welcome({ url, developmentToken }: Gateway): void {
  if (developmentToken === null) return;
  console.log(`
Tidings runs in development mode. Open GraphiQL and press the play button:

  ${url}/graphql

or listen from another terminal:

  curl -N ${url}/graphql -H 'Accept: text/event-stream' -H 'Content-Type: application/json' \\
    -H 'Authorization: Bearer ${developmentToken}' \\
    -d '{"query":"subscription { events { cursor type projectId } }"}'

The token is good for a day and for everything. For one of your own keys, see the README.
`);
}

async function main(): Promise<void> {
  const gateway = await createGateway(readConfig(process.env));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void gateway.stop().then(() => process.exit(0), giveUp));
  }
  await gateway.start();
  welcome(gateway);
}

await main().catch(giveUp);
