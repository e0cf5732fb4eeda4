/** Beginnings of keys that are arrays, compared by bytes: a key is never decoded for it. */
import { keyTextOf } from '../core/schedule/reminder-id.ts';
import { PREFIX_BYTES_MAX } from '../core/schedule/schedule-limits.ts';
import type { Key } from '../core/wire/key.ts';
import { BarrelError } from '../errors.ts';

const SHORT_ARRAY = 0x90;
const SHORT_ARRAY_MAX = 0x9f;
const LONG_ARRAY = 0xdc;
const LONG_HEADER = 3;
const EMPTY: KeyPrefix = { count: 0, items: '' };

/** Compared as they are: the first items of a key. Undefined stands for every key. */
export interface KeyPrefix {
  readonly count: number;
  /** The bytes of the items, one after the other. */
  readonly items: string;
}

/** @throws ERR_OPTION unless it is an array, ERR_VALUE for what is no key, or above 512 bytes. */
export function keyPrefix(prefix: readonly Key[]): KeyPrefix {
  if (Array.isArray(prefix)) {
    const keyText = keyTextOf(prefix);
    if (keyText.length <= PREFIX_BYTES_MAX) return prefixOfText(keyText) ?? EMPTY;
    const text = `a prefix has at most ${PREFIX_BYTES_MAX} bytes, not ${keyText.length}`;
    throw new BarrelError('ERR_VALUE', text);
  }
  throw new BarrelError('ERR_OPTION', `\`prefix\` must be an array, received ${typeof prefix}`);
}

/** Of the canonical bytes of a key; undefined for one that is no array. */
export function prefixOfText(keyText: string): KeyPrefix | undefined {
  const first = keyText.charCodeAt(0);
  if (first >= SHORT_ARRAY && first <= SHORT_ARRAY_MAX) {
    return { count: first - SHORT_ARRAY, items: keyText.slice(1) };
  }
  if (first !== LONG_ARRAY) return undefined;
  const count = keyText.charCodeAt(1) * 256 + keyText.charCodeAt(2);
  return { count, items: keyText.slice(LONG_HEADER) };
}

/** Items say where they end, so that equal bytes are equal items. */
export function startsWith(keyText: string, prefix: KeyPrefix | undefined): boolean {
  if (prefix === undefined) return true;
  const first = keyText.charCodeAt(0);
  if (first >= SHORT_ARRAY && first <= SHORT_ARRAY_MAX) {
    return first - SHORT_ARRAY >= prefix.count && keyText.startsWith(prefix.items, 1);
  }
  return first === LONG_ARRAY && keyText.startsWith(prefix.items, LONG_HEADER);
}
