/** The rules of `ReminderOptions`, and their defaults. */
import { BarrelError } from '../../errors.ts';
import type { DeliveryRules, Missed } from './record.ts';
import {
  REMINDER_ATTEMPTS_MAX,
  REMINDER_BACKOFF_MS_MAX,
  REMINDER_CATCH_UP_MAX,
} from './schedule-limits.ts';

export const DELIVERY_DEFAULTS: DeliveryRules = {
  delivery: 'at-most-once',
  maxAttempts: 5,
  backoffMs: 1_000,
  missed: 'once',
  overlap: 'skip',
  onPartition: 'fire',
};

interface OptionRule {
  readonly rule: string;
  readonly holds: (input: unknown) => boolean;
}

/** A rule reads as the end of "`option` must be ...". */
const OPTION_RULES: Readonly<Record<keyof DeliveryRules, OptionRule>> = {
  delivery: oneOf('at-most-once', 'at-least-once'),
  maxAttempts: whole(REMINDER_ATTEMPTS_MAX),
  backoffMs: whole(REMINDER_BACKOFF_MS_MAX),
  missed: {
    rule: `'skip', 'once' or { catchUp: an integer from 1 to ${REMINDER_CATCH_UP_MAX} }`,
    holds: isMissed,
  },
  overlap: oneOf('skip', 'queue', 'allow'),
  onPartition: oneOf('fire', 'hold'),
};
/** What the caller of a command may give beside them. */
const CALL_OPTIONS = new Set(['timeoutMs', 'signal']);

/** @throws ERR_OPTION naming every fault of the options of a reminder. */
export function deliveryRules(options: unknown = {}): DeliveryRules {
  if (typeof options !== 'object' || options === null) {
    throw new BarrelError('ERR_OPTION', 'the options of a reminder must be an object');
  }
  const faults = [...faultsOf(options)];
  if (faults.length > 0) throw new BarrelError('ERR_OPTION', faults.join('; '));
  const given: Partial<DeliveryRules> = options;
  return {
    delivery: given.delivery ?? DELIVERY_DEFAULTS.delivery,
    maxAttempts: given.maxAttempts ?? DELIVERY_DEFAULTS.maxAttempts,
    backoffMs: given.backoffMs ?? DELIVERY_DEFAULTS.backoffMs,
    missed: copyOf(given.missed ?? DELIVERY_DEFAULTS.missed),
    overlap: given.overlap ?? DELIVERY_DEFAULTS.overlap,
    onPartition: given.onPartition ?? DELIVERY_DEFAULTS.onPartition,
  };
}

function* faultsOf(options: object): Iterable<string> {
  const rules: Readonly<Record<string, OptionRule | undefined>> = OPTION_RULES;
  for (const [option, given] of Object.entries(options)) {
    if (CALL_OPTIONS.has(option)) continue;
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined;
    if (rule === undefined) yield `\`${option}\` is not an option`;
    else if (given !== undefined && !rule.holds(given)) yield `\`${option}\` must be ${rule.rule}`;
  }
}

function oneOf(...words: readonly unknown[]): OptionRule {
  const shown = words.map((word) => `'${word}'`);
  const rule = `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
  return { rule, holds: (input) => words.includes(input) };
}

function whole(max: number): OptionRule {
  return { rule: `an integer from 1 to ${max}`, holds: (input) => isWhole(input, max) };
}

function isMissed(input: unknown): boolean {
  if (input === 'skip' || input === 'once') return true;
  if (typeof input !== 'object' || input === null) return false;
  const { catchUp, ...others } = input as { readonly catchUp?: unknown };
  return Object.keys(others).length === 0 && isWhole(catchUp, REMINDER_CATCH_UP_MAX);
}

function isWhole(input: unknown, max: number): boolean {
  return Number.isInteger(input) && Number(input) >= 1 && Number(input) <= max;
}

function copyOf(missed: Missed): Missed {
  return typeof missed === 'object' ? { catchUp: missed.catchUp } : missed;
}
