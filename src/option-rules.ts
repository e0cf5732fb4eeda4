/**
 * The rules of `NodeOptions`. Each fault names the option, its rule and the value received; all
 * faults are found at once, because an operator wants to fix a configuration in one go.
 */
import * as v from 'valibot';
import { isIpHost } from './core/ip-text.ts';
import { isAddress, isNodeName } from './core/names.ts';
import { isWeight } from './core/roster/entry.ts';
import { encodeValue } from './core/wire/value.ts';
import { isContact } from './discovery/discovery.ts';
import {
  ACTIVE_SIZE_DEFAULT,
  ACTIVE_SIZE_MAX,
  ADDRESSES_MAX,
  ARWL_DEFAULT,
  CLUSTER_NAME_BYTES_MAX,
  CONTACTS_MAX,
  DISCOVERIES_MAX,
  HEARTBEAT_MS_DEFAULT,
  LINKS_MAX,
  LISTEN_HOST_DEFAULT,
  MAPS_MAX,
  META_BYTES_MAX,
  PASSIVE_SIZE_DEFAULT,
  PASSIVE_SIZE_MAX,
  PRWL_DEFAULT,
  RING_SIZE_MAX,
  SECRET_BYTES_MAX,
  SECRET_BYTES_MIN,
  SECRET_CHARS_MIN,
  SHARD_WEIGHT_MAX,
  SHARD_WEIGHT_MIN,
  SUSPICION_MIN_MS_DEFAULT,
  WALK_HOPS_MAX,
  ZONE_BYTES_MAX,
} from './limits.ts';
import { isMapName, MAP_NAME_RULE } from './maps/map-name.ts';
import { MAP_OPTION_RULES } from './maps/map-options.ts';
import type { NodeOptions } from './options.ts';
import { AUTHORITY_RULES, authorityFault, TRUST_MODES } from './trust/trust-rules.ts';

const SHOWN_CHARS_MAX = 80;
const HOST_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;

/** One schema for each option; a rule reads as the end of "`option` must be ...". */
const rules = {
  name: text('name@host of 3 to 255 letters, digits and _ . -', isNodeName),
  cluster: boundedText(CLUSTER_NAME_BYTES_MAX),
  secret: value<string | Uint8Array>(
    `a string of at least ${SECRET_CHARS_MIN} characters or at least ${SECRET_BYTES_MIN} bytes,` +
      ` at most ${SECRET_BYTES_MAX} bytes`,
    isSecret,
  ),
  insecure: v.optional(v.boolean('true or false')),
  listen: group({
    host: text('an IP address or a host name', isListenHost),
    port: integer(0, 65_535),
  }),
  advertise: list([1, ADDRESSES_MAX], 'addresses host:port', isAddress),
  dataDir: text('the path of a directory', (path) => path !== '' && !path.includes('\0')),
  contacts: list(
    [0, CONTACTS_MAX],
    'contacts: host:port, name@host or name@host/host:port',
    isContact,
  ),
  discovery: v.optional(
    v.pipe(
      v.array(value('an object with a name and a resolve function', isDiscovery), 'a list'),
      v.maxLength(DISCOVERIES_MAX, `a list of at most ${DISCOVERIES_MAX}`),
    ),
  ),
  trust: v.optional(v.picklist(TRUST_MODES, "'tofu', 'strict' or 'authority'")),
  authority: v.optional(v.strictObject(AUTHORITY_RULES, 'an object of publicKey, certificate')),
  meta: value(`a plain object of plain data, at most ${META_BYTES_MAX} bytes encoded`, isMeta),
  zone: boundedText(ZONE_BYTES_MAX),
  membership: group({
    activeSize: integer(1, ACTIVE_SIZE_MAX),
    passiveSize: integer(1, PASSIVE_SIZE_MAX),
    arwl: integer(1, WALK_HOPS_MAX),
    prwl: integer(0, WALK_HOPS_MAX),
    shufflePeriodMs: integer(100, 600_000),
  }),
  liveness: group({
    heartbeatMs: integer(50, 60_000),
    suspicionMinMs: integer(50, 600_000),
    suspicionMaxMs: integer(50, 3_600_000),
  }),
  links: group({ idleMs: integer(1_000, 86_400_000), onDemandMax: integer(0, LINKS_MAX) }),
  dial: value('a function', (input) => typeof input === 'function'),
  shards: group({
    ringSize: integer(1, RING_SIZE_MAX),
    handOffMs: integer(0, 3_600_000),
    weight: value(`0, or a number from ${SHARD_WEIGHT_MIN} to ${SHARD_WEIGHT_MAX}`, isWeight),
  }),
  maps: mapsByName(),
  authorize: value('a function', (input) => typeof input === 'function'),
  paths: group({ auto: v.optional(v.boolean('true or false')) }),
  drainMs: integer(0, 3_600_000),
  logger: value('an object with the functions debug, info, warn and error', isLogger),
  signal: value('an AbortSignal', (signal) => signal instanceof AbortSignal),
} satisfies Record<keyof NodeOptions, unknown>;

const schema = v.strictObject(rules, 'an object');

