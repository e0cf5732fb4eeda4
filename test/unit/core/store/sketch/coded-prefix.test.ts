import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedPrefix } from '../../../../../src/core/store/sketch/coded-prefix.ts';
import { Element } from '../../../../../src/core/store/sketch/element.ts';
import { coverage, IndexSequence } from '../../../../../src/core/store/sketch/index-sequence.ts';
import { writeSymbols } from '../../../../../src/core/store/sketch/symbols-codec.ts';
import { Writer } from '../../../../../src/core/wire/writer.ts';
import { Ids, prefixOf } from './sets.ts';

test('the symbols tell of the set only, not of how it came to be', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(100), fc.nat(100), (seed, kept, gone) => {
      const ids = new Ids(seed);
      const stay = ids.many(kept);
      const leave = ids.many(gone);
      const prefix = prefixOf([...leave, ...stay], 256);
      for (const id of leave) prefix.remove(id);
      expect(prefix.count).toBe(kept);
      expect(prefix.symbols(0, 256)).toEqual(prefixOf(stay.toReversed(), 256).symbols(0, 256));
    }),
  );
});

test('a copy of symbols stays as it is and ends where the prefix ends', () => {
  const ids = new Ids(2);
  const prefix = prefixOf(ids.many(10), 64);
  const before = prefix.symbols(60, 100);
  expect(before.from).toBe(60);
  expect(before.length).toBe(4);
  const copy = prefix.symbols(0, 64);
  expect(copy.slice(60, 64)).toEqual(before);
  for (const id of ids.many(50)) prefix.add(id);
  expect(copy.counts[0]).toBe(10);
  expect(prefix.symbols(0, 1).counts[0]).toBe(60);
  expect(prefix.symbols(64, 70).length).toBe(0);
  expect(prefix.symbols(9, 3).length).toBe(0);
});

test('a symbol covers an element with the probability of its index', () => {
  const elements = 20_000;
  const { counts } = prefixOf(new Ids(3).many(elements), 2_048).symbols(0, 2_048);
  expect(counts[0]).toBe(elements);
  let squares = 0;
  for (let i = 1; i < counts.length; i += 1) {
    const p = coverage(i);
    const deviation = ((counts[i] ?? 0) - elements * p) / Math.sqrt(elements * p * (1 - p));
    expect(Math.abs(deviation), `symbol ${i}`).toBeLessThan(5);
    squares += deviation * deviation;
  }
  expect(squares / (counts.length - 1)).toBeGreaterThan(0.85);
  expect(squares / (counts.length - 1)).toBeLessThan(1.15);
});

test('two neighbouring symbols cover an element independently of each other', () => {
  const ids = new Ids(4);
  const runs = 20_000;
  const together = new Float64Array(16);
  for (let run = 0; run < runs; run += 1) {
    const covered = indicesOf(ids.next(), 16);
    for (const i of covered) {
      if (covered.has(i + 1)) together[i] = (together[i] ?? 0) + 1;
    }
  }
  for (let i = 0; i < 15; i += 1) {
    const p = coverage(i) * coverage(i + 1);
    const deviation = ((together[i] ?? 0) - runs * p) / Math.sqrt(runs * p * (1 - p));
    expect(Math.abs(deviation), `symbols ${i} and ${i + 1}`).toBeLessThan(5);
  }
});

test('the indices of any id begin with 0, rise and end', () => {
  const words = fc.constantFrom('\0\0\0\0', 'ÿÿÿÿ', '\x01\0\0\0', '\0\0\0\x80', 'abcd');
  fc.assert(
    fc.property(words, words, (a, b) => {
      const indices = [...indicesOf(`${a}${b}${a}${b}`, 16_384)];
      expect(indices[0]).toBe(0);
      expect(indices).toEqual([...indices].sort((x, y) => x - y));
      expect(new Set(indices).size).toBe(indices.length);
    }),
  );
});

test('an id goes into words and comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const element = new Element();
      const id = Buffer.from(bytes).toString('latin1');
      element.setId(id);
      expect(element.id()).toBe(id);
    }),
  );
});

test('the check of a sum of ids is not the sum of their checks', () => {
  const ids = new Ids(5);
  for (let run = 0; run < 1_000; run += 1) {
    const sum = prefixOf(ids.many(3), 1).symbols(0, 1);
    const element = new Element();
    element.setSymbol(sum, 0);
    expect(element.check).not.toBe(sum.checks[0]);
  }
});

test('each bit of an id changes about half of the bits of its check', () => {
  const ids = new Ids(6).many(200);
  for (let bit = 0; bit < 128; bit += 1) {
    let changed = 0;
    for (const id of ids) changed += bitsOf(checkOf(id) ^ checkOf(flipped(id, bit)));
    expect(changed / ids.length, `bit ${bit}`).toBeGreaterThan(13);
    expect(changed / ids.length, `bit ${bit}`).toBeLessThan(19);
  }
});

test('sizes and ids out of range are refused, and then nothing has changed', () => {
  for (const size of [0, -1, 1.5, 16_385, Number.NaN]) {
    expect(() => new CodedPrefix(size)).toThrow(RangeError);
  }
  expect(new CodedPrefix().size).toBe(2_048);
  const prefix = prefixOf(new Ids(7).many(3), 8);
  const before = prefix.symbols(0, 8);
  for (const id of ['', 'x'.repeat(15), 'x'.repeat(17)]) {
    expect(() => prefix.add(id)).toThrow(RangeError);
    expect(() => prefix.remove(id)).toThrow(RangeError);
  }
  expect(prefix.symbols(0, 8)).toEqual(before);
});

test('a fixed set has fixed symbols: the protocol', () => {
  const ids = Array.from({ length: 25 }, (_, i) => {
    return createHash('sha256').update(`${i}`).digest().subarray(0, 16).toString('latin1');
  });
  expect([...indicesOf(ids[0] ?? '', 2_048)]).toEqual(GOLDEN_INDICES);
  const symbols = prefixOf(ids, 4).symbols(0, 4);
  expect(Array.from(symbols.counts)).toEqual([25, 13, 18, 12]);
  const writer = new Writer();
  writeSymbols(writer, symbols);
  expect(Buffer.from(writer.take()).toString('hex')).toBe(GOLDEN_FRAME);
});

/** Indices, ids, checks and counts were computed by a second program too, in Python. */
const GOLDEN_INDICES: readonly number[] = [0, 3, 4, 8, 10, 11, 23, 202, 225, 326, 938];
const GOLDEN_FRAME = [
  '00',
  'c440cef7ac23bb5d43d78b3174d71d3dfd298892916cb13d9969101fc602b07a371e',
  '0129d01f86065e35960ef6c2e8ff68649eaf1178ce3c88d76b4fb3a98ec7adcc',
  'c410462773b14dadb58aab5a98d11e835e97',
  'c40432051203',
].join('');

function indicesOf(id: string, size: number): Set<number> {
  const element = new Element();
  const sequence = new IndexSequence();
  const indices = new Set<number>();
  element.setId(id);
  for (sequence.restart(element); sequence.index < size; sequence.advance()) {
    indices.add(sequence.index);
  }
  return indices;
}

function checkOf(id: string): number {
  const element = new Element();
  element.setId(id);
  return element.check;
}

function flipped(id: string, bit: number): string {
  const bytes = Buffer.from(id, 'latin1');
  const at = bit >> 3;
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
  return bytes.toString('latin1');
}

function bitsOf(word: number): number {
  let bits = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) bits += 1;
  return bits;
}
