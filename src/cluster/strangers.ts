/**
 * Table entries whose owner is no member as far as this node knows. News of a table goes from
 * neighbour to neighbour, word of a new member through the broadcast tree: either may be first.
 */
import type { TableEntry } from '../core/table/contract.ts';
import { STRANGER_ENTRIES_MAX } from '../limits.ts';
import type { NodeRef } from './ports.ts';

export interface HeldEntry {
  readonly from: string;
  readonly entry: TableEntry;
}

export class Strangers {
  #held: HeldEntry[] = [];

  /** Keeps an entry until its owner is known; above the bound the oldest goes. */
  hold(held: HeldEntry): void {
    if (this.#held.length >= STRANGER_ENTRIES_MAX) this.#held.shift();
    this.#held.push(held);
  }

  /** The entries of a start that is known now, oldest first; they are held no more. */
  take({ node, incarnation }: NodeRef): readonly HeldEntry[] {
    if (this.#held.length === 0) return [];
    const taken: HeldEntry[] = [];
    this.#held = this.#held.filter((held) => {
      const { owner } = held.entry;
      if (owner.node !== node) return true;
      if (owner.incarnation === incarnation) taken.push(held);
      return owner.incarnation > incarnation;
    });
    return taken;
  }
}
