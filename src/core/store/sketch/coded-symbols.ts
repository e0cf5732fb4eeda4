/**
 * Coded symbols: each the sum of the elements that it covers. A sum is the exclusive or of the ids,
 * the exclusive or of the checks, and the number of elements. Sums of two sets can be subtracted;
 * what both have falls out, and counts may become negative.
 */
import type { Element } from './element.ts';

export class CodedSymbols {
  /** Index of the first symbol. */
  readonly from: number;
  /** Four words for each symbol. */
  readonly ids: Int32Array;
  readonly checks: Int32Array;
  readonly counts: Int32Array;
  /** Counts of the symbols that follow: an estimate needs no more of them. */
  readonly ahead: Int32Array;

  /** `length` symbols that cover nothing yet, and so many counts ahead. */
  constructor(from: number, length: number, ahead = 0) {
    this.from = from;
    this.ids = new Int32Array(4 * length);
    this.checks = new Int32Array(length);
    this.counts = new Int32Array(length);
    this.ahead = new Int32Array(ahead);
  }

  get length(): number {
    return this.counts.length;
  }

  /** Adds an element to the symbol at a position, or takes it away, which differ in the count. */
  toggle(at: number, element: Element, sign: 1 | -1): void {
    const { ids, checks, counts } = this;
    const first = 4 * at;
    ids[first] = (ids[first] ?? 0) ^ element.word0;
    ids[first + 1] = (ids[first + 1] ?? 0) ^ element.word1;
    ids[first + 2] = (ids[first + 2] ?? 0) ^ element.word2;
    ids[first + 3] = (ids[first + 3] ?? 0) ^ element.word3;
    checks[at] = (checks[at] ?? 0) ^ element.check;
    counts[at] = (counts[at] ?? 0) + sign;
  }

  /** Adds `others` to the symbols of the same indices. All of them must be here. */
  add(others: CodedSymbols): void {
    const start = others.from - this.from;
    for (let i = 0; i < others.ids.length; i += 1) {
      const at = 4 * start + i;
      this.ids[at] = (this.ids[at] ?? 0) ^ (others.ids[i] ?? 0);
    }
    for (let i = 0; i < others.length; i += 1) {
      const at = start + i;
      this.checks[at] = (this.checks[at] ?? 0) ^ (others.checks[i] ?? 0);
      this.counts[at] = (this.counts[at] ?? 0) + (others.counts[i] ?? 0);
    }
  }

  /** Turns a sum into what is added to subtract it. */
  negate(): void {
    for (let i = 0; i < this.length; i += 1) this.counts[i] = -(this.counts[i] ?? 0);
  }

  /** True when nothing is left in the symbol at a position. */
  isZero(at: number): boolean {
    const { ids, checks, counts } = this;
    const first = 4 * at;
    const words =
      (ids[first] ?? 0) | (ids[first + 1] ?? 0) | (ids[first + 2] ?? 0) | (ids[first + 3] ?? 0);
    return (words | (checks[at] ?? 0) | (counts[at] ?? 0)) === 0;
  }

  /**
   * A copy of the symbols with the indices `from` to `to - 1`, and of the counts of those that
   * follow up to `countsTo - 1`, as far as they are here.
   */
  slice(from: number, to: number, countsTo: number = to): CodedSymbols {
    const first = Math.max(0, from - this.from);
    const end = Math.max(first, Math.min(to - this.from, this.length));
    const aheadEnd = Math.max(end, Math.min(countsTo - this.from, this.length));
    const part = new CodedSymbols(this.from + first, end - first, aheadEnd - end);
    part.ahead.set(this.counts.subarray(end, aheadEnd));
    part.ids.set(this.ids.subarray(4 * first, 4 * end));
    part.checks.set(this.checks.subarray(first, end));
    part.counts.set(this.counts.subarray(first, end));
    return part;
  }
}
