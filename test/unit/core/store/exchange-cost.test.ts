/** Goal E17 in counts: what one exchange of two nodes costs in bytes and round trips. */
import { describe, expect, test } from 'vitest';
import {
  type ExchangeCost,
  labEntries,
  labKey,
  StoreLab,
} from '../../../../src/testing/lab/store-lab.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';

const COUNT = 10_000;
const VALUE_BYTES = 100;
const SEEDS = [1, 2, 3, 4, 5];
const EQUAL_BYTES_MAX = 64;
const BASE_BYTES_MAX = 1_024;
const BYTES_MAX = 100;
const ROUND_TRIPS_MAX = 3;

const entries = [...labEntries(COUNT, VALUE_BYTES, 1)];

/** So many new keys, half of them on each side. */
function exchangeOf(differences: number, seed: number): ExchangeCost {
  const lab = new StoreLab({ entries });
  lab.exchange();
  const random = new SeededRandom(seed);
  for (let i = 0; i < differences; i += 1) {
    const node = (i + seed) % 2 === 0 ? lab.a : lab.b;
    node.put(labKey(`new${seed}`, i), random.bytes(VALUE_BYTES));
  }
  expect(lab.isEqual).toBe(differences === 0);
  lab.exchange();
  expect(lab.isEqual).toBe(true);
  expect(lab.a.replica.size).toBe(COUNT + differences);
  return lab.cost();
}

test('equal stores cost one short question and its answer', () => {
  const cost = exchangeOf(0, 1);
  expect(cost.bytes).toBeLessThanOrEqual(EQUAL_BYTES_MAX);
  expect(cost).toMatchObject({ messages: 2, entries: 0, roundTrips: 1 });
});

describe.each([1, 10, 100, 1_000])('%d differing entries', (differences) => {
  test.each(SEEDS)('cost few bytes beside themselves, in few round trips: seed %d', (seed) => {
    const cost = exchangeOf(differences, seed);
    const beside = cost.bytes - cost.entryBytes;
    expect(beside).toBeLessThanOrEqual(BYTES_MAX * differences + BASE_BYTES_MAX);
    expect(cost.roundTrips).toBeLessThanOrEqual(ROUND_TRIPS_MAX);
    expect(cost.entries).toBe(differences);
    expect(cost.isByBuckets).toBe(false);
  });
});

test('an overwrite differs on both sides, and only the later entry travels on', () => {
  const lab = new StoreLab({ entries });
  lab.exchange();
  for (let i = 0; i < 50; i += 1) lab.b.put(labKey('account', i), Uint8Array.of(i));
  lab.exchange();
  const cost = lab.cost();
  expect(lab.isEqual).toBe(true);
  expect(lab.a.replica.get(labKey('account', 49))).toEqual(Uint8Array.of(49));
  expect(cost.bytes - cost.entryBytes).toBeLessThanOrEqual(100 * BYTES_MAX + BASE_BYTES_MAX);
});

test('an empty newcomer gets all entries, and few bytes beside them', () => {
  const lab = new StoreLab({ entries, entriesOfB: [] });
  lab.exchange(lab.b);
  const cost = lab.cost();
  expect(lab.isEqual).toBe(true);
  expect(cost.entries).toBe(COUNT);
  expect(cost.bytes - cost.entryBytes).toBeLessThanOrEqual(COUNT + BASE_BYTES_MAX);
});
