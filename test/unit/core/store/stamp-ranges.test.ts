import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StampRanges } from '../../../../src/core/store/stamp-ranges.ts';

const LAST = 40;
const ranges = fc.array(
  fc.record({
    after: fc.integer({ min: 0, max: LAST }).map(BigInt),
    upTo: fc.integer({ min: 0, max: LAST }).map(BigInt),
  }),
  { maxLength: 30 },
);

test('has what was added and nothing else, as few ranges with gaps between', () => {
  fc.assert(
    fc.property(ranges, (added) => {
      const set = new StampRanges(LAST);
      const stamps = new Set<bigint>();
      for (const range of added) {
        const before = stamps.size;
        for (let stamp = range.after + 1n; stamp <= range.upTo; stamp += 1n) stamps.add(stamp);
        expect(set.add(range)).toBe(stamps.size > before);
      }
      for (let stamp = 0n; stamp <= BigInt(LAST) + 1n; stamp += 1n) {
        expect(set.has(stamp)).toBe(stamps.has(stamp));
      }
      const all = set.all();
      for (const [at, { after, upTo }] of all.entries()) {
        expect(after).toBeLessThan(upTo);
        expect(after).toBeGreaterThan(at === 0 ? -1n : (all[at - 1]?.upTo ?? 0n));
      }
    }),
  );
});

test('above its bound forgets the lowest, but never what begins with the first stamp', () => {
  const set = new StampRanges(3);
  for (const upTo of [20n, 40n, 10n, 60n]) set.add({ after: upTo - 1n, upTo });
  expect(set.all().map(({ upTo }) => upTo)).toEqual([20n, 40n, 60n]);
  set.add({ after: 0n, upTo: 5n });
  expect(set.all().map(({ upTo }) => upTo)).toEqual([5n, 40n, 60n]);
  set.add({ after: 60n, upTo: 70n });
  expect(set.latest(1)).toEqual([{ after: 59n, upTo: 70n }]);
  expect(set.latest(9).map(({ upTo }) => upTo)).toEqual([5n, 70n]);
});
