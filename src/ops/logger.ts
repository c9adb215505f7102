import pino, { type DestinationStream, type Logger } from 'pino';

export interface LoggerOptions {
  readonly level: string;
  /** For a person at a terminal, in place of a line of JSON each. */
  readonly pretty: boolean;
  /** Standard output when absent. */
  readonly destination?: DestinationStream;
}

/** Where every line of the log goes. */
export async function createLogger({ level, pretty, destination }: LoggerOptions): Promise<Logger> {
  const options = { level, serializers: { err: errorFields } };
  if (pretty) {
    const { default: prettify } = await import('pino-pretty');
    return pino(options, prettify({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }));
  }
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Only these: the errors of libraries hold more, such as the command that Redis refused, with the event in it. */
function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack, cause } = error;
  const { code } = error as { readonly code?: unknown };
  return {
    type: name,
    message,
    ...(code === undefined ? {} : { code }),
    stack,
    ...(cause === undefined ? {} : { cause: errorFields(cause) }),
  };
}
