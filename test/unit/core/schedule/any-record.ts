/** Records of every kind for property tests. */
import fc from 'fast-check';
import type {
  DeliveryRules,
  ReminderRecord,
  ReminderState,
  Schedule,
} from '../../../../src/core/schedule/record.ts';
import { REMINDER_AT_MS_MAX } from '../../../../src/core/schedule/schedule-limits.ts';

const anyTime = fc.oneof(
  fc.nat(),
  fc.maxSafeNat().map((n) => n % REMINDER_AT_MS_MAX),
);
const anyNode = fc.constantFrom('a@b', 'worker-17@10.0.0.17', `${'n'.repeat(240)}@host`);
const anyError = fc.option(fc.string({ maxLength: 300, unit: 'grapheme' }), { nil: undefined });

const anySchedule: fc.Arbitrary<Schedule> = fc.oneof(
  fc.constant({ kind: 'once' } as const),
  fc.record({
    kind: fc.constant('interval' as const),
    everyMs: fc.integer({ min: 1_000, max: 2 ** 31 }),
    anchorMs: anyTime,
  }),
  fc.record({
    kind: fc.constant('cron' as const),
    expression: fc.string({ minLength: 1, maxLength: 256 }),
    timeZone: fc.option(fc.constant('Europe/Vienna'), { nil: undefined }),
    anchorMs: anyTime,
  }),
);

const anyRules: fc.Arbitrary<DeliveryRules> = fc.record({
  delivery: fc.constantFrom('at-most-once', 'at-least-once'),
  maxAttempts: fc.integer({ min: 1, max: 1_000 }),
  backoffMs: fc.integer({ min: 1, max: 3_600_000 }),
  missed: fc.oneof(
    fc.constantFrom('skip' as const, 'once' as const),
    fc.record({ catchUp: fc.integer({ min: 1, max: 1_000 }) }),
  ),
  overlap: fc.constantFrom('skip', 'queue', 'allow'),
  onPartition: fc.constantFrom('fire', 'hold'),
});

const anyState: fc.Arbitrary<ReminderState> = fc.oneof(
  fc.record({
    kind: fc.constant('scheduled' as const),
    attempt: fc.nat(),
    notBeforeMs: anyTime,
    error: anyError,
  }),
  fc.record({
    kind: fc.constant('claimed' as const),
    attempt: fc.integer({ min: 1 }),
    by: fc.record({ node: anyNode, incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n }) }),
    leaseMs: fc.integer({ min: 1, max: 60_000 }),
    error: anyError,
  }),
  fc.record({
    kind: fc.constant('dead' as const),
    attempt: fc.nat(),
    error: fc.string({ maxLength: 512 }),
  }),
);

export const anyRecord: fc.Arbitrary<ReminderRecord> = fc.record({
  occurrence: anyTime,
  step: fc.nat(4_294_967_295),
  dueAtMs: anyTime,
  schedule: anySchedule,
  rules: anyRules,
  payload: fc.uint8Array({ maxLength: 300 }),
  owners: fc.array(anyNode, { maxLength: 3 }),
  catchUpLeft: fc.nat(1_000),
  state: anyState,
});

export const sampleRecord: ReminderRecord = {
  occurrence: 3,
  step: 4,
  dueAtMs: 1_800_000_000_000,
  schedule: { kind: 'cron', expression: '0 4 * * *', timeZone: 'Europe/Vienna', anchorMs: 5 },
  rules: {
    delivery: 'at-least-once',
    maxAttempts: 5,
    backoffMs: 1_000,
    missed: { catchUp: 3 },
    overlap: 'queue',
    onPartition: 'hold',
  },
  payload: Uint8Array.of(1, 2, 3),
  owners: ['a@b', 'b@b'],
  catchUpLeft: 2,
  state: { kind: 'scheduled', attempt: 1, notBeforeMs: 7, error: 'no' },
};
