/** What the image holds, copied as the Dockerfile says: Docker does not run where the tests do. */
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServerProcess } from '../support/process.ts';
import { anyRedis } from '../support/redis.ts';
import { tokenFor } from '../support/server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
let image: string;

beforeAll(async () => {
  image = await mkdtemp(join(tmpdir(), 'tidings-image-'));
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
  const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  for (const [, words = ''] of lastStage.matchAll(/^COPY (.+)$/gm)) {
    const [target = '', ...sources] = words.replace('--from=build ', '').split(' ').toReversed();
    for (const source of sources) {
      const path = source.replace('/app/', '');
      await cp(join(root, path), join(image, target === './' ? path : target), { recursive: true });
    }
  }
  await mkdir(join(image, 'data'));
});
afterAll(async () => rm(image, { recursive: true }));

it.each(['embedded', 'redis'])('is all that a server needs whose store is %s', async (store) => {
  await using redis = await anyRedis();
  const environment = store === 'redis' ? { REDIS_URL: redis.url } : {};
  await using server = await ServerProcess.start(
    join(image, 'data'),
    environment,
    join(image, 'dist/main.js'),
  );
  const headers = { authorization: `Bearer ${tokenFor()}`, 'content-type': 'application/json' };
  const ask = async (query: string): Promise<unknown> =>
    (
      await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
    ).json();
  expect(await ask('mutation { announce(input: { message: "hello" }) { duplicate } }')).toEqual({
    data: { announce: { duplicate: false } },
  });
  expect(await ask('{ events(last: 1) { nodes { type } } }')).toEqual({
    data: { events: { nodes: [{ type: 'ANNOUNCEMENT' }] } },
  });
  for (const path of ['/', '/graphql']) {
    const page = await fetch(server.url + path, { headers: { accept: 'text/html' } });
    expect([path, page.status]).toEqual([path, 200]);
    expect(await page.text()).toContain('<title>');
  }
});
