import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReminderRecord } from '../../../../src/core/schedule/record.ts';
import {
  decodeRecord,
  encodeRecord,
  isClaimedValue,
  RANK_BYTES,
} from '../../../../src/core/schedule/record-codec.ts';
import {
  occurrenceId,
  readReminderId,
  reminderId,
  keyTextOf as textOfKey,
} from '../../../../src/core/schedule/reminder-id.ts';
import {
  REMINDER_AT_MS_MAX,
  REMINDER_PAYLOAD_BYTES_MAX,
} from '../../../../src/core/schedule/schedule-limits.ts';
import { bytesOfText, textOfBytes } from '../../../../src/core/store/binary-text.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../hostile-bytes.ts';
import { anyRecord, sampleRecord } from './any-record.ts';

function compare(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a.subarray(0, RANK_BYTES), b.subarray(0, RANK_BYTES));
}

describe('a record', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const bytes = encodeRecord(record);
        expect(decodeRecord(bytes)).toEqual(record);
        expect(encodeRecord(decodeRecord(bytes))).toEqual(bytes);
        expect(isClaimedValue(bytes)).toBe(record.state.kind === 'claimed');
      }),
    );
  });

  test('begins with its rank: occurrence before step, in the order of bytes', () => {
    const rank = fc.tuple(fc.nat(REMINDER_AT_MS_MAX), fc.nat(4_294_967_295));
    fc.assert(
      fc.property(rank, rank, ([occurrence, step], [otherOccurrence, otherStep]) => {
        const a = encodeRecord({ ...sampleRecord, occurrence, step });
        const b = encodeRecord({ ...sampleRecord, occurrence: otherOccurrence, step: otherStep });
        const order = Math.sign(occurrence - otherOccurrence) || Math.sign(step - otherStep);
        expect(compare(a, b)).toBe(order);
      }),
    );
  });

  test('is whole or refused', () => {
    expectWholeFramesOnly(decodeRecord, encodeRecord(sampleRecord));
  });

  test('of hostile bytes is refused with a WireError', () => {
    expectNoOtherError(decodeRecord, fc.sample(anyRecord, 20).map(encodeRecord));
  });

  const broken: readonly [what: string, record: ReminderRecord][] = [
    [
      'a payload above 60 KiB',
      { ...sampleRecord, payload: new Uint8Array(REMINDER_PAYLOAD_BYTES_MAX + 1) },
    ],
    ['a fourth owner', { ...sampleRecord, owners: ['a@b', 'b@b', 'c@b', 'd@b'] }],
    ['an owner that is no node', { ...sampleRecord, owners: ['nobody'] }],
    ['a due time beyond its bound', { ...sampleRecord, dueAtMs: REMINDER_AT_MS_MAX + 1 }],
    ['too much to catch up', { ...sampleRecord, catchUpLeft: 1_001 }],
    [
      'a period below a second',
      { ...sampleRecord, schedule: { kind: 'interval', everyMs: 999, anchorMs: 0 } },
    ],
    [
      'an expression of 257 characters',
      {
        ...sampleRecord,
        schedule: { kind: 'cron', expression: '*'.repeat(257), timeZone: undefined, anchorMs: 0 },
      },
    ],
    ['no attempts', { ...sampleRecord, rules: { ...sampleRecord.rules, maxAttempts: 0 } }],
    [
      'a claim of no attempt',
      {
        ...sampleRecord,
        state: {
          kind: 'claimed',
          attempt: 0,
          by: { node: 'a@b', incarnation: 1n },
          leaseMs: 1,
          error: undefined,
        },
      },
    ],
    [
      'a lease above a minute',
      {
        ...sampleRecord,
        state: {
          kind: 'claimed',
          attempt: 1,
          by: { node: 'a@b', incarnation: 1n },
          leaseMs: 60_001,
          error: undefined,
        },
      },
    ],
    [
      'an error that is too long',
      { ...sampleRecord, state: { kind: 'dead', attempt: 1, error: 'x'.repeat(1_537) } },
    ],
  ];

  test.each(broken)('with %s is refused', (_, record) => {
    expect(() => decodeRecord(encodeRecord(record))).toThrow(WireError);
  });

  test('of no known state is refused', () => {
    const bytes = encodeRecord(sampleRecord);
    bytes[RANK_BYTES] = 3;
    expect(() => decodeRecord(bytes)).toThrow(WireError);
  });
});

describe('an id', () => {
  const key = fc.oneof(fc.string(), fc.maxSafeInteger(), fc.array(fc.string(), { maxLength: 3 }));
  const version = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

  test('says its key, version and occurrence', () => {
    fc.assert(
      fc.property(key, version, fc.nat(REMINDER_AT_MS_MAX), (named, stamp, occurrence) => {
        const id = reminderId(textOfKey(named), stamp);
        expect(readReminderId(id)).toEqual({ key: named, version: stamp, occurrence: undefined });
        const own = readReminderId(occurrenceId(id, occurrence));
        expect(own).toEqual({ key: named, version: stamp, occurrence });
      }),
    );
  });

  test('of hostile bytes is refused with a WireError', () => {
    const id = reminderId(textOfKey(['a', 1]), 7n);
    const ids = [id, occurrenceId(id, 5)].map(bytesOfText);
    expectNoOtherError((bytes) => readReminderId(textOfBytes(bytes)), ids);
  });
});
