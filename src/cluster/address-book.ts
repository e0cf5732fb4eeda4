/** Where a node can be dialled: what it said itself, what peers said, what discovery says. */
import type { Address, NodeName } from '../core/names.ts';
import type { Discovery } from '../discovery/discovery.ts';
import { BarrelError } from '../errors.ts';
import { isTunnelAddress } from '../transport/tunnel/tunnel-address.ts';

export interface AddressBookOptions {
  /** From the roster: the node's own word, the best there is. */
  readonly announced: (node: NodeName) => readonly Address[] | undefined;
  /** All configured ways to find a node, tried in order. */
  readonly discovery: Discovery;
}

export class AddressBook {
  readonly #options: AddressBookOptions;

  constructor(options: AddressBookOptions) {
    this.#options = options;
  }

  /** Addresses to try, best first. @throws ERR_UNREACHABLE when nobody knows one. */
  async find(
    node: NodeName,
    hints: readonly Address[] = [],
    signal?: AbortSignal,
  ): Promise<readonly Address[]> {
    const told = new Set([...(this.#options.announced(node) ?? []), ...hints]);
    // The address of a tunnel means something to its own end only: nobody has one to tell.
    const known = [...told].filter((address) => !isTunnelAddress(address));
    if (known.length > 0) return known;
    const found = await this.#options.discovery.resolve(node, { signal });
    if (found.length > 0) return found;
    throw new BarrelError('ERR_UNREACHABLE', `no address is known for ${node}`, { node });
  }
}
