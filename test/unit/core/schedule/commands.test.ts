import { describe, expect, test } from 'vitest';
import {
  cancelWrites,
  currentOf,
  dueAfter,
  dueAtOf,
  onceWrite,
  repeatedWrite,
  retryWrites,
} from '../../../../src/core/schedule/commands.ts';
import {
  DELIVERY_DEFAULTS,
  deliveryRules,
} from '../../../../src/core/schedule/delivery-options.ts';
import {
  acknowledges,
  fenceOf,
  majorityOf,
  type ReminderRecord,
} from '../../../../src/core/schedule/record.ts';
import { keyTextOf, occurrenceId, reminderId } from '../../../../src/core/schedule/reminder-id.ts';
import {
  ATTEMPT_STEPS,
  REMINDER_HORIZON_MS,
} from '../../../../src/core/schedule/schedule-limits.ts';
import type { BarrelError, ErrorCode } from '../../../../src/errors.ts';
import { sampleRecord } from './any-record.ts';
import { DAY_MS, everyDay } from './played-cron.ts';

const NOW_MS = 1_800_000_000_000;
const TIME = { wallMs: NOW_MS, version: 9n };
const REQUEST = { key: 'k', payload: null, rules: DELIVERY_DEFAULTS, owners: ['a@b', 'b@b'] };
const ID = reminderId(keyTextOf('k'), 9n);

function codeOf(call: () => unknown): ErrorCode | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as BarrelError).code;
  }
}

describe('when it is due', () => {
  test('is a Date or a number, past ones too', () => {
    expect(dueAtOf(new Date(5), NOW_MS)).toBe(5);
    expect(dueAtOf(NOW_MS + REMINDER_HORIZON_MS, NOW_MS)).toBe(NOW_MS + REMINDER_HORIZON_MS);
    expect(dueAfter(0, NOW_MS)).toBe(NOW_MS);
  });

  const wrong: unknown[] = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', undefined];
  test.each([...wrong, new Date(Number.NaN), NOW_MS + REMINDER_HORIZON_MS + 1])(
    'is not %s',
    (at) => {
      expect(codeOf(() => dueAtOf(at as number, NOW_MS))).toBe('ERR_VALUE');
    },
  );

  test.each([...wrong, REMINDER_HORIZON_MS + 1])('is not after %s', (delayMs) => {
    expect(codeOf(() => dueAfter(delayMs as number, NOW_MS))).toBe('ERR_VALUE');
  });
});

describe('a request', () => {
  test('once is a record of the first occurrence under a new id', () => {
    expect(onceWrite(REQUEST, NOW_MS + 5, TIME)).toMatchObject({
      id: ID,
      record: { occurrence: 0, step: 0, dueAtMs: NOW_MS + 5, owners: [] },
    });
  });

  test('with hold names three owners at most', () => {
    const rules = { ...DELIVERY_DEFAULTS, onPartition: 'hold' } as const;
    const owners = ['a@b', 'b@b', 'c@b', 'd@b'];
    const { record } = onceWrite({ ...REQUEST, rules, owners }, NOW_MS, TIME);
    expect(record?.owners).toEqual(['a@b', 'b@b', 'c@b']);
  });

  test('of a period begins one period from now', () => {
    const { record } = repeatedWrite(REQUEST, { everyMs: 1_000 }, { ...TIME, cron: everyDay });
    const anchorMs = NOW_MS + 1_000;
    expect(record?.schedule).toEqual({ kind: 'interval', everyMs: 1_000, anchorMs });
    expect(record?.dueAtMs).toBe(anchorMs);
  });

  test('of an expression begins when that is due next', () => {
    const { record } = repeatedWrite(REQUEST, { cron: '@daily' }, { ...TIME, cron: everyDay });
    expect(record?.dueAtMs).toBe(Math.ceil(NOW_MS / DAY_MS) * DAY_MS);
  });

  test.each([999, 1_000.5, REMINDER_HORIZON_MS + 1, Number.NaN])(
    'has no period of %s',
    (everyMs) => {
      const repeat = (): unknown =>
        repeatedWrite(REQUEST, { everyMs }, { ...TIME, cron: everyDay });
      expect(codeOf(repeat)).toBe('ERR_VALUE');
    },
  );

  test.each([
    ['', undefined],
    ['*'.repeat(257), undefined],
    ['@daily', ''],
    ['@daily', 'z'.repeat(65)],
  ])('has no expression %s in zone %s', (cron, timeZone) => {
    const time = { ...TIME, cron: everyDay };
    expect(codeOf(() => repeatedWrite(REQUEST, { cron, timeZone }, time))).toBe('ERR_VALUE');
  });

  test('with an expression that is never due is refused, and the text names it', () => {
    const time = { ...TIME, cron: { nextAfter: () => undefined } };
    expect(() => repeatedWrite(REQUEST, { cron: 'never' }, time)).toThrow('"never" in UTC');
  });

  test('with a payload above 60 KiB or a key that is none is refused', () => {
    const payload = 'x'.repeat(61_440);
    expect(codeOf(() => onceWrite({ ...REQUEST, payload }, 0, TIME))).toBe('ERR_VALUE');
    expect(codeOf(() => onceWrite({ ...REQUEST, key: Number.NaN }, 0, TIME))).toBe('ERR_VALUE');
  });
});

