/**
 * Schemas of users by the Standard Schema contract (version 1), which several libraries implement,
 * as judges of values: of a map's values, and of the arguments of a call.
 */
import { REFUSAL_CHARS_MAX } from './limits.ts';

/**
 * Any schema library that implements Standard Schema v1: zod, valibot, arktype and others. A schema
 * that validates asynchronously is refused with ERR_OPTION; what its transforms make of a value is
 * ignored.
 */
export interface StandardSchema<T> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
}

export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly why: string; readonly cause?: unknown }
  /** The validator answered with a promise, which is of no use here. */
  | { readonly kind: 'asynchronous' };

export type Judge = (value: unknown) => Verdict;

export const ACCEPTED: Verdict = { kind: 'accepted' };
const ISSUES_SHOWN = 5;

export function isStandardSchema(input: unknown): boolean {
  return standardOf(input) !== undefined;
}

/** True for one that says by itself that it answers with promises; others show it when asked. */
export function isAsyncSchema(input: unknown): boolean {
  const validate = standardOf(input)?.declared;
  const isMarked = typeof input === 'object' && input !== null && 'async' in input;
  return (isMarked && input.async === true) || validate?.constructor?.name === 'AsyncFunction';
}

/** Undefined for what is no schema. What a schema makes of a value is ignored. */
export function judgeOfSchema(schema: unknown): Judge | undefined {
  const standard = standardOf(schema);
  return standard && ((value) => verdictOfSchema(standard.validate(value)));
}

/** Never throws: what a validator throws is a refusal. */
export function guarded(judge: Judge): Judge {
  return (value) => {
    try {
      return judge(value);
    } catch (cause) {
      return { kind: 'refused', why: cut(`the validator threw: ${textOf(cause)}`), cause };
    }
  };
}

export function asynchronous(answer: PromiseLike<unknown>): Verdict {
  // It is refused as such; how it ends concerns nobody.
  void answer.then(undefined, () => {});
  return { kind: 'asynchronous' };
}

export function isPromise(input: unknown): input is PromiseLike<unknown> {
  const isHolder = typeof input === 'object' && input !== null;
  return isHolder && 'then' in input && typeof input.then === 'function';
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
  /** As the library made it. */
  readonly declared: object;
}

function standardOf(input: unknown): Standard | undefined {
  const isHolder = typeof input === 'function' || (typeof input === 'object' && input !== null);
  if (!isHolder || !('~standard' in input)) return undefined;
  const standard = input['~standard'];
  if (typeof standard !== 'object' || standard === null) return undefined;
  const { version, validate } = standard as { version?: unknown; validate?: unknown };
  if (version !== 1 || typeof validate !== 'function') return undefined;
  return { validate: (value) => validate.call(standard, value), declared: validate };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : typeof error;
}

function cut(text: string): string {
  return text.length > REFUSAL_CHARS_MAX ? `${text.slice(0, REFUSAL_CHARS_MAX)}...` : text;
}
