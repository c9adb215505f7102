import type { IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { ClientAddresses } from '../../src/limits/client-addresses.ts';

const addressOf = (peer: string, forwarded: string | undefined, proxies: string[]): string | null =>
  new ClientAddresses(proxies).of({
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  } as unknown as IncomingMessage);

const many = Array.from({ length: 40 }, () => '10.0.0.1').join(', ');

it.each<[string, string, string | undefined, string[], string | null]>([
  ['a client', '192.0.2.1', undefined, [], '192.0.2.1'],
  ['a client of IPv4 on a socket of IPv6', '::ffff:192.0.2.1', undefined, [], '192.0.2.1'],
  ['a client of IPv6: its network', '2001:DB8:1:2:3:4:5:6', undefined, [], '2001:db8:1:2::/64'],
  ['the same network otherwise written', '2001:0db8:1:2::1', undefined, [], '2001:db8:1:2::/64'],
  ['a network with zeros', '2001:db8::1', undefined, [], '2001:db8:0:0::/64'],
  ['a network card', 'fe80::1%eth0', undefined, [], 'fe80:0:0:0::/64'],
  ['this machine', '127.0.0.1', undefined, [], null],
  ['this machine', '::1', undefined, [], null],
  ['this machine', '::ffff:127.0.0.5', undefined, [], null],
  ['a client that claims to be another', '192.0.2.1', '198.51.100.9', [], '192.0.2.1'],
  ['a client that claims to be local', '192.0.2.1', '127.0.0.1', ['10.0.0.0/8'], '192.0.2.1'],
  ['a client of a proxy', '10.0.0.1', '192.0.2.1', ['10.0.0.0/8'], '192.0.2.1'],
  [
    'a client of a proxy that claims more',
    '10.0.0.1',
    '198.51.100.9, 192.0.2.1',
    ['10.0.0.0/8'],
    '192.0.2.1',
  ],
  ['a client of two proxies', '10.0.0.1', '192.0.2.1,10.0.0.2', ['10.0.0.0/8'], '192.0.2.1'],
  ['a client with a port', '10.0.0.1', '192.0.2.1:4711', ['10.0.0.1'], '192.0.2.1'],
  ['a client of IPv6 with a port', '10.0.0.1', '[2001:db8::1]:4711', ['10.0.0.1'], '2001:db8:0:0::/64'],
  ['a client of a proxy of IPv6', '2001:db8::5', '192.0.2.1', ['2001:db8::/64'], '192.0.2.1'],
  ['a proxy that tells nothing', '10.0.0.1', undefined, ['10.0.0.0/8'], '10.0.0.1'],
  ['a proxy that tells nonsense', '10.0.0.1', '192.0.2.1, unknown', ['10.0.0.0/8'], '10.0.0.1'],
  ['a proxy that tells a script', '10.0.0.1', '192.0.2.1, <b>, ', ['10.0.0.0/8'], '10.0.0.1'],
  ['proxies without end', '10.0.0.1', many, ['10.0.0.0/8'], '10.0.0.1'],
])('%s is counted as what it is: %s, forwarded for %s', (_name, peer, forwarded, proxies, address) => {
  expect(addressOf(peer, forwarded, proxies)).toBe(address);
});

it.each(['10.0.0.0/33', '10.0.0.0/8/8', '10.0.0', 'proxy.example.com', '::1/129', '10.0.0.0/x'])(
  'TRUSTED_PROXIES takes no %s',
  (range) => {
    expect(() => readConfig({ TRUSTED_PROXIES: `10.0.0.1,${range}` })).toThrow(
      'TRUSTED_PROXIES: has to list',
    );
  },
);

it('keeps nothing of a header but the address', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const addresses = new ClientAddresses(['10.0.0.1']);
  const found: unknown[] = [];
  const taken = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = taken();
  for (let client = 100; client < 200; client++) {
    const forwarded = Buffer.from(`${'x'.repeat(1_000_000)}, 198.51.100.${client}`).toString();
    const request = { socket: { remoteAddress: '10.0.0.1' }, headers: { 'x-forwarded-for': forwarded } };
    found.push(addresses.of(request as unknown as IncomingMessage));
  }
  expect(taken() - before).toBeLessThan(10_000_000);
  expect(found).toContain('198.51.100.150');
});
