import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareStamps,
  counterOf,
  earlierStamp,
  isStamp,
  laterStamp,
  packStamp,
  STAMP_COUNTER_MAX,
  STAMP_MAX,
  STAMP_WALL_MS_MAX,
  stampBytes,
  stampOfBytes,
  wallMsOf,
} from '../../../../src/core/clock/stamp.ts';
import { BarrelError } from '../../../../src/errors.ts';

const WALL_MS = fc.integer({ min: 0, max: STAMP_WALL_MS_MAX });
const COUNTER = fc.integer({ min: 0, max: STAMP_COUNTER_MAX });
const STAMP = fc.bigInt({ min: 0n, max: STAMP_MAX });

describe('a stamp', () => {
  test('gives back the wall and the counter that it was packed from', () => {
    fc.assert(
      fc.property(WALL_MS, COUNTER, (wallMs, counter) => {
        const stamp = packStamp(wallMs, counter);
        expect([wallMsOf(stamp), counterOf(stamp)]).toEqual([wallMs, counter]);
      }),
    );
    fc.assert(
      fc.property(STAMP, (stamp) => packStamp(wallMsOf(stamp), counterOf(stamp)) === stamp),
    );
    expect(packStamp(STAMP_WALL_MS_MAX, STAMP_COUNTER_MAX)).toBe(STAMP_MAX);
  });

  test('is encoded and decoded as 8 bytes that sort (the reference has 12), identical', () => {
    fc.assert(
      fc.property(STAMP, STAMP, (a, b) => {
        const [bytesOfA, bytesOfB] = [stampBytes(a), stampBytes(b)];
        expect(bytesOfA).toHaveLength(8);
        expect(stampOfBytes(bytesOfA)).toBe(a);
        expect(Buffer.compare(bytesOfA, bytesOfB)).toBe(compareStamps(a, b));
      }),
      { numRuns: 200 },
    );
    expect(stampOfBytes(Uint8Array.of(9, 0, 0, 0, 0, 0, 1, 0, 2, 9).subarray(1, 9))).toBe(65_538n);
  });

  test('is not decoded from fewer or more than 8 bytes', () => {
    for (const length of [0, 7, 9, 12]) {
      expect(stampOfBytes(new Uint8Array(length))).toBeUndefined();
    }
  });

  test('of an equal pair compares as 0', () => {
    expect(compareStamps(packStamp(7, 3), packStamp(7, 3))).toBe(0);
  });

  test('of a smaller wall, or of an equal wall and a smaller counter, compares as -1', () => {
    expect(compareStamps(packStamp(6, 9), packStamp(7, 3))).toBe(-1);
    expect(compareStamps(packStamp(7, 2), packStamp(7, 3))).toBe(-1);
  });

  test('of a larger wall with a smaller counter compares as 1', () => {
    expect(compareStamps(packStamp(8, 0), packStamp(7, 3))).toBe(1);
  });

  test('is ordered as its wall, then its counter: one total order, that of the numbers', () => {
    fc.assert(
      fc.property(STAMP, STAMP, STAMP, (a, b, c) => {
        const order = compareStamps(a, b);
        expect(order).toBe(a < b ? -1 : a > b ? 1 : 0);
        expect(order).toBe(
          Math.sign(wallMsOf(a) - wallMsOf(b)) || Math.sign(counterOf(a) - counterOf(b)),
        );
        expect(compareStamps(b, a) + order).toBe(0);
        if (order <= 0 && compareStamps(b, c) <= 0) expect(compareStamps(a, c)).not.toBe(1);
        expect(laterStamp(a, b)).toBe(order < 0 ? b : a);
        expect(earlierStamp(a, b)).toBe(order < 0 ? a : b);
      }),
      { numRuns: 200 },
    );
  });

  test('is a bigint of 64 bits and nothing else', () => {
    expect([0n, 1n, STAMP_MAX].map(isStamp)).toEqual([true, true, true]);
    const others = [-1n, STAMP_MAX + 1n, 5, '5', null, undefined, {}, Number.NaN];
    expect(others.filter(isStamp)).toEqual([]);
  });

  test('is not packed from what is out of range', () => {
    const bad: readonly (readonly [number, number])[] = [
      [-1, 0],
      [0.5, 0],
      [Number.NaN, 0],
      [STAMP_WALL_MS_MAX + 1, 0],
      [0, -1],
      [0, STAMP_COUNTER_MAX + 1],
    ];
    for (const [wallMs, counter] of bad) {
      expect(() => packStamp(wallMs, counter)).toThrow(BarrelError);
    }
    expect(() => stampBytes(-1n)).toThrow(BarrelError);
    expect(() => stampBytes(STAMP_MAX + 1n)).toThrow(BarrelError);
  });
});
