/**
 * Addresses of tunnels, in the prefix that is there to be discarded (100::/64, RFC 6666): what goes
 * to one by mistake reaches nobody. They mean something on this machine only.
 */
import type { Address, NodeName } from '../../core/names.ts';
import { hashText } from '../../core/roster/mix32.ts';

const PREFIX = '100::';

/** Tunnels through one neighbour share a host, and so the bounds that hold for each address. */
export function tunnelHost(through: NodeName): string {
  return `${PREFIX}1:${(hashText(through) & 0xffff).toString(16)}`;
}

export function isTunnelHost(host: string): boolean {
  return host.startsWith(PREFIX);
}

export function isTunnelAddress(address: Address): boolean {
  return address.startsWith(`[${PREFIX}`);
}
