/** Nodes at addresses that are known beforehand. */
import { type Address, isAddress, isNodeName, type NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Discovery } from './discovery.ts';

/**
 * Finds the given nodes at the given addresses; all of them are contacts too.
 * @throws ERR_OPTION naming every entry that is no node name with an address.
 */
export function staticDiscovery(nodes: Readonly<Record<NodeName, Address>>): Discovery {
  const entries = Object.entries(nodes);
  const faults = entries.filter(([node, address]) => !isNodeName(node) || !isAddress(address));
  if (faults.length > 0) {
    const received = faults.map((entry) => entry.map((part) => JSON.stringify(part)).join(': '));
    throw new BarrelError(
      'ERR_OPTION',
      `staticDiscovery takes { 'name@host': 'host:port' }, received ${received.join(', ')}`,
    );
  }
  const addresses = new Map(entries);
  return {
    name: 'static',
    resolve: async (node, { signal }) => {
      signal?.throwIfAborted();
      const address = addresses.get(node);
      return address === undefined ? [] : [address];
    },
    contacts: async ({ signal }) => {
      signal?.throwIfAborted();
      return [...addresses].map(([node, address]) => `${node}/${address}`);
    },
  };
}
