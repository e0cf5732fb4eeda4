import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeVarint,
  encodeVarint,
  readVarint,
  varintLength,
  writeVarint,
} from '../../../../src/core/wire/varint.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { fromHex, RandomBytes, toHex } from './arbitraries.ts';

test('the examples of RFC 9000, A.1, that are minimal and safe', () => {
  for (const [hex, value] of [
    ['9d7f3e7d', 494_878_333],
    ['7bbd', 15_293],
    ['25', 37],
  ] as const) {
    expect(decodeVarint(fromHex(hex))).toBe(value);
    expect(toHex(encodeVarint(value))).toBe(hex);
  }
  // Its first example is above 2^53 - 1, its last a longer form of 37.
  expect(() => decodeVarint(fromHex('c2197c5eff14e88c'))).toThrow(WireError);
  expect(() => decodeVarint(fromHex('4025'))).toThrow(WireError);
});

test('each safe integer comes back in its shortest form', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat(20_000)), (value) => {
      const bytes = encodeVarint(value);
      expect(bytes.length).toBe(varintLength(value));
      expect(decodeVarint(bytes)).toBe(value);
    }),
  );
  const edges = [0, 63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30, Number.MAX_SAFE_INTEGER];
  expect(edges.map((edge) => encodeVarint(edge).length)).toEqual([1, 1, 2, 2, 4, 4, 8, 8]);
  for (const edge of edges) expect(decodeVarint(encodeVarint(edge))).toBe(edge);
});

test('a varint is written over what was there and read from within', () => {
  const bytes = new Uint8Array(8).fill(0xff);
  expect(writeVarint(15_293, bytes, 3)).toBe(5);
  expect(toHex(bytes)).toBe('ffffff7bbdffffff');
  expect(readVarint(bytes, 3)).toBe(15_293);
});

test('what is no safe unsigned integer is not encoded', () => {
  for (const value of [-1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => encodeVarint(value)).toThrow(RangeError);
  }
});

test('cut, overlong and unsafe varints are refused', () => {
  for (const value of [0, 64, 16_384, 2 ** 30, Number.MAX_SAFE_INTEGER]) {
    const bytes = encodeVarint(value);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeVarint(bytes.slice(0, length))).toThrow(WireError);
    }
    expect(() => decodeVarint(new Uint8Array([...bytes, 0]))).toThrow(WireError);
  }
  for (const hex of ['4000', '403f', '80003fff', 'c00000003fffffff', 'ffffffffffffffff']) {
    expect(() => decodeVarint(fromHex(hex))).toThrow(WireError);
  }
  expect(() => readVarint(new Uint8Array(2), 2)).toThrow(WireError);
});

test('random bytes are one varint exactly, or refused', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new RandomBytes(seed);
      for (let i = 0; i < 1_000; i++) {
        const bytes = random.bytes(9);
        let value: number;
        try {
          value = decodeVarint(bytes);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          continue;
        }
        if (toHex(encodeVarint(value)) !== toHex(bytes)) throw new Error(toHex(bytes));
      }
    }),
  );
});
