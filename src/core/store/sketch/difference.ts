/**
 * Finds by which elements another set differs from the own one, from coded symbols of the other
 * set that come in batches. The own symbols and what is found are subtracted; a symbol that is left
 * with a single element gives that element, which is taken out of all symbols, and so on: peeling.
 * Work: about 2 ln(symbols) updates for each element found.
 */
import { SKETCH_FIRST_BATCH } from '../../../limits.ts';
import type { CodedPrefix } from './coded-prefix.ts';
import type { CodedSymbols } from './coded-symbols.ts';
import { Element } from './element.ts';
import { estimateDifferences, marginOf, symbolsFor } from './estimate.ts';
import { IndexSequence } from './index-sequence.ts';

export class Difference {
  /** The other set minus the own one minus what was peeled; without the other set at first. */
  readonly #rest: CodedSymbols;
  /** Counts of the other set minus the own one, as the estimate wants them. */
  readonly #counts: Int32Array;
  readonly #element = new Element();
  readonly #sequence = new IndexSequence();
  readonly #onlyRemote: string[] = [];
  readonly #onlyLocal: string[] = [];
  readonly #peeled = new Set<string>();
  /** 1 for a symbol that gave an element: nothing may be left in it. */
  readonly #isSpent: Uint8Array;
  /** Symbols that may have a single element. */
  readonly #pending: number[] = [];
  #received = 0;
  /** Counts known so far: of the symbols received, and of some that follow. */
  #counted = 0;
  #isComplete = false;
  #isBroken = false;

  /** Copies the symbols of the own set: it may change while batches come. */
  constructor(local: CodedPrefix) {
    this.#rest = local.symbols(0, local.size);
    this.#rest.negate();
    this.#counts = this.#rest.counts.slice();
    this.#isSpent = new Uint8Array(local.size);
  }

  /** Symbols received so far. */
  get received(): number {
    return this.#received;
  }

  /** True when all elements are found in which the sets differ. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * True when the symbols are no coded symbols of one set, begin at the wrong index or go beyond
   * the own ones. Final; what was found may be wrong then. An honest exchange breaks with less than
   * one chance in a million, when a sum passes for a single element: do without symbols then.
   */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Ids found so far that only the other set has: at most one for each symbol received. */
  get onlyRemote(): readonly string[] {
    return this.#onlyRemote;
  }

  /** Ids found so far that only the own set has. A hostile peer may name others. */
  get onlyLocal(): readonly string[] {
    return this.#onlyLocal;
  }

  /** Takes the next symbols of the other set, from index `received` on. Never throws. */
  add(remote: CodedSymbols): void {
    if (this.#isComplete || this.#isBroken) return;
    const end = remote.from + remote.length;
    if (remote.from !== this.#received || end > this.#rest.length) {
      this.#isBroken = true;
      return;
    }
    this.#rest.add(remote);
    this.#count(remote);
    for (let at = remote.from; at < end; at += 1) this.#pending.push(at);
    this.#received = end;
    this.#peelAll();
    if (!this.#isBroken && end > 0 && this.#rest.isZero(0)) this.#finish();
  }

  /** About how many elements differ; exact when complete. 0 before the first symbol. */
  estimate(): number {
    const found = this.#onlyRemote.length + this.#onlyLocal.length;
    if (this.#isComplete) return found;
    if (this.#received === 0) return 0;
    // A single one that is left would have been found in symbol 0.
    const least = found + Math.max(2, Math.abs(this.#rest.counts[0] ?? 0));
    return Math.max(least, estimateDifferences(this.#counts.subarray(0, this.#counted)));
  }

  /**
   * How many further symbols to ask for: as many as the estimate wants, at least half of those
   * received. 0 when complete, broken, or when the prefix is used up.
   */
  next(): number {
    if (this.#isComplete || this.#isBroken) return 0;
    const left = this.#rest.length - this.#received;
    if (this.#received === 0) return Math.min(SKETCH_FIRST_BATCH, left);
    const wanted = symbolsFor(this.estimate() * marginOf(this.#counted)) - this.#received;
    return Math.min(left, Math.max(wanted, Math.ceil(this.#received / 2)));
  }

  /** Each count is taken once, also where it came ahead of its symbol. */
  #count({ from, counts, ahead }: CodedSymbols): void {
    const end = Math.min(from + counts.length + ahead.length, this.#counts.length);
    for (let at = this.#counted; at < end; at += 1) {
      const position = at - from;
      const count = counts[position] ?? ahead[position - counts.length] ?? 0;
      this.#counts[at] = (this.#counts[at] ?? 0) + count;
    }
    this.#counted = Math.max(this.#counted, end);
  }

  #peelAll(): void {
    let at = this.#pending.pop();
    while (at !== undefined && !this.#isBroken) {
      this.#peel(at);
      at = this.#pending.pop();
    }
  }

  /**
   * Takes the element of a symbol, if there is a single one, out of all symbols: also of those to
   * come, so that what is found later needs no second look. Ends for all bytes: a symbol gives one
   * element, an element is found once.
   */
  #peel(at: number): void {
    const sign = this.#rest.counts[at];
    if ((sign !== 1 && sign !== -1) || !this.#isPure(at)) return;
    const id = this.#element.id();
    if (this.#isSpent[at] === 1 || this.#peeled.has(id)) {
      this.#isBroken = true;
      return;
    }
    this.#isSpent[at] = 1;
    this.#peeled.add(id);
    if (sign === 1) this.#onlyRemote.push(id);
    else this.#onlyLocal.push(id);
    this.#takeOut(sign === 1 ? -1 : 1);
  }

  /** Leaves the element in `#element`. It must belong to the symbol, not only fit its check. */
  #isPure(at: number): boolean {
    const element = this.#element;
    const sequence = this.#sequence;
    element.setSymbol(this.#rest, at);
    if (element.check !== this.#rest.checks[at]) return false;
    sequence.restart(element);
    while (sequence.index < at) sequence.advance();
    return sequence.index === at;
  }

  #takeOut(sign: 1 | -1): void {
    const rest = this.#rest;
    const element = this.#element;
    const sequence = this.#sequence;
    for (sequence.restart(element); sequence.index < rest.length; sequence.advance()) {
      rest.toggle(sequence.index, element, sign);
      if (sequence.index < this.#received) this.#pending.push(sequence.index);
    }
  }

  /** Symbol 0 covers all elements: nothing is left in it, so nothing may be left in the others. */
  #finish(): void {
    for (let at = 1; at < this.#received; at += 1) {
      if (!this.#rest.isZero(at)) this.#isBroken = true;
    }
    this.#isComplete = !this.#isBroken;
  }
}
