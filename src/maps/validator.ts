/** Validators of a map's values: a function of the user, or a Standard Schema. */
import {
  ACCEPTED,
  asynchronous,
  guarded,
  isPromise,
  isStandardSchema,
  type Judge,
  judgeOfSchema,
  type Verdict,
} from '../standard-schema.ts';
import type { MapOptions } from './maps.ts';

export function isValidator(input: unknown): boolean {
  // Some libraries' schemas are functions, too.
  return typeof input === 'function' || isStandardSchema(input);
}

/** Never throws: what a validator throws is a refusal. Undefined without a validator. */
export function judgeOf(validator: MapOptions<unknown>['validator']): Judge | undefined {
  const judge = judgeOfSchema(validator) ?? judgeOfFunction(validator);
  return judge && guarded(judge);
}

function judgeOfFunction(validator: MapOptions<unknown>['validator']): Judge | undefined {
  if (typeof validator !== 'function') return undefined;
  return (value) => verdictOfFunction(validator(value));
}

function verdictOfFunction(answer: unknown): Verdict {
  if (answer === true) return ACCEPTED;
  return isPromise(answer) ? asynchronous(answer) : { kind: 'refused', why: 'not valid' };
}
