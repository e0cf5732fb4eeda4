/**
 * A set of stamps as ranges, each without its first end and with its last one: `(after, upTo]`.
 * What comes in order is one range, whatever its length; each gap costs one more.
 */
import { earlierStamp, laterStamp, type Stamp } from '../clock/stamp.ts';

export interface StampRange {
  readonly after: Stamp;
  readonly upTo: Stamp;
}

export class StampRanges {
  readonly #max: number;
  /** Rising, with a gap between each two. */
  readonly #ranges: StampRange[] = [];

  /** @param max ranges that are kept; above it the lowest is given up, but for one from 0 on. */
  constructor(max: number) {
    this.#max = max;
  }

  /** A copy. */
  all(): readonly StampRange[] {
    return [...this.#ranges];
  }

  /** The highest so many, but for single stamps. */
  latest(count: number): readonly StampRange[] {
    return this.#ranges.filter(({ after, upTo }) => upTo - after > 1n).slice(-count);
  }

  has(stamp: Stamp): boolean {
    const range = this.#ranges[this.#firstUpTo(stamp)];
    return range !== undefined && range.after < stamp;
  }

  /** False when all of it was there before. */
  add({ after, upTo }: StampRange): boolean {
    if (upTo <= after) return false;
    // What touches it becomes one with it.
    const from = this.#firstUpTo(after);
    const first = this.#ranges[from];
    if (first !== undefined && first.after <= after && first.upTo >= upTo) return false;
    let to = from;
    let range = { after, upTo };
    for (let next = first; next !== undefined && next.after <= upTo; next = this.#ranges[to]) {
      range = {
        after: earlierStamp(next.after, range.after),
        upTo: laterStamp(next.upTo, range.upTo),
      };
      to += 1;
    }
    this.#ranges.splice(from, to - from, range);
    if (this.#ranges.length > this.#max)
      this.#ranges.splice(this.#ranges[0]?.after === 0n ? 1 : 0, 1);
    return true;
  }

  /** Where the first range is that ends there or later. */
  #firstUpTo(stamp: Stamp): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.upTo ?? 0n) < stamp) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
