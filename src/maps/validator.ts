/**
 * Validators of a map's values: a function of the user, or a schema by the Standard Schema
 * contract (version 1), which several libraries implement.
 */
import { MAP_REFUSAL_CHARS_MAX } from '../limits.ts';
import type { MapOptions } from './maps.ts';

export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly why: string; readonly cause?: unknown }
  /** The validator answered with a promise, which is of no use here. */
  | { readonly kind: 'asynchronous' };

export type Judge = (value: unknown) => Verdict;

const ACCEPTED: Verdict = { kind: 'accepted' };
const ISSUES_SHOWN = 5;

export function isValidator(input: unknown): boolean {
  // Some libraries' schemas are functions, too.
  return typeof input === 'function' || standardOf(input) !== undefined;
}

/** Never throws: what a validator throws is a refusal. Undefined without a validator. */
export function judgeOf(validator: MapOptions<unknown>['validator']): Judge | undefined {
  const judge = judgeWith(validator);
  if (judge === undefined) return undefined;
  return (value) => {
    try {
      return judge(value);
    } catch (cause) {
      return { kind: 'refused', why: cut(`the validator threw: ${textOf(cause)}`), cause };
    }
  };
}

function judgeWith(validator: MapOptions<unknown>['validator']): Judge | undefined {
  const standard = standardOf(validator);
  if (standard !== undefined) return (value) => verdictOfSchema(standard.validate(value));
  if (typeof validator === 'function') return (value) => verdictOfFunction(validator(value));
  return undefined;
}

function verdictOfFunction(answer: unknown): Verdict {
  if (answer === true) return ACCEPTED;
  return isPromise(answer) ? asynchronous(answer) : { kind: 'refused', why: 'not valid' };
}

function verdictOfSchema(result: unknown): Verdict {
  if (isPromise(result)) return asynchronous(result);
  if (typeof result !== 'object' || result === null) {
    return { kind: 'refused', why: 'the schema gave no result' };
  }
  const issues = 'issues' in result ? result.issues : undefined;
  if (issues === undefined || issues === null) return ACCEPTED;
  return { kind: 'refused', why: cut(issuesText(issues)) };
}

function asynchronous(answer: PromiseLike<unknown>): Verdict {
  // It is refused as such; how it ends concerns nobody.
  void answer.then(undefined, () => {});
  return { kind: 'asynchronous' };
}

function issuesText(issues: unknown): string {
  if (!Array.isArray(issues) || issues.length === 0) return 'not valid';
  const more = issues.length > ISSUES_SHOWN ? `; and ${issues.length - ISSUES_SHOWN} more` : '';
  return issues.slice(0, ISSUES_SHOWN).map(issueText).join('; ') + more;
}

function issueText(issue: unknown): string {
  const { message, path } = (issue ?? {}) as { readonly message?: unknown; path?: unknown };
  const steps = Array.isArray(path) ? path.map(stepText).join('.') : '';
  return (steps === '' ? '' : `${steps}: `) + (typeof message === 'string' ? message : 'not valid');
}

/** A step is a key, or an object that has one. */
function stepText(step: unknown): string {
  return String(typeof step === 'object' && step !== null && 'key' in step ? step.key : step);
}

interface Standard {
  readonly validate: (value: unknown) => unknown;
}

function standardOf(input: unknown): Standard | undefined {
  const isHolder = typeof input === 'function' || (typeof input === 'object' && input !== null);
  if (!isHolder || !('~standard' in input)) return undefined;
  const standard = input['~standard'];
  if (typeof standard !== 'object' || standard === null) return undefined;
  const { version, validate } = standard as { version?: unknown; validate?: unknown };
  if (version !== 1 || typeof validate !== 'function') return undefined;
  return { validate: (value) => validate.call(standard, value) };
}

function isPromise(input: unknown): input is PromiseLike<unknown> {
  const isHolder = typeof input === 'object' && input !== null;
  return isHolder && 'then' in input && typeof input.then === 'function';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : typeof error;
}

function cut(text: string): string {
  return text.length > MAP_REFUSAL_CHARS_MAX ? `${text.slice(0, MAP_REFUSAL_CHARS_MAX)}...` : text;
}
