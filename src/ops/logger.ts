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
  return pino(options, destination ?? standardOutput());
}

/** One write for all lines of a turn of the event loop: a write costs as much as making ten lines, and holds up what else is to be done. */
function standardOutput(): DestinationStream {
  const output = pino.destination();
  let lines = '';
  const flush = (): void => {
    if (lines !== '') output.write(lines);
    lines = '';
  };
  process.on('exit', flush);
  return {
    write(line) {
      if (lines === '') setImmediate(flush);
      lines += line;
    },
  };
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
