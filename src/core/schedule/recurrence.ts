/**
 * Which occurrence of a recurring reminder is next. Each is worked out from the time that another
 * one was due, never from the time that it was fired, so that nothing drifts.
 */
import type { CronPort } from './contract.ts';
import type { ReminderRecord, Schedule } from './record.ts';
import { REMINDER_AT_MS_MAX } from './schedule-limits.ts';

/** Where a reminder goes on. */
export interface Turn {
  /** Undefined when nothing is due any more. */
  readonly dueAtMs: number | undefined;
  readonly catchUpLeft: number;
  /** Occurrences passed over; a run of those of cron counts as one. */
  readonly skipped: number;
}

/** The times that decide. */
export interface TurnTimes {
  readonly wallMs: number;
  /** An occurrence that is later than this is missed. */
  readonly missedMs: number;
}

/** The number of the occurrence that is due then. */
export function occurrenceAt(schedule: Schedule, dueAtMs: number): number {
  if (schedule.kind === 'once') return 0;
  const spacingMs = schedule.kind === 'interval' ? schedule.everyMs : 1_000;
  return Math.max(0, Math.floor((dueAtMs - schedule.anchorMs) / spacingMs));
}

/** When the one after `dueAtMs` is due; undefined when there is none. */
export function nextDue(schedule: Schedule, dueAtMs: number, cron: CronPort): number | undefined {
  const next = dueAfter(schedule, dueAtMs, cron);
  return next !== undefined && next > dueAtMs && next <= REMINDER_AT_MS_MAX ? next : undefined;
}

/**
 * What to do with a due occurrence of no attempt yet: fire the one that is named, which may be a
 * later one; or, where `isFired` is false, wait for that one. An occurrence is missed when a later
 * one is due already, or when it is more than `missedMs` late.
 */
export function turnOf(
  record: ReminderRecord,
  { wallMs, missedMs }: TurnTimes,
  cron: CronPort,
): Turn & { readonly isFired: boolean } {
  const { schedule, dueAtMs, catchUpLeft, state } = record;
  const asItIs = { isFired: true, dueAtMs, catchUpLeft, skipped: 0 };
  const hasBegun = state.kind !== 'scheduled' || state.attempt > 0;
  if (hasBegun || catchUpLeft > 0) return asItIs;
  const readyMs = Math.max(dueAtMs, state.notBeforeMs);
  if (schedule.kind === 'once') {
    const isSkipped = record.rules.missed === 'skip' && wallMs - readyMs > missedMs;
    return isSkipped ? { ...asItIs, isFired: false, dueAtMs: undefined, skipped: 1 } : asItIs;
  }
  const latestMs = latestDue(schedule, { dueAtMs, wallMs }, cron);
  if (latestMs === dueAtMs && wallMs - readyMs <= missedMs) return asItIs;
  return afterMiss(record, { latestMs, wallMs, missedMs }, cron);
}

/**
 * Where the reminder goes on when an occurrence is done with at `wallMs`. `isQueued`: the next one
 * was due while this one was handled, and has its turn now.
 */
export function turnAfter(
  record: ReminderRecord,
  wallMs: number,
  cron: CronPort,
): Turn & { readonly isQueued: boolean } {
  const { schedule, dueAtMs, rules, catchUpLeft } = record;
  const nextMs = nextDue(schedule, dueAtMs, cron);
  const next = { dueAtMs: nextMs, catchUpLeft: 0, skipped: 0, isQueued: false };
  if (nextMs === undefined || nextMs > wallMs) return next;
  if (catchUpLeft > 0) return { ...next, catchUpLeft: catchUpLeft - 1 };
  if (rules.delivery === 'at-most-once' || rules.overlap === 'allow') return next;
  const latestMs = latestDue(schedule, { dueAtMs: nextMs, wallMs }, cron);
  const before = countBetween(schedule, nextMs, latestMs);
  if (rules.overlap === 'queue') {
    return { ...next, dueAtMs: latestMs, skipped: before, isQueued: true };
  }
  return { ...next, dueAtMs: nextDue(schedule, latestMs, cron), skipped: before + 1 };
}

function afterMiss(
  { schedule, dueAtMs, rules: { missed } }: ReminderRecord,
  { latestMs, wallMs, missedMs }: TurnTimes & { readonly latestMs: number },
  cron: CronPort,
): Turn & { readonly isFired: boolean } {
  const passed = countBetween(schedule, dueAtMs, latestMs);
  const latest = { isFired: true, dueAtMs: latestMs, catchUpLeft: 0, skipped: passed };
  if (missed === 'once') return latest;
  if (missed === 'skip') {
    // The latest one is not missed while it is fresh.
    if (wallMs - latestMs <= missedMs) return latest;
    const nextMs = nextDue(schedule, latestMs, cron);
    return { isFired: false, dueAtMs: nextMs, catchUpLeft: 0, skipped: passed + 1 };
  }
  const span = { dueAtMs, latestMs, countMax: missed.catchUp };
  const { firstMs, count } = firstOfLatest(schedule, span, cron);
  const skipped = countBetween(schedule, dueAtMs, firstMs);
  return { isFired: true, dueAtMs: firstMs, catchUpLeft: count - 1, skipped };
}

