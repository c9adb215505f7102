import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { freePort } from '../support/redis.ts';
import { TestServer } from '../support/server.ts';

it("asks in the Dockerfile's health check whether the server lives", async () => {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
  const [, command = ''] = /HEALTHCHECK [^\n]+\\\n {2}CMD (\[.+\])\n/.exec(dockerfile) ?? [];
  const [program, ...given] = JSON.parse(command) as [string, ...string[]];
  const check = async (port: string): Promise<unknown> => {
    const child = spawn(program, given, { env: { PATH: process.env['PATH'], PORT: port } });
    const [code] = (await once(child, 'exit')) as [number];
    return code;
  };
  await using server = await TestServer.start();
  expect(await check(new URL(server.url).port)).toBe(0);
  expect(await check(String(await freePort()))).toBe(1);
});
