import { expect, test } from 'vitest';
import { packStamp, STAMP_MAX, type Stamp } from '../../../../src/core/clock/stamp.ts';
import { Graveyard } from '../../../../src/core/store/graveyard.ts';

function filled(count: number): Graveyard {
  const graveyard = new Graveyard();
  for (let ms = 1; ms <= count; ms += 1) graveyard.bury(`k${ms}`, BigInt(ms), packStamp(ms, 0));
  return graveyard;
}

function taken(graveyard: Graveyard, upTo: Stamp, beforeMs: number): readonly string[] {
  return [...graveyard.collectable(upTo, beforeMs)].map(({ key }) => key);
}

test('gives up what is stable and old enough, oldest first and once', () => {
  const graveyard = filled(5);
  expect(taken(graveyard, packStamp(3, 0), 2)).toEqual(['k1', 'k2']);
  expect(taken(graveyard, packStamp(3, 0), 9)).toEqual(['k3']);
  expect(taken(graveyard, packStamp(3, 0), 9)).toEqual([]);
  expect(graveyard.size).toBe(2);
  expect([...graveyard.collectable(STAMP_MAX, 9)]).toEqual([
    { key: 'k4', stamp: 4n, buriedAt: packStamp(4, 0) },
    { key: 'k5', stamp: 5n, buriedAt: packStamp(5, 0) },
  ]);
  expect(graveyard.size).toBe(0);
});

test('the oldest one says whether anything has aged', () => {
  const graveyard = new Graveyard();
  expect(graveyard.hasAged(100)).toBe(false);
  graveyard.bury('k', 1n, packStamp(50, 7));
  expect([graveyard.hasAged(49), graveyard.hasAged(50)]).toEqual([false, true]);
});

test('who stops reading leaves the rest', () => {
  const graveyard = filled(5);
  for (const { key } of graveyard.collectable(STAMP_MAX, 9)) if (key === 'k2') break;
  expect(taken(graveyard, STAMP_MAX, 9)).toEqual(['k3', 'k4', 'k5']);
});

test('drops what its caller does not keep, before and after some were taken', () => {
  const graveyard = filled(6);
  taken(graveyard, packStamp(1, 0), 9);
  graveyard.retain(({ stamp }) => stamp % 2n === 0n);
  expect(graveyard.size).toBe(3);
  graveyard.bury('last', 7n, packStamp(7, 0));
  expect(taken(graveyard, STAMP_MAX, 9)).toEqual(['k2', 'k4', 'k6', 'last']);
});

test('10,000 graves keep their order while others are dug', () => {
  const graveyard = filled(10_000);
  const keys: string[] = [];
  for (let ms = 10_001; ms <= 20_000; ms += 1) {
    graveyard.bury(`k${ms}`, BigInt(ms), packStamp(ms, 0));
    keys.push(...taken(graveyard, packStamp(ms - 10_000, 0), ms));
  }
  expect(graveyard.size).toBe(10_000);
  expect(keys).toEqual(Array.from({ length: 10_000 }, (_, index) => `k${index + 1}`));
});
