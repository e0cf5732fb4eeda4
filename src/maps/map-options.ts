/** The rules of `MapOptions` and `PutOptions`, their defaults, and what they mean for the store. */
import type { StoreOptions } from '../cluster/ports.ts';
import { BarrelError } from '../errors.ts';
import {
  MAP_TOMBSTONE_TTL_MS_DEFAULT,
  MAP_TOMBSTONE_TTL_MS_MAX,
  MAP_TTL_MS_MAX,
} from '../limits.ts';
import type { MapOptions } from './maps.ts';
import { isValidator } from './validator.ts';

export type Validator = MapOptions<unknown>['validator'];

/** Complete and judged. */
export interface ResolvedMapOptions {
  readonly validator: Validator;
  readonly persist: boolean;
  readonly tombstoneTtlMs: number;
  readonly pruneOnMemberDown: boolean;
}

interface OptionRule {
  readonly rule: string;
  readonly holds: (input: unknown) => boolean;
}

const FLAG: OptionRule = { rule: 'true or false', holds: (input) => typeof input === 'boolean' };

/** A rule reads as the end of "`option` must be ...". */
export const MAP_OPTION_RULES: Readonly<Record<keyof MapOptions<unknown>, OptionRule>> = {
  validator: { rule: 'a function or a Standard Schema, version 1', holds: isValidator },
  persist: FLAG,
  tombstoneTtlMs: {
    rule: `an integer from 1 to ${MAP_TOMBSTONE_TTL_MS_MAX}`,
    holds: (input) => isWholeNumber(input, MAP_TOMBSTONE_TTL_MS_MAX),
  },
  pruneOnMemberDown: FLAG,
};

/** @throws ERR_OPTION naming every fault of the options of map `name`. */
export function checkMapOptions(name: string, options: unknown, hasDataDir: boolean): void {
  checkIsObject(name, options);
  const faults = [...faultsOf(options)];
  if (faults.length === 0 && !hasDataDir && (options as MapOptions<unknown>).persist === true) {
    faults.push('`persist` needs the node to have a `dataDir`');
  }
  if (faults.length > 0) throw optionError(name, faults);
}

/** Also of options that go with a signal. @throws ERR_OPTION */
export function checkIsObject(name: string, options: unknown): asserts options is object {
  if (typeof options === 'object' && options !== null) return;
  throw optionError(name, [`the options must be an object, received ${show(options)}`]);
}

function* faultsOf(options: object): Iterable<string> {
  const rules: Readonly<Record<string, OptionRule | undefined>> = MAP_OPTION_RULES;
  for (const [option, given] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined;
    if (rule === undefined) yield `\`${option}\` is not an option`;
    else if (given !== undefined && !rule.holds(given)) {
      yield `\`${option}\` must be ${rule.rule}, received ${show(given)}`;
    }
  }
}

export function resolveMapOptions(options: MapOptions<unknown>): ResolvedMapOptions {
  return {
    validator: options.validator,
    persist: options.persist ?? false,
    tombstoneTtlMs: options.tombstoneTtlMs ?? MAP_TOMBSTONE_TTL_MS_DEFAULT,
    pruneOnMemberDown: options.pruneOnMemberDown ?? false,
  };
}

/** @throws ERR_OPTION when a given option is other than that of the map as it is open. */
export function checkAgreement(
  name: string,
  given: MapOptions<unknown>,
  current: ResolvedMapOptions,
): void {
  const faults: string[] = [];
  for (const option of ['persist', 'tombstoneTtlMs', 'pruneOnMemberDown'] as const) {
    const wanted = given[option];
    if (wanted === undefined || wanted === current[option]) continue;
    faults.push(`it is open here with \`${option}\` ${current[option]}, not ${wanted}`);
  }
  if (given.validator !== undefined && given.validator !== current.validator) {
    const has = current.validator === undefined ? 'without a' : 'with another';
    faults.push(`it is open here ${has} \`validator\``);
  }
  if (faults.length > 0) throw optionError(name, faults);
}

/** What ends with its writers is not worth a disk. */
export function isKept({ persist, pruneOnMemberDown }: ResolvedMapOptions): boolean {
  return persist && !pruneOnMemberDown;
}

export function storeOptionsOf(options: ResolvedMapOptions): StoreOptions {
  return {
    persist: options.persist,
    tombstoneTtlMs: options.tombstoneTtlMs,
    ownership: 'anyone',
    lifetime: options.pruneOnMemberDown ? 'writer' : 'own',
  };
}

/** @throws ERR_OPTION */
export function checkTtl(ttlMs: number | undefined): void {
  if (ttlMs === undefined || isWholeNumber(ttlMs, MAP_TTL_MS_MAX)) return;
  const rule = `an integer from 1 to ${MAP_TTL_MS_MAX}`;
  throw new BarrelError('ERR_OPTION', `\`ttlMs\` must be ${rule}, received ${show(ttlMs)}`);
}

function isWholeNumber(input: unknown, max: number): boolean {
  return Number.isInteger(input) && Number(input) >= 1 && Number(input) <= max;
}

function optionError(name: string, faults: readonly string[]): BarrelError {
  return new BarrelError('ERR_OPTION', `map ${JSON.stringify(name)}: ${faults.join('; ')}`);
}

function show(input: unknown): string {
  if (typeof input === 'string') return JSON.stringify(input.slice(0, 64));
  const isPlain = typeof input === 'number' || typeof input === 'boolean' || input === null;
  return isPlain ? String(input) : `a ${typeof input}`;
}
