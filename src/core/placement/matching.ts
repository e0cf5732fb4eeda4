/**
 * Who gets which slot, under a bound for each member: deferred acceptance (Gale, Shapley, 1962).
 * Slots propose to members in the order of their bids; a member keeps as many as its bound of those
 * that it ranks best, and turns the others away, which then go to the next one. As the orders are
 * strict, the result is the one stable matching that is best for the slots, whatever came first.
 */
import type { Bid, SlotBids } from './slot-bids.ts';

/** Bids that are worked out for a slot whose list was not enough; then so many times more. */
const DEEPER = 64;

/**
 * For each slot the index of its member. `bounds`, by index of member, add up to at least the
 * number of slots.
 */
export function matchSlots(bids: SlotBids, bounds: Int32Array): Uint16Array {
  const matching = new Matching(bids, bounds);
  for (let slot = 0; slot < bids.ringSize; slot += 1) matching.place(slot);
  return matching.owners;
}

class Matching {
  readonly owners: Uint16Array;
  readonly #bids: SlotBids;
  readonly #bounds: Int32Array;
  /** The place of each slot's order that it proposes to next. */
  readonly #next: Uint16Array;
  /** Of slots that all members in their list have turned away. */
  readonly #deep = new Map<number, readonly Bid[]>();
  /** For each member a heap of what it keeps, the one that it ranks last on top. */
  readonly #starts: Int32Array;
  readonly #sizes: Int32Array;
  readonly #slots: Int32Array;
  readonly #costs: Float64Array;

  constructor(bids: SlotBids, bounds: Int32Array) {
    const total = bounds.reduce((sum, bound) => sum + bound, 0);
    this.owners = new Uint16Array(bids.ringSize);
    this.#bids = bids;
    this.#bounds = bounds;
    this.#next = new Uint16Array(bids.ringSize);
    this.#sizes = new Int32Array(bounds.length);
    this.#slots = new Int32Array(total);
    this.#costs = new Float64Array(total);
    let start = 0;
    this.#starts = bounds.map((bound) => {
      start += bound;
      return start - bound;
    });
  }

  /** Until nobody is turned away any more. */
  place(slot: number): void {
    for (let turnedAway = slot; turnedAway >= 0; ) turnedAway = this.#propose(turnedAway);
  }

  /** Which slot is turned away: this one, another one, or -1 for none. */
  #propose(slot: number): number {
    const place = this.#next[slot] ?? 0;
    this.#next[slot] = place + 1;
    if (place >= this.#bids.listed(slot)) return this.#proposeDeep(slot, place);
    return this.#ask(slot, this.#bids.bidder(slot, place), this.#bids.bid(slot, place));
  }

  #proposeDeep(slot: number, place: number): number {
    let bids = this.#deep.get(slot) ?? [];
    if (place >= bids.length) {
      bids = this.#bids.best(slot, DEEPER * Math.max(1, bids.length));
      this.#deep.set(slot, bids);
    }
    const bid = bids[place];
    // The bounds add up to all slots: somebody of all takes it.
    return bid === undefined ? -1 : this.#ask(slot, bid.index, bid.cost);
  }

  #ask(slot: number, member: number, cost: number): number {
    const top = this.#starts[member] ?? 0;
    const bound = this.#bounds[member] ?? 0;
    if ((this.#sizes[member] ?? 0) < bound) {
      this.owners[slot] = member;
      this.#add(member, slot, cost);
      return -1;
    }
    if (bound === 0 || cost >= (this.#costs[top] ?? 0)) return slot;
    const turnedAway = this.#slots[top] ?? -1;
    this.owners[slot] = member;
    this.#replaceTop(member, slot, cost);
    return turnedAway;
  }

  #add(member: number, slot: number, cost: number): void {
    const start = this.#starts[member] ?? 0;
    let at = this.#sizes[member] ?? 0;
    this.#sizes[member] = at + 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if ((this.#costs[start + above] ?? 0) >= cost) break;
      this.#copy(start + above, start + at);
      at = above;
    }
    this.#set(start + at, slot, cost);
  }

  #replaceTop(member: number, slot: number, cost: number): void {
    const costs = this.#costs;
    const start = this.#starts[member] ?? 0;
    const size = this.#sizes[member] ?? 0;
    let at = 0;
    for (let below = 1; below < size; below = 2 * at + 1) {
      const right = below + 1;
      const isRight = right < size && (costs[start + right] ?? 0) > (costs[start + below] ?? 0);
      const greater = isRight ? right : below;
      if ((costs[start + greater] ?? 0) <= cost) break;
      this.#copy(start + greater, start + at);
      at = greater;
    }
    this.#set(start + at, slot, cost);
  }

  #copy(from: number, to: number): void {
    this.#slots[to] = this.#slots[from] ?? 0;
    this.#costs[to] = this.#costs[from] ?? 0;
  }

  #set(at: number, slot: number, cost: number): void {
    this.#slots[at] = slot;
    this.#costs[at] = cost;
  }
}
