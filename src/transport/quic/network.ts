/**
 * The network of a host, as bounds for each address count it: whoever has one IPv6 address has the
 * 2^64 of its subnet, so these count as one. An IPv4 address counts alone: a whole cluster often
 * lives in one /24. The near ends of tunnels count for each neighbour.
 */
import { isTunnelHost } from '../tunnel/tunnel-address.ts';

const GROUPS = 8;
const SUBNET_GROUPS = 4;

/** `10.0.0.1` for itself, `2001:db8:0:1::/64` for `2001:db8:0:1::7`. */
export function networkOf(host: string): string {
  if (!host.includes(':') || isTunnelHost(host)) return host;
  const [head = '', tail] = host.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    while (groups.length + rest.length < GROUPS) groups.push('0');
    groups.push(...rest);
  }
  return `${groups.slice(0, SUBNET_GROUPS).join(':')}::/64`;
}
