import { ConfigError } from './config.ts';
import { TidingsError } from './errors.ts';

/** What a person who started a server in development mode can do next. Empty for every other server. */
export function welcome({
  url,
  developmentToken,
}: {
  readonly url: string;
  readonly developmentToken: string | null;
}): string {
  if (developmentToken === null) return '';
  return `
Tidings runs in development mode. Open the dashboard:

  ${url}/

or GraphiQL, and press the play button:

  ${url}/graphql

or listen from another terminal:

  export TOKEN=${developmentToken}
  curl -N ${url}/graphql -H "Authorization: Bearer $TOKEN" \\
    -H 'Accept: text/event-stream' -H 'Content-Type: application/json' \\
    -d '{"query":"subscription { events { cursor type projectId } }"}'

Then give it something to tell:

  curl ${url}/graphql -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{"query":"mutation { announce(input: { message: \\"Hello, everybody\\" }) { cursor } }"}'

The token is good for a day and for everything. For one of your own keys, see the README.
`;
}

/** Why a server did not start, for the person who started it with `command`. */
export function startFailure(error: unknown, command: string): string {
  if (error instanceof ConfigError || error instanceof TidingsError) return error.message;
  const { code, port } = error as { code?: unknown; port?: unknown };
  if (code === 'EADDRINUSE') {
    return `Port ${String(port)} is in use by another program. Take another one: PORT=${Number(port) + 1} ${command}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
