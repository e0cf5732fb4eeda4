/** What the users of reminders ask for, as records and writes; and the rules of what they give. */
import { BarrelError } from '../../errors.ts';
import type { Stamp } from '../clock/stamp.ts';
import type { NodeName } from '../names.ts';
import type { Key } from '../wire/key.ts';
import { encodeValue } from '../wire/value.ts';
import type { CronPort, ReminderWrite } from './contract.ts';
import type { DeliveryRules, ReminderRecord, Schedule } from './record.ts';
import { isOccurrenceId, keyTextOf, reminderId, versionPartOf } from './reminder-id.ts';
import {
  CRON_EXPRESSION_CHARS_MAX,
  REMINDER_AT_MS_MAX,
  REMINDER_HORIZON_MS,
  REMINDER_OWNERS_MAX,
  REMINDER_PAYLOAD_BYTES_MAX,
  REMINDER_PERIOD_MS_MIN,
  TIME_ZONE_CHARS_MAX,
} from './schedule-limits.ts';
import { type ReminderAt, retried } from './transitions.ts';

/** What every reminder has. */
export interface ReminderRequest {
  readonly key: Key;
  readonly payload: unknown;
  readonly rules: DeliveryRules;
  /** Of the key now, best first; kept with `hold` only. */
  readonly owners: readonly NodeName[];
}

/** The time of the request, and a stamp greater than all before. */
export interface RequestTime {
  readonly wallMs: number;
  readonly version: Stamp;
}

/** As a user gives it. */
export type Repetition =
  | { readonly everyMs: number }
  | { readonly cron: string; readonly timeZone?: string | undefined };

/**
 * When a reminder for `at` is due: a past time means at once.
 * @throws ERR_VALUE unless it is a whole number of milliseconds since 1970, up to 100 years ahead.
 */
export function dueAtOf(at: Date | number, wallMs: number): number {
  const ms: unknown = at instanceof Date ? at.getTime() : at;
  const max = Math.min(Math.floor(wallMs) + REMINDER_HORIZON_MS, REMINDER_AT_MS_MAX);
  if (isWhole(ms, 0, max)) return ms;
  const rule = 'a time in whole milliseconds since 1970, at most 100 years ahead';
  throw new BarrelError('ERR_VALUE', `a reminder needs ${rule}, received ${String(ms)}`);
}

/** @throws ERR_VALUE unless it is a whole number from 0 to 100 years. */
export function dueAfter(delayMs: number, wallMs: number): number {
  if (isWhole(delayMs, 0, REMINDER_HORIZON_MS)) return Math.floor(wallMs) + delayMs;
  const rule = 'a delay in whole milliseconds, from 0 to 100 years';
  throw new BarrelError('ERR_VALUE', `a reminder needs ${rule}, received ${String(delayMs)}`);
}

/**
 * One that fires once.
 * @throws ERR_VALUE for what is no key or no value, or a payload above 60 KiB.
 */
export function onceWrite(
  request: ReminderRequest,
  dueAtMs: number,
  { version, wallMs }: RequestTime,
): ReminderWrite {
  // One that is set for a time that is past is not missed for that.
  const notBeforeMs = dueAtMs < wallMs ? Math.floor(wallMs) : 0;
  return writeOf(request, { schedule: { kind: 'once' }, dueAtMs, notBeforeMs }, version);
}

/**
 * One that repeats: the first time one period from now, or when the expression is due next.
 * @throws ERR_VALUE as `onceWrite`, and for a period below 1 s or above 100 years, or an expression
 * that is too long, cannot be read or is never due.
 */
export function repeatedWrite(
  request: ReminderRequest,
  repetition: Repetition,
  { wallMs, version, cron }: RequestTime & { readonly cron: CronPort },
): ReminderWrite {
  const nowMs = Math.floor(wallMs);
  const first = firstOf(repetition, nowMs, cron);
  return writeOf(request, { ...first, notBeforeMs: 0 }, version);
}

/** Removes all that the store has of a key, what is running and what is dead too. */
export function cancelWrites(ids: readonly string[]): readonly ReminderWrite[] {
  return ids.map((id) => ({ id, record: undefined }));
}

