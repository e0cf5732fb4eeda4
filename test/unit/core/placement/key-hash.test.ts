import { expect, test } from 'vitest';
import { keyHash } from '../../../../src/core/placement/key-hash.ts';
import type { Key } from '../../../../src/core/wire/key.ts';
import { hash } from './members.ts';

const KNOWN: readonly (readonly [name: string, key: Key, low: number, partition: number])[] = [
  ['a text', 'tea', 2_211_389_340, 3_996],
  ['a number', 42, 3_199_220_452, 2_788],
  ['a tuple', ['room', 7], 3_174_158_452, 116],
  ['a text of other letters', 'żółw', 1_677_787_811, 675],
  ['a bigint, which is no number', 1n, 1_614_562_132, 852],
];

test.each(KNOWN)('the hash of %s is the known one', (_, key, low, partition) => {
  expect(keyHash(key, hash)).toBe(low);
  expect(low % 4_096).toBe(partition);
});

test('the hash is XXH64 with seed 0', () => {
  const hex = (text: string): string => hash.hex(new TextEncoder().encode(text));
  expect(['', 'a', 'abc'].map(hex)).toEqual([
    'ef46db3751d8e999',
    'd24ec4f1a98c6e5b',
    '44bc2cf5ad770999',
  ]);
});

test('both parts of it come from the same bits', () => {
  for (let i = 0; i < 1_000; i += 1) {
    const bytes = new TextEncoder().encode(`key ${i}`);
    expect(hash.low(bytes)).toBe(Number.parseInt(hash.hex(bytes).slice(8), 16));
  }
});

test('-0 is 0, and NaN is no key', () => {
  expect(keyHash(-0, hash)).toBe(keyHash(0, hash));
  expect(() => keyHash(Number.NaN, hash)).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
});

test('keys fall evenly into partitions', () => {
  const counts = new Array<number>(64).fill(0);
  for (let i = 0; i < 64_000; i += 1) {
    const partition = keyHash(`user-${i}`, hash) % 64;
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  // Of 1,000 expected five standard deviations are 160.
  expect(Math.min(...counts)).toBeGreaterThan(840);
  expect(Math.max(...counts)).toBeLessThan(1_160);
});
