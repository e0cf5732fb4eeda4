/**
 * Which coded symbols cover an element (Yang et al., SIGCOMM 2024, sections 4.1 and 4.2): symbol
 * `i` with probability 1 / (1 + i/2), independently of the other symbols. Part of the protocol:
 * every node draws the same indices for an id. Beside integers only + - * / and the square root of
 * doubles are used, which IEEE 754 rounds in one way on every machine.
 */
import type { Element } from './element.ts';

const WORD = 2 ** 32;

/** Probability that symbol `index` covers an element, 0 to 1. Symbol 0 covers all. */
export function coverage(index: number): number {
  return 1 / (1 + index / 2);
}

/**
 * The rising indices of one element: `restart`, then `index` and `advance` in turn. The generator
 * is xoroshiro64* (Blackman, Vigna), seeded with the first two words of the id, which are uniform.
 */
export class IndexSequence {
  index = 0;
  #a = 0;
  #b = 0;

  /** Begins with index 0. */
  restart(element: Element): void {
    this.index = 0;
    this.#a = element.word0;
    this.#b = element.word1;
  }

  /**
   * Goes to the next index. No symbol of `index + 1 .. j` covers the element with probability
   * (index + 1)(index + 2) / ((j + 1)(j + 2)): that is solved for j at a uniform number in (0, 1).
   * The result fits 31 bits while the index is at most 16,383. Deviation from the paper: solved
   * exactly, not for (index + 1.5)^2 / (j + 1.5)^2.
   */
  advance(): void {
    const { index } = this;
    const uniform = ((Math.imul(this.#a, 0x9e3779bb) >>> 0) + 0.5) / WORD;
    const b = this.#b ^ this.#a;
    this.#a = ((this.#a << 26) | (this.#a >>> 6)) ^ b ^ (b << 9);
    this.#b = (b << 13) | (b >>> 19);
    this.index = (Math.sqrt(((index + 1) * (index + 2)) / uniform + 0.25) - 0.5) | 0;
  }
}