/** Schedules what is dead again, now; none when nothing of the key is dead. */
export function retryWrites(
  ofKey: readonly ReminderAt[],
  wallMs: number,
): readonly ReminderWrite[] {
  const current = currentOf(ofKey);
  if (current === undefined) return [];
  const version = versionPartOf(current.id);
  return ofKey
    .filter(({ id, record }) => record.state.kind === 'dead' && versionPartOf(id) === version)
    .map(({ id, record }) => ({ id, record: retried(record, Math.floor(wallMs)) }));
}

/**
 * The one that counts of all that the store has of a key: that of the greatest version; there, the
 * reminder itself before occurrences that left it, and of those the last.
 */
export function currentOf(ofKey: readonly ReminderAt[]): ReminderAt | undefined {
  let current: ReminderAt | undefined;
  for (const each of ofKey) {
    if (current === undefined || isBefore(current, each)) current = each;
  }
  return current;
}

function isBefore(a: ReminderAt, b: ReminderAt): boolean {
  const [ours, theirs] = [versionPartOf(a.id), versionPartOf(b.id)];
  if (ours !== theirs) return ours < theirs;
  if (isOccurrenceId(a.id) !== isOccurrenceId(b.id)) return isOccurrenceId(a.id);
  return a.record.occurrence < b.record.occurrence;
}

interface First extends Pick<ReminderRecord, 'schedule' | 'dueAtMs'> {
  readonly notBeforeMs: number;
}

function writeOf(
  { key, payload, rules, owners }: ReminderRequest,
  { schedule, dueAtMs, notBeforeMs }: First,
  version: Stamp,
): ReminderWrite {
  const record: ReminderRecord = {
    occurrence: 0,
    step: 0,
    dueAtMs,
    schedule,
    rules,
    payload: encodeValue(payload, REMINDER_PAYLOAD_BYTES_MAX),
    owners: rules.onPartition === 'hold' ? owners.slice(0, REMINDER_OWNERS_MAX) : [],
    catchUpLeft: 0,
    state: { kind: 'scheduled', attempt: 0, notBeforeMs, error: undefined },
  };
  return { id: reminderId(keyTextOf(key), version), record };
}

function firstOf(
  repetition: Repetition,
  nowMs: number,
  cron: CronPort,
): { readonly schedule: Schedule; readonly dueAtMs: number } {
  if ('everyMs' in repetition) {
    const { everyMs } = repetition;
    checkPeriod(everyMs);
    const dueAtMs = nowMs + everyMs;
    return { schedule: { kind: 'interval', everyMs, anchorMs: dueAtMs }, dueAtMs };
  }
  const { cron: expression, timeZone } = repetition;
  checkText('a cron expression', expression, CRON_EXPRESSION_CHARS_MAX);
  if (timeZone !== undefined) checkText('a time zone', timeZone, TIME_ZONE_CHARS_MAX);
  const dueAtMs = cron.nextAfter(expression, timeZone, nowMs);
  if (dueAtMs === undefined || !isWhole(dueAtMs, nowMs, REMINDER_AT_MS_MAX)) {
    const zone = timeZone === undefined ? 'UTC' : JSON.stringify(timeZone);
    const what = `${JSON.stringify(expression)} in ${zone}`;
    throw new BarrelError('ERR_VALUE', `${what} cannot be read, or is never due`);
  }
  return { schedule: { kind: 'cron', expression, timeZone, anchorMs: dueAtMs }, dueAtMs };
}

function checkPeriod(everyMs: unknown): void {
  if (isWhole(everyMs, REMINDER_PERIOD_MS_MIN, REMINDER_HORIZON_MS)) return;
  const rule = 'a period in whole milliseconds, from 1 s to 100 years';
  throw new BarrelError(
    'ERR_VALUE',
    `a reminder repeats with ${rule}, received ${String(everyMs)}`,
  );
}

function checkText(what: string, text: unknown, charsMax: number): void {
  if (typeof text === 'string' && text !== '' && text.length <= charsMax) return;
  const received = typeof text === 'string' ? `${text.length}` : typeof text;
  throw new BarrelError(
    'ERR_VALUE',
    `${what} has 1 to ${charsMax} characters, received ${received}`,
  );
}

function isWhole(input: unknown, min: number, max: number): input is number {
  return Number.isInteger(input) && Number(input) >= min && Number(input) <= max;
}
