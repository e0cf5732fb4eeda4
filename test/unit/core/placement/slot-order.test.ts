import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rankCosts } from '../../../../src/core/placement/rank-costs.ts';
import { orderKey, SlotOrder, tieNumber } from '../../../../src/core/placement/slot-order.ts';

describe('the order of a member', () => {
  test('has each rank once, in a ring of any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_000 }), fc.string(), (ringSize, name) => {
        const order = new SlotOrder(ringSize);
        const key = orderKey(name);
        const ranks = Array.from({ length: ringSize }, (_, slot) => order.rank(key, slot));
        expect(ranks.sort((a, b) => a - b)).toEqual([...ranks.keys()]);
      }),
    );
  });

  test('has each rank once in the greatest ring', () => {
    const order = new SlotOrder(65_536);
    const key = orderKey('a@local');
    const ranks = new Set(Array.from({ length: 65_536 }, (_, slot) => order.rank(key, slot)));
    expect(ranks.size).toBe(65_536);
    expect(Math.max(...ranks)).toBe(65_535);
  });

  test('has nothing to do with that of a similar name', () => {
    const order = new SlotOrder(4_096);
    const [one, other] = [orderKey('node-1@local'), orderKey('node-2@local')];
    let sum = 0;
    for (let slot = 0; slot < 4_096; slot += 1) {
      sum += (order.rank(one, slot) / 4_096 - 0.5) * (order.rank(other, slot) / 4_096 - 0.5);
    }
    // Correlation: its standard deviation is 1/64.
    expect(Math.abs((12 * sum) / 4_096)).toBeLessThan(5 / 64);
  });

  test('is known', () => {
    const order = new SlotOrder(4_096);
    const key = orderKey('a@local');
    expect([0, 1, 4_095].map((slot) => order.rank(key, slot))).toEqual([3_398, 839, 1_428]);
    expect(tieNumber(key, 1)).toBe(162_881_239);
  });
});

describe('the costs of ranks', () => {
  test.each([1, 2, 64, 4_096, 65_536])('of %i grow and are logarithms', (ringSize) => {
    const costs = rankCosts(ringSize);
    for (let rank = 0; rank < ringSize; rank += 1) {
      const cost = costs[rank] ?? Number.NaN;
      expect(Math.abs(cost + Math.log((ringSize - rank - 0.5) / ringSize))).toBeLessThan(1e-13);
      if (rank > 0 && !(cost > (costs[rank - 1] ?? 0))) throw new Error(`rank ${rank}`);
    }
  });
});
