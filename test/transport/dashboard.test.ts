import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDashboard } from '../../src/transport/dashboard.ts';
import { TestServer } from '../support/server.ts';

describe('the page at /', () => {
  let server: TestServer;
  let page: Response;
  let html: string;
  beforeAll(async () => {
    server = await TestServer.start();
    page = await fetch(server.url);
    html = await page.text();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  it('is asked for anew each time, and runs nothing but scripts of the server', () => {
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('private, no-cache');
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|style=/);
    expect(html).not.toContain('tidings-token');
  });

  it('has files that browsers keep, and that are compressed for who takes that', async () => {
    const files = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path);
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const path of files) {
      const file = await fetch(`${server.url}/${path}`, { headers: { 'accept-encoding': 'gzip' } });
      expect(file.status).toBe(200);
      expect(file.headers.get('cache-control')).toBe('public,max-age=31536000,immutable');
      expect(file.headers.get('content-encoding')).toBe('gzip');
      expect((await file.text()).length).toBeGreaterThan(Number(file.headers.get('content-length')));
      const plain = await fetch(`${server.url}/${path}`, { headers: { 'accept-encoding': 'gzip;q=0' } });
      expect(plain.headers.get('content-encoding')).toBeNull();
    }
  });

  it('keeps no file open for whoever leaves before it has come', async () => {
    const openFiles = async (): Promise<number> => (await readdir('/dev/fd')).length;
    const [, path] = /src="\.\/(assets\/[^"]+)"/.exec(html)!;
    const before = await openFiles();
    for (let client = 0; client < 20; client++) {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      await once(socket, 'connect');
      // All but the first wait for those before them.
      socket.write(`GET /${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(20));
      await once(socket, 'readable');
      socket.resetAndDestroy();
    }
    await expect.poll(openFiles).toBeLessThan(before + 20);
  });

  it('answers what is no file of it, and other methods, as everywhere', async () => {
    for (const path of ['/assets/none.js', '/assets/', '/assets/%2e%2e%2findex.html']) {
      const answer = await fetch(server.url + path);
      expect(answer.status, path).toBe(404);
      expect(await answer.json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
    }
    const post = await fetch(server.url, { method: 'POST' });
    expect(post.status).toBe(405);
    expect(post.headers.get('allow')).toBe('GET, HEAD');
    const head = await fetch(server.url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(html.length));
  });
});

it('leads to GraphiQL where the page was not built', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'tidings-test-'));
  const handle = createDashboard(empty, null);
  const server = createServer((request, response) => handle(request, response, new URL('http://localhost/')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/`, { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/graphql']);
  server.close();
  await rm(empty, { recursive: true });
});
