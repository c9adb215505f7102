/** What settings become. */
import type { Logger } from 'pino';
import { ConfigError, type Config } from '../config.ts';
import type { LimitSettings } from '../limits/limits.ts';
import { AllowList } from '../transport/allow-list.ts';
import { Certificate } from '../transport/certificate.ts';

/** @throws ConfigError */
export function allowListOf({ PERSISTED_ONLY: path }: Config): AllowList | null {
  if (path === undefined) return null;
  try {
    return new AllowList(path);
  } catch (error) {
    throw new ConfigError([`PERSISTED_ONLY: ${path} can't be used: ${(error as Error).message}`]);
  }
}

/** @throws ConfigError */
export function certificateOf(
  { TLS_CERT: certPath, TLS_KEY: keyPath }: Config,
  pollMs: number,
  logger: Logger,
): Certificate | null {
  if (certPath === undefined || keyPath === undefined) return null;
  try {
    return new Certificate({
      certPath,
      keyPath,
      pollMs,
      onReload: () => logger.info('certificate renewed'),
      onError: (error) =>
        logger.error({ err: error }, 'the new certificate cannot be used; the old one goes on'),
    });
  } catch (error) {
    // Without the path: where the key itself was given in its place, nobody else is to read it.
    const reason = (error as Error).message.replace(/, \w+ '[^]*$/, '');
    throw new ConfigError([`TLS_CERT and TLS_KEY: can't be used: ${reason}`]);
  }
}

/** In development mode everybody is the same user, on this machine: whoever tries things out has many tabs, and restarts them all the time. */
export function limitSettings(config: Config): LimitSettings {
  const isShared = !config.developmentMode;
  return {
    connections: config.LIMIT_CONNECTIONS,
    connectionsPerUser: isShared ? config.LIMIT_CONNECTIONS_PER_USER : 0,
    connectionsPerAddress: config.LIMIT_CONNECTIONS_PER_ADDRESS,
    newConnections: config.LIMIT_NEW_CONNECTIONS,
    newConnectionsPerAddress: config.LIMIT_NEW_CONNECTIONS_PER_ADDRESS,
    messages: config.LIMIT_MESSAGES,
    messageBurst: config.LIMIT_MESSAGES_BURST,
    publishes: config.LIMIT_PUBLISHES,
    streams: isShared ? config.LIMIT_STREAMS : 0,
  };
}
