/**
 * A running hash of what happens in a simulation: two lanes of 32 bits, mixed as MurmurHash3 mixes
 * its words (Appleby, 2011). Equal runs give equal hashes on any machine; it guards against no one.
 */
const FIRST_LANE = { multiplier: 0xcc9e_2d51, rotation: 15 };
const SECOND_LANE = { multiplier: 0x1b87_3593, rotation: 13 };

export class Trace {
  #first = 0;
  #second = 0;

  /** Takes in 32 bits. */
  word(value: number): void {
    this.#first = mix(this.#first ^ value, FIRST_LANE);
    this.#second = mix((this.#second + value) | 0, SECOND_LANE);
  }

  /** Takes in a time, to the microsecond. */
  time(ms: number): void {
    const microseconds = Math.round(ms * 1_000);
    this.word(microseconds | 0);
    this.word(Math.floor(microseconds / 0x1_0000_0000));
  }

  text(text: string): void {
    this.word(text.length);
    for (let index = 0; index < text.length; index += 1) this.word(text.charCodeAt(index));
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    this.word(length);
    let index = 0;
    for (; index + 4 <= length; index += 4) this.word(wordAt(bytes, index));
    let rest = 0;
    for (; index < length; index += 1) rest = (rest << 8) | (bytes[index] ?? 0);
    this.word(rest);
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return hex(finish(this.#first)) + hex(finish(this.#second ^ this.#first));
  }
}

interface Lane {
  readonly multiplier: number;
  readonly rotation: number;
}

function mix(state: number, { multiplier, rotation }: Lane): number {
  const product = Math.imul(state, multiplier);
  const rotated = (product << rotation) | (product >>> (32 - rotation));
  return (Math.imul(rotated, 5) + 0xe654_6b64) | 0;
}

function finish(state: number): number {
  let bits = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

function wordAt(bytes: Uint8Array, index: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [
    bytes[index],
    bytes[index + 1],
    bytes[index + 2],
    bytes[index + 3],
  ];
  return a | (b << 8) | (c << 16) | (d << 24);
}
