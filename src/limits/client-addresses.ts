import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Of a list of proxies no more than these are looked at. */
const MAX_HOPS = 16;
/** Addresses of which it is remembered whether they are in a range. */
const MOST_KNOWN = 1_000;

/** An address, or a range of them such as 10.0.0.0/8. */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/**
 * Where requests come from. What X-Forwarded-For says counts only as far as proxies that are trusted have written it: each appends who
 * asked it, so it is read from its end, up to the first address that is none of theirs.
 */
export class ClientAddresses {
  readonly #trusted: AddressRanges;
  readonly #local = new AddressRanges(['127.0.0.0/8', '::1']);

  /** @param trustedProxies addresses and ranges, see isAddressRange */
  constructor(trustedProxies: readonly string[]) {
    this.#trusted = new AddressRanges(trustedProxies);
  }

  /**
   * What limits of an address are counted by: an IPv4 address, or the /64 of an IPv6 address, all of which one customer has. Null for whoever
   * is on this machine.
   */
  of({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): string | null {
    let address = plain(socket.remoteAddress ?? '');
    const forwarded = String(headers['x-forwarded-for'] ?? '').split(',');
    for (let hops = 0; hops < MAX_HOPS && this.#trusted.include(address); hops++) {
      const before = plain(withoutPort(forwarded.pop() ?? ''));
      // Nobody, or nonsense, which no proxy writes: then the last one that is known is whom we deal with.
      if (isIP(before) === 0) break;
      address = alone(before);
    }
    if (isIP(address) === 0 || this.#local.include(address)) return null;
    return isIP(address) === 4 ? address : `${network(address)}::/64`;
  }
}

class AddressRanges {
  readonly #list = new BlockList();
  /** The same ask again and again, and the list takes longer than everything else that a refused client costs here. */
  readonly #known = new Map<string, boolean>();

  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = '', bits] = range.split('/');
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  include(address: string): boolean {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const version = isIP(address);
    const isIn = version !== 0 && this.#list.check(address, version === 4 ? 'ipv4' : 'ipv6');
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(address, isIn);
    return isIn;
  }
}

/** A part of a text keeps all of it in memory, and what clients are counted by is kept. */
function alone(part: string): string {
  return Buffer.from(part).toString();
}

/** Some proxies write the port too. */
function withoutPort(text: string): string {
  const trimmed = text.trim();
  return /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d+$/.exec(trimmed)?.[1] ?? trimmed;
}

/** Without the name of a network card, and IPv4 as such also where it comes in the clothes of IPv6. */
function plain(address: string): string {
  const bare = address.replace(/%.*$/, '');
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare;
}

/** The first half of an IPv6 address, in the one form that there is for it. */
function network(address: string): string {
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = before === '' ? [] : before.split(':');
  const rest = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? 0 : 8 - groups.length - rest.length;
  return [...groups, ...Array.from({ length: zeros }, () => '0'), ...rest].slice(0, 4).join(':');
}
