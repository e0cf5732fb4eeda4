/**
 * Addresses of tunnels, in the prefix that is there to be discarded (100::/64, RFC 6666): what goes
 * to one by mistake reaches nobody. They mean something on this machine only.
 */
import type { Address } from '../../core/names.ts';
import { hashText } from '../../core/roster/mix32.ts';
import type { TunnelKind } from '../transport.ts';

const PREFIX = '100::';
const HOSTS: Readonly<Record<TunnelKind, string>> = {
  circuit: `${PREFIX}1:`,
  pipe: `${PREFIX}2:`,
};

/** Tunnels of one entry share a host, and so the bounds that hold for each address. */
export function tunnelHost(entry: string, kind: TunnelKind = 'circuit'): string {
  return `${HOSTS[kind]}${(hashText(entry) & 0xffff).toString(16)}`;
}

export function isTunnelHost(host: string): boolean {
  return host.startsWith(PREFIX);
}

export function isTunnelAddress(address: Address): boolean {
  return address.startsWith(`[${PREFIX}`);
}

/** Of a tunnel that leads through other nodes. */
export function isCircuitAddress(address: Address): boolean {
  return address.startsWith(`[${HOSTS.circuit}`);
}