/** A rule between the options `of`: it is not asked while one of them is wrong by itself. */
interface Relation {
  readonly of: readonly string[];
  readonly fault: (options: NodeOptions) => string | undefined;
}

const relations: readonly Relation[] = [
  { of: ['membership.activeSize', 'membership.passiveSize'], fault: viewSizesFault },
  { of: ['membership.arwl', 'membership.prwl'], fault: walkFault },
  { of: ['liveness.heartbeatMs', 'liveness.suspicionMinMs'], fault: heartbeatFault },
  { of: ['liveness.suspicionMinMs', 'liveness.suspicionMaxMs'], fault: suspicionFault },
  { of: ['trust', 'dataDir'], fault: strictFault },
  { of: ['trust', 'authority'], fault: authorityFault },
  { of: ['maps', 'dataDir'], fault: persistFault },
  { of: ['trust', 'listen.host', 'secret', 'insecure'], fault: secretFault },
];

/** One sentence for each fault; none when the options are fine. */
export function optionFaults(options: unknown): readonly string[] {
  const { success, issues = [] } = v.safeParse(schema, options, { abortPipeEarly: true });
  const faults = issues.map(fault);
  if (!success && typeof options !== 'object') return faults;
  const wrong = new Set(issues.map(pathOf));
  for (const { of, fault } of relations) {
    const isOpen = of.some((path) => wrong.has(path) || wrong.has(path.split('.')[0] ?? ''));
    const broken = isOpen ? undefined : fault((options ?? {}) as NodeOptions);
    if (broken !== undefined) faults.push(broken);
  }
  return faults;
}

function pathOf(issue: v.BaseIssue<unknown>): string {
  return v.getDotPath(issue) ?? 'options';
}

function fault(issue: v.BaseIssue<unknown>): string {
  const path = pathOf(issue);
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    return `\`${path}\` is not an option`;
  }
  const received = path === 'secret' ? measure(issue.input) : show(issue.input);
  return `\`${path}\` must be ${issue.message}, received ${received}`;
}

function viewSizesFault({ membership = {} }: NodeOptions): string | undefined {
  const { activeSize = ACTIVE_SIZE_DEFAULT, passiveSize = PASSIVE_SIZE_DEFAULT } = membership;
  if (passiveSize >= activeSize) return undefined;
  return (
    `\`membership.passiveSize\` must be at least \`membership.activeSize\` (${activeSize}),` +
    ` received ${passiveSize}`
  );
}

function walkFault({ membership = {} }: NodeOptions): string | undefined {
  const { arwl = ARWL_DEFAULT, prwl = PRWL_DEFAULT } = membership;
  if (prwl <= arwl) return undefined;
  return `\`membership.prwl\` must be at most \`membership.arwl\` (${arwl}), received ${prwl}`;
}

function heartbeatFault({ liveness = {} }: NodeOptions): string | undefined {
  const { heartbeatMs = HEARTBEAT_MS_DEFAULT, suspicionMinMs = heartbeatMs } = liveness;
  if (suspicionMinMs >= heartbeatMs) return undefined;
  return (
    `\`liveness.suspicionMinMs\` must be at least \`liveness.heartbeatMs\` (${heartbeatMs}),` +
    ` received ${suspicionMinMs}`
  );
}

function suspicionFault({ liveness = {} }: NodeOptions): string | undefined {
  const { suspicionMinMs = SUSPICION_MIN_MS_DEFAULT, suspicionMaxMs = suspicionMinMs } = liveness;
  if (suspicionMaxMs >= suspicionMinMs) return undefined;
  return (
    '`liveness.suspicionMaxMs` must be at least `liveness.suspicionMinMs`' +
    ` (${suspicionMinMs}), received ${suspicionMaxMs}`
  );
}

function strictFault({ trust, dataDir }: NodeOptions): string | undefined {
  if (trust === undefined || trust === 'tofu' || dataDir !== undefined) return undefined;
  const why = trust === 'strict' ? 'the pins are there' : 'the certified key is there';
  return `\`dataDir\` is required when \`trust\` is '${trust}' (${why}), received undefined`;
}

function persistFault({ maps = {}, dataDir }: NodeOptions): string | undefined {
  const kept = Object.keys(maps).filter((name) => maps[name]?.persist === true);
  if (dataDir !== undefined || kept.length === 0) return undefined;
  return `\`dataDir\` is required by \`maps.${kept[0]}.persist\`, received undefined`;
}

function secretFault({ trust, insecure, listen, secret }: NodeOptions): string | undefined {
  const host = listen?.host ?? LISTEN_HOST_DEFAULT;
  const isOpen = trust === undefined || trust === 'tofu';
  if (!isOpen || insecure === true || secret !== undefined || LOOPBACK.test(host)) {
    return undefined;
  }
  return (
    "`secret` is required when `listen.host` is not loopback and `trust` is 'tofu'," +
    ` unless \`insecure\` is true, received undefined with \`listen.host\` ${show(host)}`
  );
}

type Optional<T> = v.OptionalSchema<v.GenericSchema<T>, undefined>;

