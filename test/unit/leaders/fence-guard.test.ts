import { expect, test } from 'vitest';
import { FenceGuard } from '../../../src/index.ts';

test('a guard accepts a term many times, and none that is older', () => {
  const guard = new FenceGuard();
  expect(guard.accept(5n)).toBe(true);
  expect(guard.accept(5n)).toBe(true);
  expect(guard.accept(4n)).toBe(false);
  expect(guard.accept(9n)).toBe(true);
  expect(guard.accept(5n)).toBe(false);
  expect(guard.highest).toBe(9n);
});

test('a guard goes on from what was kept with the resource', () => {
  const guard = new FenceGuard(7n);
  expect(guard.highest).toBe(7n);
  expect(guard.accept(6n)).toBe(false);
  expect(guard.accept(7n)).toBe(true);
});

test('a guard refuses what is no bigint', () => {
  const guard = new FenceGuard(1n);
  for (const fence of [2, '2', undefined, null]) {
    expect(guard.accept(fence as unknown as bigint)).toBe(false);
  }
});