/** How many were passed over on the way from one to a later one. */
function countBetween(schedule: Schedule, fromMs: number, toMs: number): number {
  if (schedule.kind !== 'interval') return toMs > fromMs ? 1 : 0;
  return Math.round((toMs - fromMs) / schedule.everyMs);
}

function dueAfter(schedule: Schedule, afterMs: number, cron: CronPort): number | undefined {
  switch (schedule.kind) {
    case 'once':
      return undefined;
    case 'interval':
      return afterMs + schedule.everyMs;
    case 'cron':
      return cron.nextAfter(schedule.expression, schedule.timeZone, afterMs);
  }
}

/** The latest one that is due by `wallMs`, at least `dueAtMs`, which is the time of one. */
function latestDue(
  schedule: Schedule,
  { dueAtMs, wallMs }: { readonly dueAtMs: number; readonly wallMs: number },
  cron: CronPort,
): number {
  if (schedule.kind === 'interval') {
    const periods = Math.floor((wallMs - dueAtMs) / schedule.everyMs);
    return dueAtMs + Math.max(0, periods) * schedule.everyMs;
  }
  let [beforeMs, endMs] = gallop(schedule, { dueAtMs, wallMs }, cron);
  // One of cron falls on a whole second: of two within less than that there is none.
  while (endMs - beforeMs > 1_000) {
    const middleMs = Math.floor((beforeMs + endMs) / 2);
    if (isOneDue(schedule, { afterMs: middleMs, wallMs }, cron)) beforeMs = middleMs;
    else endMs = middleMs;
  }
  const lastMs = nextDue(schedule, beforeMs, cron);
  return lastMs === undefined || lastMs > wallMs ? dueAtMs : lastMs;
}

/** Two times with one or more due after the first, up to the second, and none after that. */
function gallop(
  schedule: Schedule,
  { dueAtMs, wallMs }: { readonly dueAtMs: number; readonly wallMs: number },
  cron: CronPort,
): [beforeMs: number, endMs: number] {
  let endMs = wallMs;
  for (let spanMs = 1_000; ; spanMs *= 2) {
    const beforeMs = Math.max(dueAtMs, wallMs - spanMs);
    if (beforeMs === dueAtMs || isOneDue(schedule, { afterMs: beforeMs, wallMs }, cron)) {
      return [beforeMs, endMs];
    }
    endMs = beforeMs;
  }
}

function isOneDue(
  schedule: Schedule,
  { afterMs, wallMs }: { readonly afterMs: number; readonly wallMs: number },
  cron: CronPort,
): boolean {
  const nextMs = nextDue(schedule, afterMs, cron);
  return nextMs !== undefined && nextMs <= wallMs;
}

interface LatestSpan {
  readonly dueAtMs: number;
  readonly latestMs: number;
  readonly countMax: number;
}

/** The first of the latest `countMax` from `dueAtMs` to `latestMs`, and how many those are. */
function firstOfLatest(
  schedule: Schedule,
  span: LatestSpan,
  cron: CronPort,
): { readonly firstMs: number; readonly count: number } {
  const { dueAtMs, latestMs, countMax } = span;
  if (schedule.kind === 'interval') {
    const count = Math.min(countMax, countBetween(schedule, dueAtMs, latestMs) + 1);
    return { firstMs: latestMs - (count - 1) * schedule.everyMs, count };
  }
  for (let backMs = 1_000 * countMax; ; backMs *= 2) {
    const fromMs = Math.max(dueAtMs, latestMs - backMs);
    const last = lastBetween(schedule, { ...span, dueAtMs: fromMs }, cron);
    if (last.length < countMax && fromMs > dueAtMs) continue;
    return { firstMs: last[0] ?? latestMs, count: Math.max(1, last.length) };
  }
}

/** The last `countMax` of those that are due from one time to another, both included. */
function lastBetween(
  schedule: Schedule,
  { dueAtMs: fromMs, latestMs, countMax }: LatestSpan,
  cron: CronPort,
): readonly number[] {
  const due: number[] = [];
  let nextMs = nextDue(schedule, fromMs - 1, cron);
  while (nextMs !== undefined && nextMs <= latestMs) {
    due.push(nextMs);
    if (due.length > countMax) due.shift();
    nextMs = nextDue(schedule, nextMs, cron);
  }
  return due;
}
