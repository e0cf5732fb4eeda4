/**
 * Values of the wire as JSON, for people and scripts that talk to a node through its control
 * socket. What JSON has stands for itself; the rest is an object with one key that names the type:
 *
 *     bigint      {"$bigint": "12"}              Date    {"$date": "2026-01-31T12:00:00.000Z"}
 *     Uint8Array  {"$bytes": "<base64>"}         Map     {"$map": [[key, value], ...]}
 *     Pid         {"$pid": "name@host/1.2"}      Set     {"$set": [item, ...]}
 *     undefined   {"$undefined": true}           NaN, Infinity, -Infinity, -0  {"$number": "NaN"}
 *
 * An object of the user that has one key which starts with `$` is wrapped: {"$object": {...}}.
 */
import { isPid, parsePid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import { VALUE_DEPTH_MAX } from '../limits.ts';

const NUMBERS = ['NaN', 'Infinity', '-Infinity', '-0'];

/**
 * A value of the wire as plain JSON.
 * @throws ERR_VALUE for anything that is no value, and over depth 64.
 */
export function toJson(value: unknown, depth = 0): unknown {
  if (depth > VALUE_DEPTH_MAX) throw new BarrelError('ERR_VALUE', 'value is nested too deeply');
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: numberText(value) };
    case 'bigint':
      return { $bigint: value.toString() };
    case 'undefined':
      return { $undefined: true };
    case 'object':
      return value === null ? null : objectToJson(value, depth);
    default:
      throw new BarrelError('ERR_VALUE', `a ${typeof value} has no form in JSON`);
  }
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function objectToJson(value: object, depth: number): unknown {
  const inner = (item: unknown): unknown => toJson(item, depth + 1);
  if (Array.isArray(value)) return value.map(inner);
  if (isPid(value)) return { $pid: value.toString() };
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (value instanceof Set) return { $set: [...value].map(inner) };
  if (value instanceof Map) return { $map: [...value].map((entry) => entry.map(inner)) };
  const plain = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item)]));
  return tagOf(plain) === undefined ? plain : { $object: plain };
}

/** The one key of an object, when it starts with `$`. */
function tagOf(object: object): string | undefined {
  const [key, ...others] = Object.keys(object);
  return others.length === 0 && key?.startsWith('$') ? key : undefined;
}

/**
 * The value of the wire that a parsed JSON text stands for.
 * @throws ERR_VALUE for an unknown or wrong tag, and over depth 64.
 */
export function fromJson(json: unknown, depth = 0): unknown {
  if (depth > VALUE_DEPTH_MAX) throw new BarrelError('ERR_VALUE', 'value is nested too deeply');
  if (typeof json !== 'object' || json === null) return json;
  const inner = (item: unknown): unknown => fromJson(item, depth + 1);
  if (Array.isArray(json)) return json.map(inner);
  const tag = tagOf(json);
  if (tag === undefined) return plainFromJson(json, inner);
  return fromTag(tag, Object.values(json)[0], inner);
}

function plainFromJson(json: object, inner: (item: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, inner(item)]));
}

function fromTag(tag: string, content: unknown, inner: (item: unknown) => unknown): unknown {
  if (Array.isArray(content)) {
    if (tag === '$set') return new Set(content.map(inner));
    if (tag === '$map' && content.every(isPair)) {
      return new Map(content.map(([key, item]) => [inner(key), inner(item)]));
    }
  }
  if (typeof content === 'object' && content !== null && tag === '$object') {
    return plainFromJson(content, inner);
  }
  if (tag === '$undefined' && content === true) return undefined;
  if (typeof content === 'string') return fromText(tag, content);
  throw wrongTag(tag, content);
}

function isPair(item: unknown): item is readonly [unknown, unknown] {
  return Array.isArray(item) && item.length === 2;
}

function fromText(tag: string, text: string): unknown {
  if (tag === '$pid') return parsePid(text);
  if (tag === '$bigint' && /^-?\d{1,400}$/.test(text)) return BigInt(text);
  if (tag === '$bytes' && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    return new Uint8Array(Buffer.from(text, 'base64'));
  }
  if (tag === '$number' && NUMBERS.includes(text)) return Number(text);
  if (tag === '$date' && !Number.isNaN(Date.parse(text))) return new Date(text);
  throw wrongTag(tag, text);
}

function wrongTag(tag: string, content: unknown): BarrelError {
  const shown = (JSON.stringify(content) ?? 'nothing').slice(0, 80);
  return new BarrelError('ERR_VALUE', `${JSON.stringify(tag)} cannot hold ${shown}`);
}
