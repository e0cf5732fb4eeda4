/** A member as placement sees it. */
import type { NodeName } from '../names.ts';
import { type OrderKey, orderKey, tieNumber } from './slot-order.ts';

/** What placement has to know of a member. */
export interface PlacedMember {
  readonly node: NodeName;
  /** Finite: its share of the ring is in proportion. With 0 it has none, unless all have 0. */
  readonly weight: number;
  readonly zone?: string | undefined;
}

export interface RankedMember extends PlacedMember {
  readonly order: OrderKey;
}

export function rankedMember({ node, weight, zone }: PlacedMember): RankedMember {
  return { node, weight, zone, order: orderKey(node) };
}

/** Of two that a slot costs the same: by a hash of member and slot, then by name. */
export function breaksTie(slot: number, one: RankedMember, other: RankedMember): boolean {
  const a = tieNumber(one.order, slot);
  const b = tieNumber(other.order, slot);
  return a === b ? one.node < other.node : a < b;
}
