import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CronPort } from '../../../../src/core/schedule/contract.ts';
import type { Missed, ReminderRecord } from '../../../../src/core/schedule/record.ts';
import { occurrenceAt, turnAfter, turnOf } from '../../../../src/core/schedule/recurrence.ts';
import { sampleRecord } from './any-record.ts';
import { dueAtTimes } from './played-cron.ts';

/** Whole seconds, ascending, with gaps of every size. */
const anyTimes = fc
  .array(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 100_000 })), {
    minLength: 1,
    maxLength: 40,
  })
  .map((gaps) => {
    let atMs = 0;
    return gaps.map((gap) => {
      atMs += gap * 1_000;
      return atMs;
    });
  });

function dueFirst(times: readonly number[], missed: Missed): ReminderRecord {
  const [anchorMs = 0] = times;
  return {
    ...sampleRecord,
    dueAtMs: anchorMs,
    catchUpLeft: 0,
    schedule: { kind: 'cron', expression: 'played', timeZone: undefined, anchorMs },
    rules: { ...sampleRecord.rules, missed },
    state: { kind: 'scheduled', attempt: 0, notBeforeMs: 0, error: undefined },
  };
}

function fired(times: readonly number[], missed: Missed, wallMs: number): unknown {
  const record = dueFirst(times, missed);
  return turnOf(record, { wallMs, missedMs: 60_000 }, dueAtTimes(times));
}

describe('with any times of cron', () => {
  test('once fires the latest that is due', () => {
    fc.assert(
      fc.property(anyTimes, fc.nat(5_000_000), (times, lateMs) => {
        const wallMs = (times[0] ?? 0) + lateMs;
        const due = times.filter((atMs) => atMs <= wallMs);
        expect(fired(times, 'once', wallMs)).toMatchObject({ isFired: true, dueAtMs: due.at(-1) });
      }),
    );
  });

  test('catchUp fires the latest n that are due, from the first of them', () => {
    fc.assert(
      fc.property(
        anyTimes,
        fc.nat(5_000_000),
        fc.integer({ min: 1, max: 20 }),
        (times, late, n) => {
          const wallMs = (times[0] ?? 0) + late;
          const due = times.filter((atMs) => atMs <= wallMs).slice(-n);
          const isMissed = due.length > 1 || late > 60_000;
          expect(fired(times, { catchUp: n }, wallMs)).toMatchObject({
            isFired: true,
            dueAtMs: due[0],
            catchUpLeft: isMissed ? due.length - 1 : 0,
          });
        },
      ),
    );
  });

  test('skip fires the latest while it is fresh, else waits for the next', () => {
    fc.assert(
      fc.property(anyTimes, fc.nat(5_000_000), (times, lateMs) => {
        const wallMs = (times[0] ?? 0) + lateMs;
        const latest = times.filter((atMs) => atMs <= wallMs).at(-1) ?? 0;
        const isFired = wallMs - latest <= 60_000;
        const dueAtMs = isFired ? latest : times.find((atMs) => atMs > wallMs);
        expect(fired(times, 'skip', wallMs)).toMatchObject({ isFired, dueAtMs });
      }),
    );
  });

  test('overlap: skip goes on after now, queue with the latest, allow with the next', () => {
    fc.assert(
      fc.property(anyTimes, fc.nat(5_000_000), (times, lateMs) => {
        const record = dueFirst(times, 'once');
        const wallMs = record.dueAtMs + lateMs;
        const dueAfter = (overlap: 'skip' | 'queue' | 'allow'): number | undefined => {
          const rules = { ...record.rules, overlap };
          return turnAfter({ ...record, rules }, wallMs, dueAtTimes(times)).dueAtMs;
        };
        const later = times.find((atMs) => atMs > wallMs);
        const meanwhile = times.slice(1).filter((atMs) => atMs <= wallMs);
        expect(dueAfter('skip')).toBe(later);
        expect(dueAfter('queue')).toBe(meanwhile.at(-1) ?? later);
        expect(dueAfter('allow')).toBe(meanwhile[0] ?? later);
      }),
    );
  });

  test('a later occurrence has a greater number', () => {
    fc.assert(
      fc.property(anyTimes, (times) => {
        const { schedule } = dueFirst(times, 'once');
        const numbers = times.map((atMs) => occurrenceAt(schedule, atMs));
        expect(numbers[0]).toBe(0);
        expect(new Set(numbers).size).toBe(times.length);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }),
    );
  });
});

describe('a port that answers nonsense', () => {
  const ports: readonly [what: string, port: CronPort][] = [
    ['the same time again', { nextAfter: (_expression, _zone, afterMs) => afterMs }],
    ['a time before', { nextAfter: () => 0 }],
    ['a time beyond all bounds', { nextAfter: () => Number.MAX_SAFE_INTEGER }],
    ['no number', { nextAfter: () => Number.NaN }],
  ];

  test.each(ports)('%s ends the reminder', (_, port) => {
    const record = dueFirst([5_000], 'once');
    expect(turnAfter(record, 1_000_000, port).dueAtMs).toBeUndefined();
    const times = { wallMs: 1_000_000, missedMs: 60_000 };
    expect(turnOf(record, times, port)).toMatchObject({ isFired: true, dueAtMs: 5_000 });
  });
});

test('a thousand occurrences of cron are caught up with a few questions for each', () => {
  // At 9 and at 17 o'clock: gaps of 8 and 16 hours in turn.
  const times = Array.from({ length: 4_000 }, (_, n) => 3_600_000 * (12 * n + (n % 2) * -4));
  const cron = dueAtTimes(times);
  const [dueAtMs = 0] = times;
  const record = {
    ...sampleRecord,
    dueAtMs,
    catchUpLeft: 0,
    schedule: { kind: 'cron', expression: 'x', timeZone: undefined, anchorMs: dueAtMs },
    rules: { ...sampleRecord.rules, missed: { catchUp: 1_000 } },
    state: { kind: 'scheduled', attempt: 0, notBeforeMs: 0, error: undefined },
  } as const;
  const wallMs = (times.at(-1) ?? 0) + 1_800_000;
  const turn = turnOf(record, { wallMs, missedMs: 60_000 }, cron);
  expect(turn).toMatchObject({ isFired: true, dueAtMs: times.at(-1_000), catchUpLeft: 999 });
  expect(cron.asked()).toBeLessThan(6_000);
});
