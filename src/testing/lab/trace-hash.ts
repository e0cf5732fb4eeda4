/** A hash of all that happened in a run: two runs of one seed must end with the same one. */

const WORDS = new Uint32Array(2);
const TIME = new Float64Array(WORDS.buffer);

export class TraceHash {
  #low = 0x811c_9dc5;
  #high = 0x9e37_79b9;

  /** Adds a time to the last bit, and two small integers. */
  add(atMs: number, a: number, b: number): void {
    TIME[0] = atMs;
    this.#word(WORDS[0] as number);
    this.#word(WORDS[1] as number);
    this.#word((Math.imul(a, 0x85eb_ca6b) ^ b) >>> 0);
  }

  /** Sixteen hexadecimal digits. */
  get hex(): string {
    return [this.#high, this.#low]
      .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
      .join('');
  }

  #word(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x0100_0193);
    this.#high = Math.imul((this.#high ^ (this.#low >>> 15)) + word, 0xc2b2_ae35);
  }
}
