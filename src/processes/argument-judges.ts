/** Judges of the argument lists of methods, made of the schemas that a user gives. */
import { BarrelError } from '../errors.ts';
import { ERROR_NAME_CHARS_MAX } from '../limits.ts';
import { guarded, isAsyncSchema, type Judge, judgeOfSchema } from '../standard-schema.ts';
import type { CallFailure } from './call-failure.ts';
import type { Method } from './methods.ts';
import type { ServeOptions, Value } from './processes.ts';

export type ArgumentJudges = ReadonlyMap<string, Judge>;

/**
 * By the name of the method; undefined when there are none.
 * @throws ERR_OPTION for a method that cannot be reached, for what is no schema, and for a schema
 * that says that it is asynchronous.
 */
export function argumentJudges(
  validate: ServeOptions['validate'],
  methods: ReadonlyMap<string, Method>,
): ArgumentJudges | undefined {
  if (validate === undefined) return undefined;
  if (typeof validate !== 'object' || validate === null) {
    throw new BarrelError('ERR_OPTION', 'validate must be an object of schemas by method');
  }
  const entries = Object.entries(validate).map(([name, schema]): [string, Judge] => {
    if (!methods.has(name)) throw optionError(name, 'there is no such method to call');
    return [name, judgeOfArguments(name, schema)];
  });
  return entries.length === 0 ? undefined : new Map(entries);
}

/**
 * Undefined when the arguments are fine.
 * @throws ERR_OPTION when the schema turns out to be asynchronous.
 */
export function argumentFault(
  judge: Judge,
  name: string,
  args: readonly Value[],
): CallFailure | undefined {
  const verdict = judge(args);
  switch (verdict.kind) {
    case 'accepted':
      return undefined;
    case 'asynchronous':
      throw optionError(name, 'the schema must not be asynchronous');
    default:
      return { kind: 'invalid', why: `the arguments of ${quoted(name)}: ${verdict.why}` };
  }
}

function judgeOfArguments(name: string, schema: unknown): Judge {
  const judge = judgeOfSchema(schema);
  if (judge === undefined) throw optionError(name, 'not a Standard Schema, version 1');
  if (isAsyncSchema(schema)) throw optionError(name, 'the schema must not be asynchronous');
  return guarded(judge);
}

function optionError(name: string, why: string): BarrelError {
  return new BarrelError('ERR_OPTION', `validate ${quoted(name)}: ${why}`);
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, ERROR_NAME_CHARS_MAX));
}
