/** Values of every kind for property tests, and bytes that are nearly values. */
import fc from 'fast-check';
import { type Pid, pidOf } from '../../../../src/core/pid.ts';

export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({ maxLength: 300 }),
);

export const anyNumber: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.integer({ min: -300, max: 300 }),
  fc.constantFrom(-0, Number.NaN, 2 ** 53, -(2 ** 53), 2 ** 32, 2 ** 31, -(2 ** 31) - 1),
);

export const anyBigint: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.bigInt({ min: -(2n ** 8191n), max: 2n ** 8191n }),
);

export const anyBytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 300 });

export const anyPid: fc.Arbitrary<Pid> = fc
  .record({
    node: fc.constantFrom('a@b', 'worker-17@10.0.0.17', 'x@[::1]', `${'n'.repeat(240)}@host`),
    incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    serial: fc.maxSafeNat(),
  })
  .map(({ node, incarnation, serial }) => pidOf(node, incarnation, serial));

const anyName = anyText.filter((name) => name !== '__proto__');

/** What MessagePack has without extensions. */
export const anyPlainValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(anyText, anyNumber, anyBytes, fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(anyName, tie('value'), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

export const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(anyText, anyNumber, anyBytes, fc.boolean(), fc.constantFrom(null, undefined)),
    fc.oneof(anyBigint, anyPid, fc.date({ noInvalidDate: true })),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(anyName, tie('value'), { maxKeys: 20, noNullPrototype: true }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 10 }).map((e) => new Map(e)),
    fc.array(tie('value'), { maxLength: 10 }).map((members) => new Set(members)),
  ),
})).value;

/** A small generator of bytes: fast-check gives the seed, so that a failure can be replayed. */
export class RandomBytes {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  below(bound: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % bound;
  }

  /** Half of the bytes are taken from where MessagePack's tags are. */
  bytes(lengthMax: number): Uint8Array {
    const bytes = new Uint8Array(this.below(lengthMax + 1));
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = this.below(2) === 0 ? this.below(256) : 0x80 + this.below(0x62);
    }
    return bytes;
  }
}

export function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Every way to cut `bytes` short, and `bytes` with each byte replaced by others in turn. */
export function* damaged(bytes: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length++) yield bytes.slice(0, length);
  for (let at = 0; at < bytes.length; at++) {
    for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255, 0x3b]) {
      const copy = bytes.slice();
      copy[at] = (copy[at] ?? 0) ^ mask;
      yield copy;
    }
  }
}
