/** What `doctor` looks at beside the store: Node, the configuration, the port. */
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Config } from '../config.ts';

export interface Finding {
  /** `fail`: a server could not run, or would lose events. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly about: string;
  readonly says: string;
  readonly todo?: string;
}

export function checkNode(): Finding[] {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string };
  };
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = engines.node.replace('>=', '').split('.').map(Number);
  const isNew = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  const says = `version ${process.versions.node}`;
  if (isNew) return [{ level: 'ok', about: 'Node', says }];
  return [{ level: 'fail', about: 'Node', says, todo: `install ${engines.node}` }];
}

/** What the configuration means, where that may surprise. Mistakes in it are told before. */
export function checkSettings(config: Config): Finding[] {
  const findings: Finding[] = [
    { level: 'ok', about: 'configuration', says: 'has no mistakes' },
    checkKey(config),
  ];
  if (config.GITHUB_WEBHOOK_SECRET !== undefined) {
    findings.push({
      level: 'ok',
      about: 'webhooks',
      says: `signed, for the workspace "${config.GITHUB_WORKSPACE}"`,
    });
  } else {
    findings.push({
      level: 'warn',
      about: 'webhooks',
      says: config.developmentMode ? "GitHub's are taken unsigned" : "GitHub's are refused",
      todo: 'set GITHUB_WEBHOOK_SECRET to the secret of the webhook',
    });
  }
  if (config.ANONYMOUS_PROJECTS.length > 0) {
    findings.push({
      level: 'warn',
      about: 'access',
      says: `anybody may read the projects ${config.ANONYMOUS_PROJECTS.join(', ')}`,
    });
  }
  return findings;
}

function checkKey(config: Config): Finding {
  const about = 'tokens';
  if (config.developmentMode) {
    return {
      level: 'warn',
      about,
      says: 'development mode, with a key of its own; only this machine reaches the server',
      todo: 'set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL',
    };
  }
  if (config.JWT_PUBLIC_KEY === undefined) {
    return {
      level: 'ok',
      about,
      says: config.JWT_SECRET === undefined ? 'keys of JWKS_URL' : 'HS256 with JWT_SECRET',
    };
  }
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey(config.JWT_PUBLIC_KEY);
    const isRsa = type === 'rsa' && (details?.modulusLength ?? 0) >= 2_048;
    const isEc = type === 'ec' && details?.namedCurve === 'prime256v1';
    if (isRsa || isEc)
      return { level: 'ok', about, says: `${isRsa ? 'RS256' : 'ES256'} with JWT_PUBLIC_KEY` };
    return {
      level: 'fail',
      about,
      says: 'JWT_PUBLIC_KEY is of another kind',
      todo: 'use RSA of 2048 bits or P-256',
    };
  } catch {
    return {
      level: 'fail',
      about,
      says: 'JWT_PUBLIC_KEY can not be read',
      todo: 'give the whole public key in PEM',
    };
  }
}

/** Takes the port for a moment, or asks who has it. */
export async function checkPort({ HOST, PORT }: Config): Promise<Finding[]> {
  const about = 'port';
  const server = createServer();
  try {
    server.listen(PORT, HOST);
    await once(server, 'listening');
    server.close();
    return [{ level: 'ok', about, says: PORT === 0 ? 'any' : `${PORT} on ${HOST} is free` }];
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return [await whoHasPort(HOST, PORT)];
    const todo = code === 'EACCES' ? 'take a PORT above 1023' : 'set HOST to an address of this machine';
    return [{ level: 'fail', about, says: message, todo }];
  }
}

async function whoHasPort(host: string, port: number): Promise<Finding> {
  const about = 'port';
  const reachable =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  const url = `http://${reachable}:${port}`;
  const ending = new AbortController();
  // Not AbortSignal.timeout, which lets the process end while somebody else's program keeps us waiting.
  const timer = setTimeout(() => ending.abort(), 2_000);
  try {
    const ask = async (path: string): Promise<Response> => fetch(url + path, { signal: ending.signal });
    const health = (await (await ask('/health')).json()) as { status?: unknown };
    if (health.status !== 'ok') throw new Error('it is another program');
    const { status } = await ask('/ready');
    if (status === 200) return { level: 'ok', about, says: `a server runs at ${url} and is ready` };
    return { level: 'fail', about, says: `a server runs at ${url} but is not ready`, todo: 'see its log' };
  } catch {
    return {
      level: 'fail',
      about,
      says: `${port} is in use by another program`,
      todo: `set PORT, such as PORT=${port + 1}`,
    };
  } finally {
    clearTimeout(timer);
  }
}
