/** Docker does not run where the tests do, so the parts that fit together are compared with each other. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig, settings } from '../../src/config.ts';
import { parseRedisUrl } from '../../src/store/redis/url.ts';

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const compose = parse(read('compose.yaml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const { redis, proxy, 'tidings-1': first, 'tidings-2': second } = compose.services;
const servers = [first!, second!];
/** Of a service in the Compose specification, those that are written here. */
const serviceFields = new Set([
  'build',
  'cap_drop',
  'environment',
  'image',
  'ports',
  'read_only',
  'restart',
  'security_opt',
  'stop_grace_period',
  'tmpfs',
  'volumes',
]);
const secret = 'a secret of this test, with more than 32 bytes';

it('runs Redis with an append-only file on a volume, and two servers behind a proxy', () => {
  expect(Object.keys(compose.services)).toEqual(['redis', 'tidings-1', 'tidings-2', 'proxy']);
  const command = redis!.command!.join(' ');
  expect(command).toContain('--appendonly yes --appendfsync everysec --maxmemory-policy noeviction');
  for (const { image } of [redis!, proxy!]) expect(image).toMatch(/^(redis|nginx):\d+\.\d+/);
  expect(redis!.volumes).toEqual(['redis:/data']);
});

it('gives each server an environment that it takes, the same Redis and a directory of its own', () => {
  for (const { environment, build } of servers) {
    expect(build).toBe('.');
    expect(Object.keys(environment!).filter((name) => !Object.hasOwn(settings, name))).toEqual([]);
    const substituted = Object.entries(environment!).map(([name, value]) => {
      const variable = /^\$\{(\w+):(?<kind>[?-])(?<rest>.*)\}$/.exec(value);
      if (variable === null) return [name, value];
      expect(variable[1]).toBe(name);
      return [name, variable.groups!['kind'] === '?' ? secret : variable.groups!['rest']];
    });
    const config = readConfig(Object.fromEntries(substituted) as Record<string, string>);
    expect(config).toMatchObject({ HOST: '0.0.0.0', DATA_DIR: '/data', PORT: 4_000, developmentMode: false });
    const { addresses } = parseRedisUrl(environment!['REDIS_URL']!);
    expect(addresses.map(({ host }) => host)).toEqual(['redis']);
  }
  const volumes = servers.map((server) => server.volumes!.map((volume) => volume.split(':')));
  expect(volumes).toEqual([[['spool-1', '/data']], [['spool-2', '/data']]]);
  expect(Object.keys(compose.volumes)).toEqual(['redis', 'spool-1', 'spool-2']);
});

it('mounts the nginx.conf that the other tests run, with the names and ports of the services', () => {
  const config = read('deploy/nginx.conf');
  expect(proxy!.volumes).toEqual(['./deploy/nginx.conf:/etc/nginx/nginx.conf:ro']);
  const upstreams = [...config.matchAll(/server ([\w-]+):(\d+) /g)].map(
    ([, name, port]) => `${name}:${port}`,
  );
  expect(upstreams).toEqual(['tidings-1:4000', 'tidings-2:4000']);
  expect(Object.keys(proxy!.depends_on!)).toEqual(['tidings-1', 'tidings-2']);
  const [, listens] = /listen (\d+);/.exec(config)!;
  expect(proxy!.ports).toEqual([`127.0.0.1:4000:${listens}`]);
});

it('runs one server without Redis too, with its log on a volume and nothing else to write', () => {
  const single = parse(read('compose.single.yaml')) as typeof compose;
  expect(Object.keys(single)).toEqual(['services', 'volumes']);
  const { tidings } = single.services;
  expect(Object.keys(single.services)).toEqual(['tidings']);
  expect(Object.keys(tidings!).filter((field) => !serviceFields.has(field))).toEqual([]);
  const { REDIS_URL: _redis, ...environment } = first!.environment!;
  expect(tidings!.environment).toEqual(environment);
  expect(tidings).toMatchObject({
    build: '.',
    ports: ['127.0.0.1:4000:4000'],
    volumes: ['data:/data'],
    read_only: true,
  });
  expect(single.volumes).toEqual({ data: null });
});

it('builds from files that are there, and runs the server itself, not as root', () => {
  const dockerfile = read('Dockerfile');
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) =>
    names!.split(' '),
  );
  const ignored = read('.dockerignore');
  expect(copied.length).toBeGreaterThan(5);
  for (const name of copied) {
    expect(existsSync(new URL(name, root)), name).toBe(true);
    expect(ignored).toContain(`!${name}\n`);
  }
  expect(dockerfile).toContain('\nUSER node\n');
  expect(dockerfile).toMatch(/\nHEALTHCHECK [^\n]+\\\n {2}CMD \["node", "-e", /);
  expect(dockerfile.trimEnd()).toMatch(/CMD \["node", "dist\/main\.js"\]$/);
});
