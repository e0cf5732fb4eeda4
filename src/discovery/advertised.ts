/** The addresses that a node advertises when it is told none. */
import { type Address, splitAddress } from '../core/names.ts';
import { bareHost, endpointText, isWildcard } from '../host/endpoint-text.ts';
import type { Host } from '../host/host.ts';

/**
 * The bound one. A wildcard is nothing that others can dial: the machine's first address of each
 * family that it stands for does instead, or itself when the machine has none.
 */
export function advertisedAddresses(
  host: Pick<Host, 'externalAddresses'>,
  bound: Address,
): readonly Address[] {
  const { host: boundHost, port } = splitAddress(bound);
  const wildcard = bareHost(boundHost);
  if (!isWildcard(wildcard)) return [bound];
  const reachable = host.externalAddresses();
  const isIpv6 = (address: string): boolean => address.includes(':');
  const first = reachable.find((address) => !isIpv6(address));
  const firstIpv6 = wildcard === '::' ? reachable.find(isIpv6) : undefined;
  const dialled = [first, firstIpv6].flatMap((ip) => ip ?? []);
  return dialled.length === 0 ? [bound] : dialled.map((ip) => endpointText({ host: ip, port }));
}
