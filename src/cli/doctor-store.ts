/** What `doctor` looks at where events are kept: the directory, its disk, the embedded store, or Redis. */
import { constants, existsSync, readdirSync } from 'node:fs';
import { access, open, rm, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Backend } from '../backend.ts';
import type { Config } from '../config.ts';
import type { Finding } from './doctor-host.ts';
import { everything, hasStore, withBackend } from './open-store.ts';

const MIB = 1_024 * 1_024;
/** Below it the embedded store may be full soon, or is. */
const SCARCE = { warn: 1_024 * MIB, fail: 100 * MIB };
const SLOW_SYNC_MS = 20;
const SKEW_MS = 2_000;

export async function checkDirectory(config: Config): Promise<Finding[]> {
  const about = 'DATA_DIR';
  const directory = resolve(config.DATA_DIR);
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    await access(existing, constants.W_OK | constants.X_OK);
  } catch {
    return [
      {
        level: 'fail',
        about,
        says: `${existing} can not be written`,
        todo: 'give it to the user of the server, or set DATA_DIR',
      },
    ];
  }
  const findings: Finding[] = [
    {
      level: 'ok',
      about,
      says: existing === directory ? directory : `${directory}, which is made at the first start`,
    },
    await checkSpace(existing, config),
  ];
  if (existing === directory) findings.push(await checkSync(directory));
  const spool = join(directory, 'spool');
  const waiting = existsSync(spool)
    ? readdirSync(spool).filter((name) => !name.startsWith('lock')).length
    : 0;
  if (waiting > 0) findings.push({ level: 'ok', about: 'spool', says: `${waiting} files in ${spool}` });
  return findings;
}

async function checkSpace(directory: string, { RETENTION_MIB }: Config): Promise<Finding> {
  const about = 'disk';
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  const says = `${Math.floor(free / MIB)} MiB free`;
  if (free < SCARCE.fail)
    return { level: 'fail', about, says, todo: 'make room: events are refused when it is full' };
  if (free < SCARCE.warn || free < 2 * RETENTION_MIB * MIB)
    return { level: 'warn', about, says, todo: 'make room, or lower RETENTION_MIB' };
  return { level: 'ok', about, says };
}

/** Every event waits for one of these. */
async function checkSync(directory: string): Promise<Finding> {
  const about = 'disk';
  const file = join(directory, `doctor-${process.pid}.tmp`);
  const handle = await open(file, 'wx');
  try {
    const times: number[] = [];
    for (let round = 0; round < 11; round++) {
      const start = performance.now();
      await handle.write(Buffer.alloc(4_096));
      await handle.datasync();
      times.push(performance.now() - start);
    }
    const median = times.toSorted((a, b) => a - b)[5]!;
    const says = `a sync takes ${median.toFixed(1)} ms`;
    if (median < SLOW_SYNC_MS) return { level: 'ok', about, says };
    return { level: 'warn', about, says, todo: 'use a faster disk: every event waits for one' };
  } finally {
    await handle.close();
    await rm(file);
  }
}

export async function checkStore(config: Config): Promise<Finding[]> {
  const isRedis = config.REDIS_URL !== undefined;
  const about = isRedis ? 'Redis' : 'store';
  if (!hasStore(config)) return [{ level: 'ok', about, says: 'embedded; there are no events yet' }];
  try {
    return await withBackend(config, { retention: everything, mustExist: true }, async (backend) => {
      await backend.store.ping();
      if (backend.redis !== null) return checkRedis(backend.redis);
      return [{ level: 'ok', about, says: 'embedded; it opens and answers' }];
    });
  } catch (error) {
    const { message, cause } = error as Error;
    if (!isRedis && message.includes('has it open'))
      return [{ level: 'ok', about, says: 'embedded; a server has it open' }];
    const says = isRedis && cause instanceof Error ? cause.message : message;
    const todo = isRedis
      ? 'start Redis, or set REDIS_URL to where it is'
      : 'see Backup in the README on how to restore';
    return [{ level: 'fail', about, says: says.replaceAll(/\s+/g, ' '), todo }];
  }
}

async function checkRedis(redis: NonNullable<Backend['redis']>): Promise<Finding[]> {
  const about = 'Redis';
  const info = new Map(
    (await redis.info()).split('\r\n').map((line) => line.split(':', 2) as [string, string]),
  );
  const setting = async (name: string): Promise<string | undefined> => {
    // Those who rent Redis out often forbid it.
    const answer = (await redis.config('GET', name).catch(() => [])) as readonly string[];
    return answer[1];
  };
  const findings: Finding[] = [];
  const version = info.get('redis_version') ?? '?';
  const isNew = Number(version.split('.')[0]) >= 7;
  findings.push(
    isNew
      ? { level: 'ok', about, says: `version ${version}, answers` }
      : { level: 'fail', about, says: `version ${version}`, todo: 'install 7 or newer' },
  );

  if (info.get('aof_enabled') !== '1') {
    const todo = 'set appendonly yes: without it all since the last dump is lost when Redis ends';
    findings.push({ level: 'fail', about, says: 'appendonly no', todo });
  } else if (info.get('aof_last_write_status') !== 'ok') {
    findings.push({
      level: 'fail',
      about,
      says: 'could not write its append-only file',
      todo: 'see its log and disk',
    });
  } else {
    const sync = await setting('appendfsync');
    const says = `appendonly yes, appendfsync ${sync ?? 'unknown'}`;
    if (sync === 'no')
      findings.push({ level: 'warn', about, says, todo: 'set appendfsync everysec or always' });
    else if (sync === 'everysec')
      findings.push({ level: 'ok', about, says: `${says}: a power cut takes up to 2 s` });
    else findings.push({ level: 'ok', about, says });
  }

  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const limit = info.get('maxmemory') ?? '0';
  if (policy === 'noeviction') {
    const says = `maxmemory-policy noeviction, maxmemory ${limit === '0' ? 'unlimited' : `${Math.floor(Number(limit) / MIB)} MiB`}`;
    findings.push({ level: 'ok', about, says });
  } else {
    const todo = 'set maxmemory-policy noeviction: any other drops logs';
    findings.push({
      level: limit === '0' ? 'warn' : 'fail',
      about,
      says: `maxmemory-policy ${policy}`,
      todo,
    });
  }

  const before = Date.now();
  const [seconds, microseconds] = await redis.time();
  const there = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  const skew = Math.round(there - (before + Date.now()) / 2);
  const says = `its clock differs by ${Math.abs(skew)} ms`;
  if (Math.abs(skew) < SKEW_MS) findings.push({ level: 'ok', about: 'clock', says });
  else findings.push({ level: 'warn', about: 'clock', says, todo: 'keep both machines in step with NTP' });
  return findings;
}
