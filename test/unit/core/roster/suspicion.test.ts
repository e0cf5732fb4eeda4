import { describe, expect, test } from 'vitest';
import {
  deadlineMs,
  lifeguardMs,
  type SuspicionFacts,
} from '../../../../src/core/roster/suspicion.ts';

const TIMES = { suspicionMinMs: 2_000, suspicionMaxMs: 10_000 };

describe('the time of a suspicion', () => {
  test('falls from its maximum to its minimum with each confirmation (Lifeguard, section IV-B)', () => {
    const times = [0, 1, 2, 3, 4].map((c) => Math.round(lifeguardMs(TIMES, c, 3)));
    expect(times).toEqual([10_000, 6_000, 3_660, 2_000, 2_000]);
  });

  test('is the minimum where nobody could confirm', () => {
    expect(lifeguardMs(TIMES, 0, 0)).toBe(2_000);
  });

  test('ends for the first of those who suspect at once, for the next a little later', () => {
    const by = ['c@t', 'a@t', 'b@t'];
    const ends = ['a@t', 'b@t', 'c@t'].map((self) => deadlineMs(TIMES, self, facts(by)));
    expect(ends).toEqual([2_100, 2_300, 2_500]);
  });

  test('is twice as long and a second for those who only heard of it', () => {
    expect(deadlineMs(TIMES, 'x@t', facts(['a@t', 'b@t']))).toBe(100 + 2 * 2_000 + 1_000);
  });

  test('is longer where this node is slow', () => {
    expect(deadlineMs(TIMES, 'a@t', { ...facts(['a@t']), stretch: 3 })).toBe(6_100);
  });

  test('is the maximum for an orphan and the minimum for one that was called dead', () => {
    const [orphan, dead] = [facts([]), facts([])];
    orphan.suspicion.isByRule = true;
    dead.suspicion.isDeathHeard = true;
    expect(deadlineMs(TIMES, 'x@t', orphan)).toBe(10_100);
    expect(deadlineMs(TIMES, 'x@t', dead)).toBe(2_100);
  });
});

function facts(by: readonly string[]): SuspicionFacts {
  return {
    suspicion: { startedMs: 100, isByRule: false, isDeathHeard: false },
    entry: { node: 's@t', incarnation: 1n, refutation: 0, status: 'suspect', by },
    silentConfirmers: 0,
    stretch: 1,
  };
}
