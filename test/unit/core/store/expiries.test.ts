import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Expiries } from '../../../../src/core/store/expiries.ts';

const TIMES = fc.array(fc.nat(50), { maxLength: 200 });

function filled(times: readonly number[]): Expiries {
  const expiries = new Expiries();
  for (const [index, atMs] of times.entries()) expiries.add(atMs, `k${index}`, BigInt(index));
  return expiries;
}

function ascending(times: readonly number[]): readonly number[] {
  return times.toSorted((a, b) => a - b);
}

test('gives what is due in order, and all of it once', () => {
  fc.assert(
    fc.property(TIMES, fc.nat(50), (times, nowMs) => {
      const expiries = filled(times);
      const due = [...expiries.due(nowMs)];
      expect(due.map(({ atMs }) => atMs)).toEqual(ascending(times.filter((at) => at <= nowMs)));
      for (const { atMs, key, stamp } of due) {
        expect([key, times[Number(stamp)]]).toEqual([`k${stamp}`, atMs]);
      }
      expect(expiries.size).toBe(times.length - due.length);
      expect(expiries.nextMs).toBe(ascending(times.filter((at) => at > nowMs))[0]);
    }),
  );
});

test('is still in order after its caller dropped some', () => {
  fc.assert(
    fc.property(TIMES, TIMES, (times, later) => {
      const expiries = filled(times);
      expiries.retain(({ atMs }) => atMs % 3 === 0);
      for (const atMs of later) expiries.add(atMs, 'later', 0n);
      const left = [...times.filter((atMs) => atMs % 3 === 0), ...later];
      expect(expiries.size).toBe(left.length);
      expect([...expiries.due(50)].map(({ atMs }) => atMs)).toEqual(ascending(left));
    }),
  );
});

test('what is added while it is read counts at once', () => {
  const expiries = filled([1, 5]);
  const times: number[] = [];
  for (const { atMs } of expiries.due(6)) {
    times.push(atMs);
    if (atMs === 1) expiries.add(3, 'between', 9n);
  }
  expect(times).toEqual([1, 3, 5]);
});

test('has nothing next when it is empty', () => {
  expect([new Expiries().nextMs, new Expiries().size]).toEqual([undefined, 0]);
});