function value<T>(rule: string, holds: (input: unknown) => boolean): Optional<T> {
  return v.optional(v.custom<T>(holds, rule));
}

function text(rule: string, holds: (input: string) => boolean): Optional<string> {
  return value(rule, (input) => typeof input === 'string' && holds(input));
}

function boundedText(bytesMax: number): Optional<string> {
  const holds = (input: string): boolean => input !== '' && Buffer.byteLength(input) <= bytesMax;
  return text(`a string of 1 to ${bytesMax} bytes`, holds);
}

function integer(min: number, max: number): Optional<number> {
  const holds = (input: unknown): boolean =>
    Number.isInteger(input) && Number(input) >= min && Number(input) <= max;
  return value(`an integer from ${min} to ${max}`, holds);
}

function list(
  [countMin, countMax]: readonly [number, number],
  what: string,
  holds: (item: string) => boolean,
): Optional<readonly string[]> {
  const rule = `a list of ${countMin} to ${countMax} ${what}`;
  return value(rule, (input) => {
    if (!Array.isArray(input) || input.length < countMin || input.length > countMax) return false;
    return input.every((item) => typeof item === 'string' && holds(item));
  });
}

function group<const T extends v.ObjectEntries>(
  entries: T,
): v.OptionalSchema<v.StrictObjectSchema<T, string>, undefined> {
  return v.optional(v.strictObject(entries, `an object of ${Object.keys(entries).join(', ')}`));
}

function mapsByName(): Optional<unknown> {
  const { validator, persist, tombstoneTtlMs, pruneOnMemberDown } = MAP_OPTION_RULES;
  const options = v.strictObject(
    {
      validator: value(validator.rule, validator.holds),
      persist: value(persist.rule, persist.holds),
      tombstoneTtlMs: value(tombstoneTtlMs.rule, tombstoneTtlMs.holds),
      pruneOnMemberDown: value(pruneOnMemberDown.rule, pruneOnMemberDown.holds),
    },
    `an object of ${Object.keys(MAP_OPTION_RULES).join(', ')}`,
  );
  const name = v.custom<string>(isMapName, `a name of ${MAP_NAME_RULE}`);
  return v.optional(
    v.pipe(
      v.custom<object>(isPlainObject, 'a plain object of maps by name'),
      v.record(name, options),
      v.check((maps) => Object.keys(maps).length <= MAPS_MAX, `at most ${MAPS_MAX} maps`),
    ),
  );
}

function isListenHost(host: string): boolean {
  return HOST_NAME.test(host) || isIpHost(host.startsWith('[') ? host : `[${host}]`);
}

function isSecret(input: unknown): boolean {
  if (typeof input === 'string') {
    return input.length >= SECRET_CHARS_MIN && Buffer.byteLength(input) <= SECRET_BYTES_MAX;
  }
  const isBytes = input instanceof Uint8Array;
  return isBytes && input.length >= SECRET_BYTES_MIN && input.length <= SECRET_BYTES_MAX;
}

function isDiscovery(input: unknown): boolean {
  if (typeof input !== 'object' || input === null) return false;
  const { name, resolve } = input as { readonly name?: unknown; readonly resolve?: unknown };
  return typeof name === 'string' && typeof resolve === 'function';
}

function isPlainObject(input: unknown): boolean {
  if (typeof input !== 'object' || input === null) return false;
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === Object.prototype || prototype === null;
}

function isMeta(input: unknown): boolean {
  if (!isPlainObject(input)) return false;
  try {
    return encodeValue(input).byteLength <= META_BYTES_MAX;
  } catch {
    // ERR_VALUE: something in it cannot travel, which is what the rule says.
    return false;
  }
}

function isLogger(input: unknown): boolean {
  if (typeof input !== 'object' || input === null) return false;
  const logger = input as Readonly<Record<string, unknown>>;
  return ['debug', 'info', 'warn', 'error'].every((level) => typeof logger[level] === 'function');
}

/** A value as a person would write it, short; never throws. */
function show(input: unknown): string {
  if (typeof input === 'bigint') return `${input}n`;
  if (typeof input === 'function') return 'a function';
  if (typeof input !== 'object' || input === null) return shorten(literal(input));
  if (Array.isArray(input)) return shorten(`[${input.slice(0, 10).map(show).join(', ')}]`);
  const name: unknown = input.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a ${name}` : shorten(keys(input));
}

function literal(input: unknown): string {
  return typeof input === 'string' ? JSON.stringify(input) : String(input);
}

function keys(input: object): string {
  return `an object of ${Object.keys(input).join(', ') || 'nothing'}`;
}

function shorten(shown: string): string {
  return shown.length > SHOWN_CHARS_MAX ? `${shown.slice(0, SHOWN_CHARS_MAX)}...` : shown;
}

/** A secret is never printed, not even a wrong one. */
function measure(input: unknown): string {
  if (typeof input === 'string') return `a string of ${input.length} characters`;
  if (input instanceof Uint8Array) return `${input.length} bytes`;
  return `a ${input === null ? 'null' : typeof input}`;
}
