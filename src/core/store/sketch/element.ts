/**
 * One element of a set, as the sketch counts it: an id of 128 bits, in four words, and a check of
 * 32 bits. Both are part of the protocol: every node computes them alike.
 */
import type { CodedSymbols } from './coded-symbols.ts';

/** An id is a string of so many Latin-1 characters, one for each byte. */
export const ID_BYTES = 16;

/** Reused for one element after the other, so that nothing is allocated for each. */
export class Element {
  word0 = 0;
  word1 = 0;
  word2 = 0;
  word3 = 0;
  check = 0;

  /** @throws RangeError unless `id` has 16 characters; each must be U+0000 to U+00FF. */
  setId(id: string): void {
    if (id.length !== ID_BYTES) throw new RangeError(`not an id: ${id.length} characters`);
    this.word0 = wordAt(id, 0);
    this.word1 = wordAt(id, 4);
    this.word2 = wordAt(id, 8);
    this.word3 = wordAt(id, 12);
    this.#check();
  }

  /** The element of a symbol that holds one and no other. */
  setSymbol(symbols: CodedSymbols, at: number): void {
    const { ids } = symbols;
    const first = 4 * at;
    this.word0 = ids[first] ?? 0;
    this.word1 = ids[first + 1] ?? 0;
    this.word2 = ids[first + 2] ?? 0;
    this.word3 = ids[first + 3] ?? 0;
    this.#check();
  }

  id(): string {
    return text(this.word0) + text(this.word1) + text(this.word2) + text(this.word3);
  }

  /**
   * Not linear: the exclusive or of the checks of three ids is not the check of the exclusive or of
   * the ids, so that a symbol with several elements does not pass for one with a single element.
   */
  #check(): void {
    let hash = Math.imul(this.word0 ^ (this.word0 >>> 16), 0x85ebca6b) + this.word1;
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35) + this.word2;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) + this.word3;
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
    this.check = hash ^ (hash >>> 16);
  }
}

/** Four bytes, the lowest first. */
function wordAt(id: string, at: number): number {
  return (
    id.charCodeAt(at) |
    (id.charCodeAt(at + 1) << 8) |
    (id.charCodeAt(at + 2) << 16) |
    (id.charCodeAt(at + 3) << 24)
  );
}

function text(word: number): string {
  return String.fromCharCode(word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24);
}
