/**
 * What travels over a control socket about maps. Keys and values are as `json-value.ts` writes
 * them. A watch is answered by several lines with one id, until the client hangs up or the map
 * ends:
 *
 *     {"id":3,"method":"mapPut","map":"prices","key":"tea","value":5,"ttlMs":60000}
 *     {"id":3,"result":null}
 *     {"id":4,"method":"mapWatch","map":"prices"}
 *     {"id":4,"event":{"type":"put","key":"tea","value":6}}
 *     {"id":4,"event":{"type":"remove","key":"tea"}}
 *     {"id":4,"result":null}
 */
import { encodeKey, type Key } from '../core/wire/key.ts';
import { MAP_NAME_BYTES_MAX, MAP_TTL_MS_MAX } from '../limits.ts';
import { invalid } from './control-fault.ts';
import { fromJson } from './json-value.ts';

/** What a client may ask about maps that the node hosts. */
export type MapQuery =
  | { readonly method: 'maps' }
  | { readonly method: 'mapGet'; readonly map: string; readonly key: Key }
  | {
      readonly method: 'mapPut';
      readonly map: string;
      readonly key: Key;
      readonly value: unknown;
      readonly ttlMs?: number | undefined;
    }
  | { readonly method: 'mapRemove'; readonly map: string; readonly key: Key }
  | { readonly method: 'mapWatch'; readonly map: string };

/** One entry of the answer to `maps`. */
export interface MapReport {
  readonly name: string;
  readonly entries: number;
  readonly persist: boolean;
  readonly handles: number;
}

/** The answer to `mapGet`; null when there is none. */
export type EntryReport = { readonly value: unknown } | null;

/** One event of a watch. */
export type MapEventReport =
  | { readonly type: 'put'; readonly key: unknown; readonly value: unknown }
  | { readonly type: 'remove'; readonly key: unknown }
  | { readonly type: 'lagged'; readonly dropped: number };

/** Undefined for other methods. @throws ERR_VALUE saying what is wrong. */
export function parseMapQuery(json: Readonly<Record<string, unknown>>): MapQuery | undefined {
  const { method } = json;
  switch (method) {
    case 'maps':
      return { method };
    case 'mapGet':
    case 'mapRemove':
      return { method, map: mapOf(json), key: keyOf(json) };
    case 'mapPut':
      return { method, map: mapOf(json), key: keyOf(json), ...putOf(json) };
    case 'mapWatch':
      return { method, map: mapOf(json) };
    default:
      return undefined;
  }
}

function mapOf({ map }: Readonly<Record<string, unknown>>): string {
  const isName = typeof map === 'string' && map !== '';
  if (isName && Buffer.byteLength(map) <= MAP_NAME_BYTES_MAX) return map;
  throw invalid('`map` must be the name of a map');
}

/** @throws ERR_VALUE for what is no key. */
export function keyOf({ key: json }: Readonly<Record<string, unknown>>): Key {
  if (json === undefined) throw invalid('`key` is missing');
  // Judged by the one who knows what a key is.
  const key = fromJson(json) as Key;
  encodeKey(key);
  return key;
}

function putOf(
  json: Readonly<Record<string, unknown>>,
): Pick<Extract<MapQuery, { method: 'mapPut' }>, 'value' | 'ttlMs'> {
  const { value, ttlMs } = json;
  if (value === undefined) throw invalid('`value` is missing');
  if (ttlMs !== undefined && !isTtl(ttlMs)) {
    throw invalid(`\`ttlMs\` must be an integer from 1 to ${MAP_TTL_MS_MAX}`);
  }
  return { value: fromJson(value), ttlMs };
}

function isTtl(input: unknown): input is number {
  return Number.isInteger(input) && Number(input) >= 1 && Number(input) <= MAP_TTL_MS_MAX;
}
