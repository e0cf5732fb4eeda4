/** The rules of names of elections and of `CampaignOptions`; all faults are found at once. */
import { isPid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import { ELECTION_NAME_BYTES_MAX, ELECTION_PRIORITY_MAX, ROSTER_ENTRIES_MAX } from '../limits.ts';
import type { CampaignOptions } from './leaders.ts';
import { isQuorum, QUORUM_RULE } from './quorum.ts';

/** Names that begin so are of this package. */
const RESERVED = 'barrel:';
/** Control characters, and halves of surrogate pairs, which no encoding keeps. */
const FORBIDDEN = /[\p{Cc}\p{Surrogate}]/u;
const SHOWN_CHARS_MAX = 80;

interface OptionRule {
  readonly rule: string;
  readonly holds: (input: unknown) => boolean;
}

/** A rule reads as the end of "`option` must be ...". */
const RULES: Readonly<Record<keyof CampaignOptions, OptionRule>> = {
  priority: {
    rule: `an integer from -${ELECTION_PRIORITY_MAX} to ${ELECTION_PRIORITY_MAX}`,
    holds: (input) => isInteger(input, -ELECTION_PRIORITY_MAX, ELECTION_PRIORITY_MAX),
  },
  sticky: { rule: 'true or false', holds: (input) => typeof input === 'boolean' },
  minMembers: {
    rule: `an integer from 1 to ${ROSTER_ENTRIES_MAX}`,
    holds: (input) => isInteger(input, 1, ROSTER_ENTRIES_MAX),
  },
  pid: { rule: 'a pid', holds: isPid },
  quorum: { rule: QUORUM_RULE, holds: isQuorum },
  signal: { rule: 'an AbortSignal', holds: (input) => input instanceof AbortSignal },
};

/** @throws ERR_OPTION when a user may not take the name. */
export function checkElectionName(name: unknown): void {
  const isFine =
    typeof name === 'string' &&
    name !== '' &&
    !name.startsWith(RESERVED) &&
    !FORBIDDEN.test(name) &&
    new TextEncoder().encode(name).length <= ELECTION_NAME_BYTES_MAX;
  if (isFine) return;
  const rule =
    `1 to ${ELECTION_NAME_BYTES_MAX} bytes without control characters,` +
    ` and does not begin with ${JSON.stringify(RESERVED)}`;
  throw new BarrelError('ERR_OPTION', `the name of an election has ${rule}: ${show(name)}`);
}

/** @throws ERR_OPTION naming every fault. */
export function checkCampaignOptions(options: unknown): void {
  const faults = [...faultsOf(options)];
  if (faults.length > 0) throw new BarrelError('ERR_OPTION', faults.join('; '));
}

function* faultsOf(options: unknown): Iterable<string> {
  if (typeof options !== 'object' || options === null) {
    yield `the options must be an object, received ${show(options)}`;
    return;
  }
  const rules: Readonly<Record<string, OptionRule | undefined>> = RULES;
  for (const [option, given] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined;
    if (rule === undefined) yield `\`${option}\` is not an option`;
    else if (given !== undefined && !rule.holds(given)) {
      yield `\`${option}\` must be ${rule.rule}, received ${show(given)}`;
    }
  }
}

function isInteger(input: unknown, least: number, most: number): boolean {
  return Number.isInteger(input) && Number(input) >= least && Number(input) <= most;
}

function show(input: unknown): string {
  if (typeof input === 'string') return JSON.stringify(input.slice(0, SHOWN_CHARS_MAX));
  const isPlain = typeof input === 'number' || typeof input === 'boolean' || input === null;
  return isPlain ? String(input) : `a ${typeof input}`;
}
