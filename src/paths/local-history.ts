/** Where each link has been: the local addresses that it was moved to, oldest first. */
import { type Address, type NodeName, splitAddress } from '../core/names.ts';
import { LOCALS_REMEMBERED } from './path-watch-limits.ts';

export class LocalHistory {
  readonly #byNode = new Map<NodeName, Address[]>();

  note(node: NodeName, local: Address): void {
    const known = this.#byNode.get(node) ?? [];
    const rest = known.filter((address) => address !== local).slice(1 - LOCALS_REMEMBERED);
    this.#byNode.set(node, [...rest, local]);
  }

  /** The oldest one on that host, when the link has been moved to as many as are remembered. */
  again(node: NodeName, host: string): Address | undefined {
    const known = this.#byNode.get(node) ?? [];
    if (known.length < LOCALS_REMEMBERED) return undefined;
    return known.find((address) => splitAddress(address).host === host);
  }

  forget(node: NodeName): void {
    this.#byNode.delete(node);
  }
}
