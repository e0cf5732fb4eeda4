/**
 * What travels over a control socket about reminders. Keys and payloads are as `json-value.ts`
 * writes them, options as `ReminderOptions` has them, times in milliseconds since 1970. What was
 * set is answered with the reminder as it stands then, or null when it has fired already. A list
 * is answered by an event for each reminder:
 *
 *     {"id":9,"method":"remindAfter","key":"tea","delayMs":240000,"payload":"hot","options":{}}
 *     {"id":9,"result":{"key":"tea","dueAt":"2026-01-31T12:04:00.000Z","state":"scheduled", ...}}
 *     {"id":10,"method":"remindList","prefix":["invoice"],"state":"dead","limit":1000}
 *     {"id":10,"event":{"key":["invoice",7],"state":"dead","attempt":5,"error":"no paper", ...}}
 *     {"id":10,"result":null}
 */
import type { BarrelNode } from '../barrel-node.ts';
import type { Key } from '../core/wire/key.ts';
import { invalid } from './control-fault.ts';
import { fromJson } from './json-value.ts';
import { keyOf } from './map-queries.ts';

export type Reminders = BarrelNode['reminders'];
export type ReminderOptions = NonNullable<Parameters<Reminders['set']>[3]>;
type Repetition = Parameters<Reminders['every']>[1];
type Listing = NonNullable<Parameters<Reminders['list']>[0]>;

/** What every reminder that is set has. */
export interface ReminderWords {
  readonly key: Key;
  readonly payload: unknown;
  /** Judged by the node. */
  readonly options?: Omit<ReminderOptions, 'signal'> | undefined;
}

/** Which reminders are listed. */
export interface ReminderListing extends Pick<Listing, 'prefix' | 'state'> {
  /** How many at most; undefined: all. */
  readonly limit?: number | undefined;
}

/** What a client may ask about the reminders of the cluster. */
export type ReminderQuery =
  | (ReminderWords & { readonly method: 'remindSet'; readonly atMs: number })
  | (ReminderWords & { readonly method: 'remindAfter'; readonly delayMs: number })
  | (ReminderWords & { readonly method: 'remindEvery'; readonly schedule: Repetition })
  | { readonly method: 'remindCancel'; readonly key: Key }
  | { readonly method: 'remindRetry'; readonly key: Key }
  | (ReminderListing & { readonly method: 'remindList' });

/** A reminder as it is listed. */
export interface ReminderReport {
  readonly key: unknown;
  /** As ISO 8601 has it, in UTC. */
  readonly dueAt: string;
  readonly payload: unknown;
  readonly state: 'scheduled' | 'claimed' | 'dead';
  /** Attempts so far. */
  readonly attempt: number;
  /** Why the last one failed. */
  readonly error: string | null;
}

const STATES: readonly unknown[] = ['scheduled', 'claimed', 'dead'] satisfies readonly NonNullable<
  ReminderListing['state']
>[];
const LIMIT_MAX = 1_000_000_000;

type Json = Readonly<Record<string, unknown>>;

/** Undefined for other methods. @throws ERR_VALUE saying what is wrong. */
export function parseReminderQuery(json: Json): ReminderQuery | undefined {
  const { method } = json;
  switch (method) {
    case 'remindSet':
      return { method, ...wordsOf(json), atMs: numberOf(json, 'atMs') };
    case 'remindAfter':
      return { method, ...wordsOf(json), delayMs: numberOf(json, 'delayMs') };
    case 'remindEvery':
      return { method, ...wordsOf(json), schedule: scheduleOf(json) };
    case 'remindCancel':
    case 'remindRetry':
      return { method, key: keyOf(json) };
    case 'remindList':
      return { method, ...listingOf(json) };
    default:
      return undefined;
  }
}

function wordsOf(json: Json): ReminderWords {
  const { payload, options = {} } = json;
  if (payload === undefined) throw invalid('`payload` is missing');
  if (!isObject(options)) throw invalid('`options` must be an object');
  // A signal cannot travel: the client's going is the signal.
  if ('signal' in options) throw invalid('`signal` is not an option here');
  return { key: keyOf(json), payload: fromJson(payload), options };
}

/** The node judges its range. */
function numberOf(json: Json, name: 'atMs' | 'delayMs'): number {
  const { [name]: number } = json;
  if (typeof number === 'number') return number;
  throw invalid(`\`${name}\` must be a number`);
}

/** The node judges what is in it. */
function scheduleOf({ schedule }: Json): Repetition {
  const isOne = isObject(schedule) && ('everyMs' in schedule || 'cron' in schedule);
  if (isOne) return schedule as Repetition;
  throw invalid('`schedule` must be { everyMs } or { cron, timeZone }');
}

function listingOf({ prefix, state, limit }: Json): ReminderListing {
  if (state !== undefined && !STATES.includes(state)) {
    throw invalid(`\`state\` must be one of ${STATES.join(', ')}`);
  }
  if (limit !== undefined && !isLimit(limit)) {
    throw invalid(`\`limit\` must be an integer from 1 to ${LIMIT_MAX}`);
  }
  return { prefix: prefixOf(prefix), state: state as ReminderListing['state'], limit };
}

/** A list of keys is a key. */
function prefixOf(json: unknown): readonly Key[] | undefined {
  if (json === undefined) return undefined;
  if (!Array.isArray(json)) throw invalid('`prefix` must be a list of keys');
  return keyOf({ key: json }) as readonly Key[];
}

function isObject(input: unknown): input is Json {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

function isLimit(input: unknown): input is number {
  return Number.isInteger(input) && Number(input) >= 1 && Number(input) <= LIMIT_MAX;
}