describe('options', () => {
  test('have defaults', () => {
    expect(deliveryRules()).toEqual(DELIVERY_DEFAULTS);
    expect(deliveryRules({ timeoutMs: 5, overlap: undefined })).toEqual(DELIVERY_DEFAULTS);
  });

  test('are told all their faults at once', () => {
    const wrong = { delivery: 'twice', maxAttempts: 0, colour: 'red' };
    expect(() => deliveryRules(wrong)).toThrow(
      "`delivery` must be 'at-most-once' or 'at-least-once'; " +
        '`maxAttempts` must be an integer from 1 to 1000; `colour` is not an option',
    );
  });

  test.each([
    { maxAttempts: 1_001 },
    { backoffMs: 0 },
    { backoffMs: 3_600_001 },
    { missed: 'twice' },
    { missed: { catchUp: 0 } },
    { missed: { catchUp: 1_001 } },
    { missed: { catchUp: 1, more: 1 } },
    { overlap: ['skip'] },
    { onPartition: true },
    null,
  ])('are not %j', (options) => {
    expect(codeOf(() => deliveryRules(options))).toBe('ERR_OPTION');
  });
});

describe('of all that the store has of a key', () => {
  const dead = { ...sampleRecord, state: { kind: 'dead', attempt: 5, error: 'no' } } as const;
  const newer = reminderId(keyTextOf('k'), 10n);
  const own = (occurrence: number): string => occurrenceId(newer, occurrence);
  const at = (
    id: string,
    record: ReminderRecord = sampleRecord,
  ): { id: string; record: ReminderRecord } => ({
    id,
    record,
  });

  test('the greatest version counts, and there the reminder itself', () => {
    const all = [at(own(2)), at(ID), at(newer), at(own(1))];
    expect(currentOf(all)?.id).toBe(newer);
    expect(currentOf(all.toReversed())?.id).toBe(newer);
    expect(currentOf([])).toBeUndefined();
  });

  test('without the reminder itself the last occurrence counts', () => {
    const [first, last] = [
      at(own(1), { ...dead, occurrence: 1 }),
      at(own(2), { ...dead, occurrence: 2 }),
    ];
    expect(currentOf([first, last, at(ID)])?.id).toBe(own(2));
  });

  test('all is removed by a cancel', () => {
    expect(cancelWrites([ID, newer])).toEqual([
      { id: ID, record: undefined },
      { id: newer, record: undefined },
    ]);
  });

  test('what is dead of the greatest version is retried now, from the first attempt on', () => {
    const writes = retryWrites([at(ID, dead), at(newer), at(own(1), dead)], NOW_MS);
    expect(writes).toMatchObject([
      {
        id: own(1),
        record: {
          step: ATTEMPT_STEPS,
          state: { kind: 'scheduled', attempt: 0, notBeforeMs: NOW_MS, error: 'no' },
        },
      },
    ]);
    expect(retryWrites([at(newer)], NOW_MS)).toEqual([]);
  });
});

describe('a claim', () => {
  const state = {
    kind: 'claimed',
    attempt: 1,
    by: { node: 'a@b', incarnation: 4n },
    leaseMs: 10_000,
    error: undefined,
  } as const;
  const claim: ReminderRecord = { ...sampleRecord, state };

  test('is acknowledged by who has it, or a renewal of it', () => {
    expect(acknowledges(claim, claim)).toBe(true);
    expect(acknowledges({ ...claim, step: claim.step + 3 }, claim)).toBe(true);
  });

  test('is not acknowledged by who has something else', () => {
    const by = { node: 'a@b', incarnation: 5n };
    expect(acknowledges(undefined, claim)).toBe(false);
    expect(acknowledges({ ...claim, step: claim.step - 1 }, claim)).toBe(false);
    expect(acknowledges({ ...claim, occurrence: claim.occurrence + 1 }, claim)).toBe(false);
    expect(acknowledges({ ...claim, state: { ...state, by } }, claim)).toBe(false);
    expect(acknowledges(sampleRecord, claim)).toBe(false);
  });

  test('needs two of three owners, two of two, one of one', () => {
    const owners = ['a@b', 'b@b', 'c@b'];
    expect([3, 2, 1].map((n) => majorityOf(owners.slice(0, n)))).toEqual([2, 2, 1]);
  });
});

test('the fences of an earlier version stay below those of a later one, and fit 64 bits', () => {
  const version = (BigInt(NOW_MS) << 16n) | 65_535n;
  const days = 365;
  const later = version + (BigInt(days * DAY_MS) << 16n);
  expect(fenceOf(version, days * 86_400)).toBeLessThan(fenceOf(later, 0));
  expect(fenceOf(2n ** 64n - 1n, 0)).toBe(2n ** 64n - 1n);
});
