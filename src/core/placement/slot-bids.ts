/**
 * What the members bid for each slot: the best few in a list, the others when somebody asks. A
 * list is always the true beginning of the slot's whole order, so that a newcomer costs one look
 * for each slot, and who goes costs something only where it was listed.
 */
import type { NodeName } from '../names.ts';
import { rankCosts } from './rank-costs.ts';
import { breaksTie, type PlacedMember, type RankedMember, rankedMember } from './ranked-member.ts';
import { SlotOrder } from './slot-order.ts';

/** Bids that are kept for each slot. */
const LISTED = 8;
/** A list with fewer is filled again. */
const LISTED_MIN = 4;

/** One member's bid for a slot. */
export interface Bid {
  /** Of the member, see `SlotBids.indexOf`. */
  readonly index: number;
  readonly member: RankedMember;
  /** Less is better. */
  readonly cost: number;
}

function isBefore(slot: number, one: Bid, other: Bid): boolean {
  if (one.cost !== other.cost) return one.cost < other.cost;
  return breaksTie(slot, one.member, other.member);
}

export class SlotBids {
  readonly ringSize: number;
  /** Bids that were worked out so far. */
  evaluations = 0;
  readonly #order: SlotOrder;
  readonly #costs: Float64Array;
  readonly #members: (RankedMember | undefined)[] = [];
  readonly #indexes = new Map<NodeName, number>();
  readonly #free: number[] = [];
  /** `LISTED` places for each slot, the best first. */
  readonly #bidders: Uint16Array;
  readonly #bids: Float64Array;
  readonly #counts: Uint8Array;

  constructor(ringSize: number) {
    this.ringSize = ringSize;
    this.#order = new SlotOrder(ringSize);
    this.#costs = rankCosts(ringSize);
    this.#bidders = new Uint16Array(ringSize * LISTED);
    this.#bids = new Float64Array(ringSize * LISTED);
    this.#counts = new Uint8Array(ringSize);
  }

  get size(): number {
    return this.#indexes.size;
  }

  /** Indexes of members are below this. */
  get indexEnd(): number {
    return this.#members.length;
  }

  get members(): readonly RankedMember[] {
    return this.#members.filter((member) => member !== undefined);
  }

  indexOf(node: NodeName): number | undefined {
    return this.#indexes.get(node);
  }

  add(placed: PlacedMember): void {
    const member = rankedMember(placed);
    const index = this.#free.pop() ?? this.#members.length;
    const sizeBefore = this.size;
    this.#members[index] = member;
    this.#indexes.set(member.node, index);
    for (let slot = 0; slot < this.ringSize; slot += 1) {
      this.#offer(slot, index, this.#counts[slot] === sizeBefore);
    }
  }

  remove(node: NodeName): void {
    const index = this.#indexes.get(node);
    if (index === undefined) return;
    this.#members[index] = undefined;
    this.#indexes.delete(node);
    this.#free.push(index);
    const least = Math.min(LISTED_MIN, this.size);
    for (let slot = 0; slot < this.ringSize; slot += 1) {
      this.#strike(slot, index);
      if ((this.#counts[slot] ?? 0) < least) this.#fill(slot);
    }
  }

  /** The zone plays no part in bids. */
  rezone({ node, zone }: PlacedMember): void {
    const index = this.#indexes.get(node);
    const member = index === undefined ? undefined : this.#members[index];
    if (index === undefined || member === undefined) return;
    this.#members[index] = { ...member, zone };
  }

  /** How many of the slot's best bids are listed. */
  listed(slot: number): number {
    return this.#counts[slot] ?? 0;
  }

  /** Index of the member in that place of the slot's list, from 0. */
  bidder(slot: number, place: number): number {
    return this.#bidders[slot * LISTED + place] ?? -1;
  }

  /** What it bids. */
  bid(slot: number, place: number): number {
    return this.#bids[slot * LISTED + place] ?? 0;
  }

  /** All bids for a slot, the best first. */
  all(slot: number): readonly Bid[] {
    const bids: Bid[] = [];
    for (const [index, member] of this.#members.entries()) {
      if (member !== undefined) bids.push({ index, member, cost: this.#cost(slot, index) });
    }
    return bids.sort((a, b) => (isBefore(slot, a, b) ? -1 : 1));
  }

  /** The best bids for a slot, the best first; for few of many members quicker than all. */
  best(slot: number, count: number): readonly Bid[] {
    const best: Bid[] = [];
    for (const [index, member] of this.#members.entries()) {
      if (member === undefined) continue;
      const bid = { index, member, cost: this.#cost(slot, index) };
      let place = best.length;
      for (let before = best[place - 1]; before && isBefore(slot, bid, before); ) {
        place -= 1;
        before = best[place - 1];
      }
      if (place === count) continue;
      best.splice(place, 0, bid);
      if (best.length > count) best.pop();
    }
    return best;
  }

  #cost(slot: number, index: number): number {
    const member = this.#members[index];
    if (member === undefined) return Number.POSITIVE_INFINITY;
    this.evaluations += 1;
    return (this.#costs[this.#order.rank(member.order, slot)] ?? 0) / member.weight;
  }

  /** Puts a bid into its place; behind the last one only where the list has all others. */
  #offer(slot: number, index: number, hasAllOthers: boolean): void {
    const start = slot * LISTED;
    const count = this.#counts[slot] ?? 0;
    const cost = this.#cost(slot, index);
    const place = this.#placeOf(slot, index, cost);
    if (place === LISTED || (place === count && !hasAllOthers)) return;
    const last = Math.min(count, LISTED - 1);
    for (let at = start + last; at > start + place; at -= 1) this.#move(at - 1, at);
    this.#bidders[start + place] = index;
    this.#bids[start + place] = cost;
    this.#counts[slot] = last + 1;
  }

  #placeOf(slot: number, index: number, cost: number): number {
    let place = this.#counts[slot] ?? 0;
    for (; place > 0; place -= 1) {
      const at = slot * LISTED + place - 1;
      const other = this.#bids[at] ?? 0;
      if (cost > other) break;
      if (cost === other && !this.#winsTie(slot, index, this.#bidders[at] ?? -1)) break;
    }
    return place;
  }

  #winsTie(slot: number, index: number, other: number): boolean {
    const one = this.#members[index];
    const two = this.#members[other];
    return one !== undefined && two !== undefined && breaksTie(slot, one, two);
  }

  #strike(slot: number, index: number): void {
    const start = slot * LISTED;
    const last = start + (this.#counts[slot] ?? 0) - 1;
    let at = start;
    while (at <= last && this.#bidders[at] !== index) at += 1;
    if (at > last) return;
    for (; at < last; at += 1) this.#move(at + 1, at);
    this.#counts[slot] = last - start;
  }

  /** `copyWithin` costs more for so few. */
  #move(from: number, to: number): void {
    this.#bidders[to] = this.#bidders[from] ?? 0;
    this.#bids[to] = this.#bids[from] ?? 0;
  }

  #fill(slot: number): void {
    this.#counts[slot] = 0;
    for (const [index, member] of this.#members.entries()) {
      // Whoever falls behind the last place of a full list is not listed.
      if (member !== undefined) this.#offer(slot, index, true);
    }
  }
}
