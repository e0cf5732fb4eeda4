import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedSymbols } from '../../../../../src/core/store/sketch/coded-symbols.ts';
import { Difference } from '../../../../../src/core/store/sketch/difference.ts';
import { Element } from '../../../../../src/core/store/sketch/element.ts';
import { Ids, prefixOf } from './sets.ts';

const SIZE = 256;
const anyWord = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1));
const anyCount = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer());

test('symbols of any content end, and what they give is bounded by their number', () => {
  const words = fc.array(fc.array(anyWord, { minLength: 5, maxLength: 5 }), { maxLength: 40 });
  fc.assert(
    fc.property(
      words,
      fc.array(anyCount, { maxLength: 40 }),
      fc.integer(),
      (rows, counts, seed) => {
        const symbols = new CodedSymbols(0, Math.min(rows.length, counts.length));
        for (let i = 0; i < symbols.length; i += 1) {
          const [check = 0, ...id] = rows[i] ?? [];
          symbols.ids.set(id, 4 * i);
          symbols.checks[i] = check;
          symbols.counts[i] = counts[i] ?? 0;
        }
        const difference = new Difference(prefixOf(new Ids(seed).many(5), SIZE));
        difference.add(symbols);
        expectBounded(difference);
      },
    ),
  );
});

test('symbols with some words changed end, and what they give is bounded by their number', () => {
  const changes = fc.array(fc.record({ at: fc.nat(SIZE - 1), part: fc.nat(5), value: anyWord }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.integer(), fc.nat(60), changes, (seed, differences, changed) => {
      const ids = new Ids(seed);
      const symbols = prefixOf(ids.many(differences), SIZE).symbols(0, SIZE);
      for (const { at, part, value } of changed) {
        if (part < 4) symbols.ids[4 * at + part] = value;
        else if (part === 4) symbols.checks[at] = value;
        else symbols.counts[at] = value;
      }
      const difference = new Difference(prefixOf(ids.many(differences), SIZE));
      for (let from = 0; from < SIZE; from += 32) difference.add(symbols.slice(from, from + 32));
      expectBounded(difference);
    }),
  );
});

test('symbols that each hold a single element of their own run out', () => {
  const ids = new Ids(1);
  const symbols = new CodedSymbols(0, SIZE);
  for (let i = 0; i < SIZE; i += 1) symbols.toggle(i, covering(ids, i), i % 2 === 0 ? 1 : -1);
  const difference = new Difference(prefixOf([], SIZE));
  for (let from = 0; from < SIZE; from += 8) difference.add(symbols.slice(from, from + 8));
  expectBounded(difference);
  expect(difference.isBroken).toBe(true);
});

test('an element that comes out of two symbols of which one does not fit breaks the exchange', () => {
  const ids = new Ids(2);
  const element = covering(ids, 1);
  const symbols = new CodedSymbols(0, 3);
  symbols.toggle(0, element, 1);
  symbols.toggle(1, element, -1);
  const difference = new Difference(prefixOf([], SIZE));
  difference.add(symbols);
  expect(difference.isBroken).toBe(true);
  expect(difference.isComplete).toBe(false);
  expect(difference.next()).toBe(0);
  expectBounded(difference);
});

test('a symbol that fits its check but does not cover its element gives nothing', () => {
  const ids = new Ids(3);
  const element = new Element();
  do element.setId(ids.next());
  while (prefixOf([element.id()], SIZE).symbols(5, 6).counts[0] !== 0);
  const symbols = new CodedSymbols(0, 6);
  symbols.counts[0] = 7;
  symbols.toggle(5, element, 1);
  const difference = new Difference(prefixOf([], SIZE));
  difference.add(symbols);
  expect(difference.onlyRemote).toEqual([]);
  expect(difference.isComplete).toBe(false);
});

test('an empty symbol 0 beside others that are not empty breaks the exchange', () => {
  const symbols = new CodedSymbols(0, 4);
  symbols.counts[3] = 2;
  const difference = new Difference(prefixOf([], SIZE));
  difference.add(symbols);
  expect(difference.isBroken).toBe(true);
  expect(difference.isComplete).toBe(false);
});

test('symbols out of order or beyond the own ones break the exchange', () => {
  const remote = prefixOf(new Ids(4).many(100), 2 * SIZE);
  const batches = [
    [[1, 5]],
    [
      [0, 8],
      [0, 8],
    ],
    [
      [0, 8],
      [9, 12],
    ],
    [[0, SIZE + 1]],
    [
      [0, 8],
      [8, SIZE + 1],
    ],
  ] as const;
  for (const exchange of batches) {
    const difference = new Difference(prefixOf([], SIZE));
    for (const [from, to] of exchange) difference.add(remote.symbols(from, to));
    expect(difference.isBroken, JSON.stringify(exchange)).toBe(true);
    const before = difference.received;
    difference.add(remote.symbols(before, before + 1));
    expect(difference.received).toBe(before);
  }
});

test('batches of two different sets do not pass for one', () => {
  const ids = new Ids(5);
  const both = ids.many(100);
  const first = prefixOf([...both, ...ids.many(20)], SIZE);
  const second = prefixOf([...both, ...ids.many(20)], SIZE);
  const difference = new Difference(prefixOf(both, SIZE));
  difference.add(first.symbols(0, 16));
  difference.add(second.symbols(16, SIZE));
  expect(difference.isComplete).toBe(false);
  expectBounded(difference);
});

function expectBounded(difference: Difference): void {
  const { onlyRemote, onlyLocal, received } = difference;
  const found = [...onlyRemote, ...onlyLocal];
  expect(found.length).toBeLessThanOrEqual(received);
  expect(new Set(found).size).toBe(found.length);
  expect(difference.isComplete && difference.isBroken).toBe(false);
  expect(Number.isFinite(difference.estimate())).toBe(true);
  expect(difference.next()).toBeGreaterThanOrEqual(0);
  expect(difference.next()).toBeLessThanOrEqual(SIZE - received);
}

/** An element that symbol `at` covers. */
function covering(ids: Ids, at: number): Element {
  const element = new Element();
  do element.setId(ids.next());
  while (prefixOf([element.id()], at + 1).symbols(at, at + 1).counts[0] !== 1);
  return element;
}
