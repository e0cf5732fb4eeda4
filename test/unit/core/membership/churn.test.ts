import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChurnWindow, shufflePeriodAt } from '../../../../src/core/membership/churn.ts';
import { Driven } from './driven.ts';

describe('the churn window', () => {
  test('counts joins and losses of the same millisecond (C13)', () => {
    const churn = new ChurnWindow();
    for (const change of ['join', 'join', 'loss', 'loss'] as const) churn.record(change, 5);
    expect(churn.at(5)).toEqual({ joins: 2, losses: 2 });
  });

  test('keeps its counts for 30 s, and begins anew a millisecond later (C14)', () => {
    const churn = new ChurnWindow();
    churn.record('join', 1_000);
    expect(churn.at(31_000)).toEqual({ joins: 1, losses: 0 });
    expect(churn.at(31_001)).toEqual({ joins: 0, losses: 0 });
    churn.record('loss', 61_001);
    expect(churn.at(61_001)).toEqual({ joins: 0, losses: 1 });
  });

  test('never counts below zero, nor more than was recorded (C23)', () => {
    const changes = fc.array(
      fc.tuple(fc.constantFrom('join' as const, 'loss' as const), fc.nat(40_000)),
    );
    fc.assert(
      fc.property(changes, (recorded) => {
        const churn = new ChurnWindow();
        let nowMs = 0;
        for (const [change, waitMs] of recorded) {
          nowMs += waitMs;
          churn.record(change, nowMs);
          const { joins, losses } = churn.at(nowMs);
          expect(Math.min(joins, losses)).toBeGreaterThanOrEqual(0);
          expect(joins + losses).toBeGreaterThanOrEqual(1);
          expect(joins + losses).toBeLessThanOrEqual(recorded.length);
        }
      }),
    );
  });
});

describe('the period of shuffles', () => {
  test('is the base, half of it above five changes, and 2 s above ten', () => {
    const periods = [0, 5, 6, 10, 11].map((joins) => shufflePeriodAt(10_000, { joins, losses: 0 }));
    expect(periods).toEqual([10_000, 10_000, 5_000, 5_000, 2_000]);
    expect(shufflePeriodAt(3_000, { joins: 3, losses: 3 })).toBe(2_000);
  });

  test('is never above the base, nor below 2 s by churn alone (C20)', () => {
    const base = fc.integer({ min: 100, max: 30_000 });
    fc.assert(
      fc.property(base, fc.nat(100), fc.nat(100), (baseMs, joins, losses) => {
        const periodMs = shufflePeriodAt(baseMs, { joins, losses });
        expect(periodMs).toBeLessThanOrEqual(baseMs);
        expect(periodMs).toBeGreaterThanOrEqual(Math.min(baseMs, 2_000));
      }),
    );
  });
});

describe('shuffles', () => {
  test('begin after a random part of the period, and vary by a fifth', () => {
    const node = Driven.full(2);
    const times = shuffleTimes(node, 100_000);
    const pauses = times.slice(1).map((atMs, i) => atMs - (times[i] ?? 0));
    expect(times[0]).toBeLessThan(10_000);
    for (const pause of pauses) {
      expect(pause).toBeGreaterThanOrEqual(7_990);
      expect(pause).toBeLessThanOrEqual(12_010);
    }
    expect(new Set(pauses).size).toBeGreaterThan(3);
  });

  test('go about every 2 s after fifteen newcomers, and slowly again after that (C19)', () => {
    const node = new Driven();
    for (let i = 0; i < 15; i += 1) node.receive(`j${i}`, { kind: 'join', requestId: 1 });
    expect(node.core.churn.joins).toBeGreaterThanOrEqual(10);
    expect(node.core.shufflePeriodMs).toBe(2_000);
    const busy = shuffleTimes(node, 30_000).length;
    expect(busy).toBeGreaterThanOrEqual(8);
    node.pass(30_000);
    expect(shuffleTimes(node, 60_000).length).toBeLessThanOrEqual(8);
  });
});

describe('churn', () => {
  test('is zero at first, and counts a neighbour gained or lost once (H11)', () => {
    const node = new Driven();
    expect(node.core.churn).toEqual({ joins: 0, losses: 0 });
    node.receive('a', { kind: 'neighbor', requestId: 1, priority: 'high' });
    node.receive('a', { kind: 'neighbor', requestId: 2, priority: 'high' });
    node.do({ kind: 'disconnected', node: 'a@t', reason: 'lost' });
    node.do({ kind: 'disconnected', node: 'b@t', reason: 'lost' });
    expect(node.core.churn).toEqual({ joins: 1, losses: 1 });
  });
});

/** When the node began a shuffle, within the time that passes here. */
function shuffleTimes(node: Driven, ms: number): number[] {
  const times: number[] = [];
  let seen = node.sends('shuffle').length;
  for (let passed = 0; passed < ms; passed += 10) {
    node.pass(10);
    const count = node.sends('shuffle').length;
    if (count > seen) times.push(node.nowMs);
    seen = count;
  }
  return times;
}
