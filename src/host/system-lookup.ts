/** Host names as the system resolves them. */
import { lookup } from 'node:dns/promises';

/**
 * One IP address of a host name, IPv4 preferred; an IP literal, in brackets or not, is its own.
 * Rejects with the system's error, e.g. `ENOTFOUND`.
 */
export async function systemLookup(host: string): Promise<string> {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  return (await lookup(bare, { order: 'ipv4first' })).address;
}
