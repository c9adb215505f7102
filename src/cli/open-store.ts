import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openBackend, type Backend } from '../backend.ts';
import type { Config } from '../config.ts';
import { TidingsError } from '../errors.ts';
import type { Retention } from '../store/store.ts';

/** Nothing goes while somebody only looks. */
export const everything: Retention = { events: 1e12, hours: 1e6, bytes: Number.MAX_SAFE_INTEGER };

/** Does something with the store of a configuration itself, without a server. */
export async function withBackend<Result>(
  config: Config,
  options: { readonly retention?: Retention; readonly mustExist: boolean },
  task: (backend: Backend) => Promise<Result>,
): Promise<Result> {
  if (options.mustExist && !hasStore(config)) {
    throw new TidingsError(
      'NOT_FOUND',
      `There is no store in ${resolve(config.DATA_DIR)}; set DATA_DIR or REDIS_URL.`,
    );
  }
  const { retention } = options;
  const backend = await openBackend(config, {
    now: Date.now,
    // What fails is told by the call that fails.
    onError: () => undefined,
    ...(retention === undefined ? {} : { retention: () => retention }),
  });
  try {
    return await task(backend);
  } finally {
    await backend.close();
  }
}

export function hasStore({ REDIS_URL, DATA_DIR }: Config): boolean {
  return REDIS_URL !== undefined || existsSync(join(resolve(DATA_DIR), 'events.db'));
}
