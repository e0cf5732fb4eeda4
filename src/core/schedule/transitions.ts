/**
 * The writes of a reminder's life, each from the record as it was. Every one raises the rank, but
 * for an own claim that is made again: the occurrence, or the step in it.
 */
import type { CronPort, ReminderWrite } from './contract.ts';
import type { Claimant, ReminderRecord, ReminderState } from './record.ts';
import { occurrenceAt, turnAfter } from './recurrence.ts';
import { isOccurrenceId, occurrenceId } from './reminder-id.ts';
import {
  ATTEMPT_STEPS,
  REMINDER_BACKOFF_MS_MAX,
  REMINDER_ERROR_CHARS_MAX,
  REMINDER_STEP_MAX,
} from './schedule-limits.ts';

/** What was read of one reminder. */
export interface ReminderAt {
  readonly id: string;
  readonly record: ReminderRecord;
}

/** What leads to writes. */
export interface Change {
  readonly writes: readonly ReminderWrite[];
  /** Occurrences that it passes over. */
  readonly skipped: number;
  /** One is dead then. */
  readonly isDead?: boolean;
  /** Dead ones that make room. */
  readonly dropped?: number;
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

/**
 * For the next attempt. An own claim that came to no delivery stays as it is: whoever waits for a
 * majority goes no further by that than those who did the work.
 */
export function claimed(record: ReminderRecord, { by, leaseMs }: ClaimTerms): ReminderRecord {
  const { state } = record;
  const isOwn =
    state.kind === 'claimed' &&
    state.by.node === by.node &&
    state.by.incarnation === by.incarnation;
  if (isOwn) return record;
  const { attempt, error } = state;
  const isUnused = state.kind === 'scheduled' && !hasEnded(record);
  return {
    ...record,
    step: isUnused ? nextStep(record) : nextAttempt(record),
    state: { kind: 'claimed', attempt: attempt + 1, by, leaseMs, error },
  };
}

/** The same claim for another lease. */
export function renewed(record: ReminderRecord): ReminderRecord {
  return inState(record, record.state);
}

/** Free for whoever holds the key. `isAttempt`: what was tried counts. */
export function givenBack(record: ReminderRecord, isAttempt: boolean): ReminderRecord {
  const { attempt, error } = record.state;
  const attempts = isAttempt ? attempt : attempt - 1;
  const state = { kind: 'scheduled', attempt: attempts, notBeforeMs: 0, error } as const;
  return isAttempt ? ended(record, state) : inState(record, state);
}

/** Dead ones only: from the first attempt on, now. */
export function retried(record: ReminderRecord, wallMs: number): ReminderRecord {
  const { error } = record.state;
  const state = { kind: 'scheduled', attempt: 0, notBeforeMs: wallMs, error } as const;
  return { ...record, step: nextAttempt(record), state };
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
export function failed({ id, record }: ReminderAt, error: string, passage: Passage): Change {
  const { attempt } = record.state;
  const text = error.slice(0, REMINDER_ERROR_CHARS_MAX);
  if (attempt >= record.rules.maxAttempts) {
    const dead = ended(record, { kind: 'dead', attempt, error: text });
    return { ...apart({ id, record }, dead, passage), isDead: true };
  }
  const notBeforeMs = Math.floor(passage.wallMs) + backoffMs(record);
  const later = ended(record, { kind: 'scheduled', attempt, notBeforeMs, error: text });
  if (isRecurring(record) && record.rules.overlap === 'allow') {
    return apart({ id, record }, later, passage);
  }
  return { writes: [{ id, record: later }], skipped: 0 };
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

/** With the end of an attempt: it outranks claims to the same attempt that came to nothing. */
function ended(record: ReminderRecord, state: ReminderState): ReminderRecord {
  const endStep = firstStep(record) + ATTEMPT_STEPS / 2;
  return { ...record, step: hasEnded(record) ? nextStep(record) : endStep, state };
}

/** Its last attempt has ended: the second half of the numbers of an attempt. */
function hasEnded({ step }: ReminderRecord): boolean {
  return step % ATTEMPT_STEPS >= ATTEMPT_STEPS / 2;
}

/** Within its half: at the end of the numbers the stamp decides. */
function nextStep({ step }: ReminderRecord): number {
  const half = ATTEMPT_STEPS / 2;
  return step % half === half - 1 ? step : step + 1;
}

/** An attempt more outranks everything of the attempts before. */
function nextAttempt(record: ReminderRecord): number {
  return Math.min(firstStep(record) + ATTEMPT_STEPS, REMINDER_STEP_MAX);
}

function firstStep({ step }: ReminderRecord): number {
  return step - (step % ATTEMPT_STEPS);
}
