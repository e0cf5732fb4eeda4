/**
 * The writes of a reminder's life, each from the record as it was. Every one raises the rank: the
 * step within an occurrence, or the occurrence.
 */
import type { CronPort, ReminderWrite } from './contract.ts';
import type { Claimant, ReminderRecord, ReminderState } from './record.ts';
import { occurrenceAt, turnAfter } from './recurrence.ts';
import { isOccurrenceId, occurrenceId } from './reminder-id.ts';
import {
  REMINDER_BACKOFF_MS_MAX,
  REMINDER_ERROR_CHARS_MAX,
  REMINDER_STEP_MAX,
} from './schedule-limits.ts';

/** What was read of one reminder. */
export interface ReminderAt {
  readonly id: string;
  readonly record: ReminderRecord;
}

/** What leads to writes, and how many occurrences it passes over. */
export interface Change {
  readonly writes: readonly ReminderWrite[];
  readonly skipped: number;
}

export interface Passage {
  readonly wallMs: number;
  readonly cron: CronPort;
}

export interface ClaimTerms {
  readonly by: Claimant;
  readonly leaseMs: number;
}

export function isRecurring({ schedule }: ReminderRecord): boolean {
  return schedule.kind !== 'once';
}

/** At another occurrence of the series, of which nothing has happened yet. */
export function movedTo(
  record: ReminderRecord,
  to: { readonly dueAtMs: number; readonly catchUpLeft: number; readonly notBeforeMs: number },
): ReminderRecord {
  const { dueAtMs, catchUpLeft, notBeforeMs } = to;
  const occurrence = occurrenceAt(record.schedule, dueAtMs);
  const isSame = occurrence === record.occurrence;
  const state = { kind: 'scheduled', attempt: 0, notBeforeMs, error: undefined } as const;
  return {
    ...record,
    occurrence,
    step: isSame ? nextStep(record) : 0,
    dueAtMs,
    catchUpLeft,
    state,
  };
}

/** For the next attempt; for the same one when an own claim came to no delivery. */
export function claimed(record: ReminderRecord, { by, leaseMs }: ClaimTerms): ReminderRecord {
  const { state } = record;
  const isOwn =
    state.kind === 'claimed' &&
    state.by.node === by.node &&
    state.by.incarnation === by.incarnation;
  const attempt = state.attempt + (isOwn ? 0 : 1);
  return inState(record, { kind: 'claimed', attempt, by, leaseMs, error: state.error });
}

/** The same claim for another lease. */
export function renewed(record: ReminderRecord): ReminderRecord {
  return inState(record, record.state);
}

/** Free for whoever holds the key; the attempt counts unless it reached no handler. */
export function givenBack(record: ReminderRecord, isAttempt: boolean): ReminderRecord {
  const { attempt, error } = record.state;
  const attempts = isAttempt ? attempt : attempt - 1;
  return inState(record, { kind: 'scheduled', attempt: attempts, notBeforeMs: 0, error });
}

/** Dead ones only: from the first attempt on, now. */
export function retried(record: ReminderRecord, wallMs: number): ReminderRecord {
  const { error } = record.state;
  return inState(record, { kind: 'scheduled', attempt: 0, notBeforeMs: wallMs, error });
}

/** Removed, or at the next occurrence. */
export function completed({ id, record }: ReminderAt, { wallMs, cron }: Passage): Change {
  const turn = turnAfter(record, wallMs, cron);
  if (turn.dueAtMs === undefined) return { writes: [{ id, record: undefined }], skipped: 0 };
  const { dueAtMs, catchUpLeft, isQueued } = turn;
  const next = movedTo(record, { dueAtMs, catchUpLeft, notBeforeMs: isQueued ? wallMs : 0 });
  return { writes: [{ id, record: next }], skipped: turn.skipped };
}

/** Tried again later, or dead. */
export function failed(
  { id, record }: ReminderAt,
  error: string,
  passage: Passage,
): Change & { readonly isDead: boolean } {
  const { attempt } = record.state;
  const text = error.slice(0, REMINDER_ERROR_CHARS_MAX);
  if (attempt >= record.rules.maxAttempts) {
    const dead = inState(record, { kind: 'dead', attempt, error: text });
    return { ...apart({ id, record }, dead, passage), isDead: true };
  }
  const notBeforeMs = Math.floor(passage.wallMs) + backoffMs(record);
  const later = inState(record, { kind: 'scheduled', attempt, notBeforeMs, error: text });
  if (isRecurring(record) && record.rules.overlap === 'allow') {
    return { ...apart({ id, record }, later, passage), isDead: false };
  }
  return { writes: [{ id, record: later }], skipped: 0, isDead: false };
}

/**
 * The occurrence gets an id of its own, with that record, and the series goes on without it. The
 * occurrence is written first: who hears of one of the two only handles it twice, not never.
 */
export function apart(
  { id, record }: ReminderAt,
  occurrence: ReminderRecord,
  passage: Passage,
): Change {
  if (!isRecurring(record) || isOccurrenceId(id)) {
    return { writes: [{ id, record: occurrence }], skipped: 0 };
  }
  const alone = { ...occurrence, schedule: { kind: 'once' }, catchUpLeft: 0 } as const;
  const rest = completed({ id, record }, passage);
  const ownId = occurrenceId(id, record.occurrence);
  return { writes: [{ id: ownId, record: alone }, ...rest.writes], skipped: rest.skipped };
}

/** Before the attempt after those that the record counts. */
export function backoffMs({ rules, state }: ReminderRecord): number {
  return Math.min(rules.backoffMs * 2 ** Math.max(0, state.attempt - 1), REMINDER_BACKOFF_MS_MAX);
}

function inState(record: ReminderRecord, state: ReminderState): ReminderRecord {
  return { ...record, step: nextStep(record), state };
}

function nextStep({ step }: ReminderRecord): number {
  return Math.min(step + 1, REMINDER_STEP_MAX);
}
