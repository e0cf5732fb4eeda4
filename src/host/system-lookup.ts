/** Host names as the system resolves them. */
import { lookup } from 'node:dns/promises';
import { bareHost } from './endpoint-text.ts';

/** Of a name with more addresses the rest is not tried. */
const LOOKUP_MAX = 8;

/**
 * The IP addresses of a host name, at least one, the first of each family first, IPv4 before IPv6;
 * an IP literal, in brackets or not, is its own. Rejects with the system's error, e.g. `ENOTFOUND`.
 */
export async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await lookup(bareHost(host), { order: 'ipv4first', all: true });
  const firsts = [4, 6].flatMap((family) => found.find((one) => one.family === family) ?? []);
  const addresses = [...firsts, ...found].map(({ address }) => address);
  return [...new Set(addresses)].slice(0, LOOKUP_MAX);
}
