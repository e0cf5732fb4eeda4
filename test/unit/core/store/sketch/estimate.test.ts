import { expect, test } from 'vitest';
import { Difference } from '../../../../../src/core/store/sketch/difference.ts';
import { symbolsFor } from '../../../../../src/core/store/sketch/estimate.ts';
import { Ids, prefixOf, reconcile } from './sets.ts';

const SEEDS = 200;

/** Estimates by the true number, over all seeds, rising. */
function estimates(symbols: number, differences: number, localShare: number): readonly number[] {
  const found = Array.from({ length: SEEDS }, (_, seed) => {
    const ids = new Ids(seed);
    const local = ids.many(Math.round(differences * localShare));
    const remote = ids.many(differences - local.length);
    const difference = new Difference(prefixOf(local, symbols));
    difference.add(prefixOf(remote, symbols).symbols(0, symbols));
    return difference.estimate() / differences;
  });
  return found.sort((a, b) => a - b);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The value below which the given share of the values is. */
function quantile(values: readonly number[], share: number): number {
  return values[Math.floor(share * values.length)] ?? Number.NaN;
}

test('the estimate errs to neither side when both sets have elements of their own', () => {
  for (const differences of [40, 400]) {
    for (const share of [0.25, 0.5]) {
      for (const [symbols, least, most] of [
        [8, 0.25, 2.4],
        [32, 0.5, 1.7],
      ] as const) {
        const values = estimates(symbols, differences, share);
        const what = `${symbols} symbols, ${differences} differences, ${share} local`;
        expect(mean(values), what).toBeGreaterThan(0.85);
        expect(mean(values), what).toBeLessThan(1.15);
        expect(quantile(values, 0.05), what).toBeGreaterThan(least);
        expect(quantile(values, 0.95), what).toBeLessThan(most);
      }
    }
  }
});

test('differences of one side are never estimated too low', () => {
  for (const differences of [40, 400]) {
    for (const share of [0, 1]) {
      for (const [symbols, most] of [
        [8, 2.4],
        [32, 1.7],
      ] as const) {
        const values = estimates(symbols, differences, share);
        const what = `${symbols} symbols, ${differences} differences, ${share} local`;
        expect(values[0], what).toBe(1);
        expect(quantile(values, 0.5), what).toBeLessThan(1.05);
        expect(quantile(values, 0.95), what).toBeLessThan(most);
      }
    }
  }
});

test('before the first symbol nothing is known, and an open exchange has two differences', () => {
  const ids = new Ids(1);
  const local = prefixOf(ids.many(1));
  const difference = new Difference(local);
  expect(difference.estimate()).toBe(0);
  difference.add(prefixOf(ids.many(1)).symbols(0, 1));
  expect(difference.isComplete).toBe(false);
  expect(difference.estimate()).toBe(2);
});

test('symbolsFor never falls, and takes 1.4 symbols for each of many differences', () => {
  expect(symbolsFor(0)).toBe(1);
  expect(symbolsFor(1)).toBe(1);
  for (let differences = 1; differences <= 3_000; differences += 1) {
    expect(symbolsFor(differences)).toBeGreaterThanOrEqual(symbolsFor(differences - 1));
  }
  expect(symbolsFor(1_400) / 1_400).toBeLessThan(1.46);
  expect(symbolsFor(100_000) / 100_000).toBeCloseTo(1.43, 2);
});

test('with the symbols of symbolsFor nearly all differences are decoded', () => {
  let runs = 0;
  let complete = 0;
  for (const differences of [1, 2, 3, 5, 8, 12, 20, 50, 80, 150, 300, 700]) {
    const symbols = symbolsFor(differences);
    for (let seed = 0; seed < 60; seed += 1) {
      const ids = new Ids(1_000 * differences + seed);
      const local = ids.many(differences >> 1);
      const difference = new Difference(prefixOf(local, symbols));
      const remote = prefixOf(ids.many(differences - local.length), symbols);
      difference.add(remote.symbols(0, symbols));
      runs += 1;
      if (difference.isComplete) complete += 1;
    }
  }
  expect(complete / runs).toBeGreaterThan(0.985);
});

test('next begins with 8, grows by half at least, and ends with the prefix', () => {
  const ids = new Ids(2);
  const remote = prefixOf(ids.many(2_500));
  const difference = new Difference(prefixOf(ids.many(2_500)));
  expect(difference.next()).toBe(8);
  for (let count = difference.next(); count > 0; count = difference.next()) {
    const { received } = difference;
    const left = 2_048 - received;
    expect(count).toBeLessThanOrEqual(left);
    expect(count).toBeGreaterThanOrEqual(Math.min(left, received / 2));
    difference.add(remote.symbols(received, received + count));
  }
  expect(difference.received).toBe(2_048);
});

test('two batches nearly always hold all differences, and few symbols more than needed', () => {
  const [sizes, runs] = [[4, 10, 30, 300, 1_000], 40];
  let unfinished = 0;
  for (const differences of sizes) {
    let received = 0;
    for (let seed = 0; seed < runs; seed += 1) {
      const ids = new Ids(seed);
      const local = prefixOf(ids.many(differences / 2));
      const { batches, difference } = reconcile(local, prefixOf(ids.many(differences / 2)));
      received += difference.received;
      if (batches > 2) unfinished += 1;
    }
    const perDifference = received / runs / differences;
    expect(perDifference, `${differences} differences`).toBeGreaterThan(1.35);
    if (differences >= 30) expect(perDifference, `${differences} differences`).toBeLessThan(3.5);
  }
  expect(unfinished).toBeLessThanOrEqual(1);
});
