/**
 * Each member ranks the slots of the ring by a permutation of its own, made from its name. As each
 * member gives each rank once, no member is lucky with more high ranks than others: that halves the
 * number of slots that the bound of the load has to move.
 */
import type { NodeName } from '../names.ts';
import { finish, hashText, mix } from '../roster/mix32.ts';

const ROUNDS = 4;
/** Word of the key from which equal costs are told apart. */
const TIE_WORD = 2 * ROUNDS;

/** What a member's permutation is made of: 9 words of 32 bits. */
export type OrderKey = Int32Array;

/**
 * Names are ASCII: their characters are their UTF-8 bytes. Two hashes, so that the keys of two
 * names differ.
 */
export function orderKey(name: NodeName): OrderKey {
  const one = hashText(name);
  const other = hashText(`/${name}`);
  return Int32Array.from({ length: TIE_WORD + 1 }, (_, at) => finish(mix(mix(one, other), at)));
}

/** A number of 32 bits that tells members apart who rank a slot alike. */
export function tieNumber(key: OrderKey, slot: number): number {
  return finish(mix(key[TIE_WORD] ?? 0, slot));
}

/** The permutations of a ring of 1 to 65,536 slots. */
export class SlotOrder {
  readonly #ringSize: number;
  readonly #mask: number;
  readonly #shift: number;

  constructor(ringSize: number) {
    const bits = 32 - Math.clz32(ringSize - 1);
    this.#ringSize = ringSize;
    this.#mask = 2 ** bits - 1;
    this.#shift = Math.max(1, bits >> 1);
  }

  /** The rank of a slot for that member, 0 to `ringSize - 1`: 0 is what it wants most. */
  rank(key: OrderKey, slot: number): number {
    let x = slot;
    // Each pass permutes 0 to mask, which is less than twice the ring.
    do x = this.#pass(key, x);
    while (x >= this.#ringSize);
    return x;
  }

  #pass(key: OrderKey, slot: number): number {
    const mask = this.#mask;
    let x = slot;
    for (let at = 0; at < TIE_WORD; at += 2) {
      // Adding, multiplying by an odd number, folding the upper half in: each can be undone.
      x = Math.imul(x + (key[at] ?? 0), (key[at + 1] ?? 0) | 1) & mask;
      x ^= x >>> this.#shift;
    }
    return x;
  }
}
