/**
 * Hostile bytes made of good ones: changed, cut, doubled, spliced, or all random. One seed gives
 * the same bytes on any machine, and costs little, so that millions can be made.
 */
import { RandomBytes } from '../core/wire/arbitraries.ts';

/** Where lengths, counts and kinds break: ends of ranges, and what MessagePack's tags are. */
const LIKELY = [
  0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xc4, 0xc6, 0xcf, 0xd9, 0xdb, 0xdd, 0xff,
];
const RANDOM_BYTES_MAX = 200;
const CHANGES_MAX = 4;
const BYTES_MAX = 65_536;

export class Mutations {
  readonly #random: RandomBytes;

  constructor(seed: number) {
    this.#random = new RandomBytes(Math.imul(seed, 0x9e37_79b1));
    for (let draw = 0; draw < 8; draw += 1) this.#random.below(2);
  }

  /** Bytes made of one of the frames, mostly; now and then as it is, or of nothing. */
  next(frames: readonly Uint8Array[]): Uint8Array {
    const random = this.#random;
    const chosen = frames[random.below(Math.max(1, frames.length))];
    if (chosen === undefined || random.below(32) === 0) return random.bytes(RANDOM_BYTES_MAX);
    let bytes: Uint8Array = chosen.slice();
    for (let left = random.below(CHANGES_MAX + 1); left > 0; left -= 1) {
      bytes = this.#changed(bytes, frames);
    }
    return bytes;
  }

  #changed(bytes: Uint8Array, frames: readonly Uint8Array[]): Uint8Array {
    const random = this.#random;
    const at = random.below(bytes.length + 1);
    switch (random.below(8)) {
      case 0:
        return withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
      case 1:
        return withByte(bytes, at, LIKELY[random.below(LIKELY.length)] ?? 0);
      case 2:
        return withByte(bytes, at, random.below(256));
      case 3:
        return bytes.slice(0, at);
      case 4:
        return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8)));
      case 5:
        return joined(bytes.subarray(0, at), random.bytes(8), bytes.subarray(at));
      case 6:
        return joined(bytes.subarray(0, at), bytes.subarray(random.below(at + 1)));
      default:
        return this.#spliced(bytes.subarray(0, at), frames);
    }
  }

  #spliced(head: Uint8Array, frames: readonly Uint8Array[]): Uint8Array {
    const other = frames[this.#random.below(frames.length)] ?? head;
    return joined(head, other.subarray(this.#random.below(other.length + 1)));
  }
}

function withByte(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  if (at < bytes.length) bytes[at] = byte;
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(Math.min(length, BYTES_MAX));
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(0, whole.length - at);
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
