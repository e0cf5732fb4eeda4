/**
 * The first coded symbols of a set, kept up to date as the set changes: a change costs about
 * 2 ln(symbols) updates, however large the set is. The rateless invertible Bloom lookup table of
 * Yang, Gilad and Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM 2024. Deviation from
 * the paper: the symbols are not made when they are asked for, and end at a bound.
 */
import {
  SKETCH_COUNTS,
  SKETCH_FIRST_BATCH,
  SKETCH_SYMBOLS_DEFAULT,
  SKETCH_SYMBOLS_MAX,
} from '../../../limits.ts';
import { CodedSymbols } from './coded-symbols.ts';
import { Element } from './element.ts';
import { IndexSequence } from './index-sequence.ts';

export class CodedPrefix {
  readonly #symbols: CodedSymbols;
  readonly #element = new Element();
  readonly #sequence = new IndexSequence();

  /** @throws RangeError unless `size` is an integer from 1 to 16,384. */
  constructor(size: number = SKETCH_SYMBOLS_DEFAULT) {
    if (!Number.isInteger(size) || size < 1 || size > SKETCH_SYMBOLS_MAX) {
      throw new RangeError(`not a number of symbols: ${size}`);
    }
    this.#symbols = new CodedSymbols(0, size);
  }

  /** Symbols that are kept. */
  get size(): number {
    return this.#symbols.length;
  }

  /** Elements of the set. */
  get count(): number {
    return this.#symbols.counts[0] ?? 0;
  }

  /**
   * Takes in an id that is not in the set. An id is 16 Latin-1 characters, the output of a keyed
   * hash. Whether it is there already is not known here: the set itself knows.
   * @throws RangeError for another length; nothing has changed then.
   */
  add(id: string): void {
    this.#toggle(id, 1);
  }

  /** Takes out an id that is in the set. @throws RangeError as `add`. */
  remove(id: string): void {
    this.#toggle(id, -1);
  }

  /**
   * A copy of the symbols with the indices `from` to `to - 1`, as far as they are kept. Batches
   * that one peer gets in one exchange must be of one set: cut them from one copy of all symbols.
   * With the first ones come the counts of further ones, unless the set is very small.
   */
  symbols(from: number, to: number): CodedSymbols {
    const isEstimated = from === 0 && this.count > SKETCH_FIRST_BATCH;
    return this.#symbols.slice(from, to, isEstimated ? SKETCH_COUNTS : to);
  }

  #toggle(id: string, sign: 1 | -1): void {
    const symbols = this.#symbols;
    const element = this.#element;
    const sequence = this.#sequence;
    const size = symbols.length;
    element.setId(id);
    for (sequence.restart(element); sequence.index < size; sequence.advance()) {
      symbols.toggle(sequence.index, element, sign);
    }
  }
}
