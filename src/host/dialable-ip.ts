/** Which IP addresses can be those of another node: what discovery is told may be anything. */
import { BlockList, isIP } from 'node:net';

const NOBODY = nobody();

/**
 * False for what is no IP literal, and for addresses at which no single node can be: unspecified,
 * multicast, broadcast, and link-local ones of IPv6, which mean nothing without an interface.
 */
export function isDialableIp(text: string): boolean {
  const family = isIP(text);
  return family !== 0 && !NOBODY.check(text, family === 6 ? 'ipv6' : 'ipv4');
}

/** The host of an address: an IPv6 literal in brackets. */
export function bracketed(ip: string): string {
  return isIP(ip) === 6 ? `[${ip}]` : ip;
}

function nobody(): BlockList {
  const list = new BlockList();
  list.addSubnet('0.0.0.0', 8, 'ipv4');
  list.addSubnet('224.0.0.0', 4, 'ipv4');
  list.addAddress('255.255.255.255', 'ipv4');
  list.addAddress('::', 'ipv6');
  list.addSubnet('fe80::', 10, 'ipv6');
  list.addSubnet('ff00::', 8, 'ipv6');
  return list;
}
