/**
 * Property names repeat from value to value. Read from their bytes anew each time, V8 has to look
 * each up among all names it knows, which costs more than the rest of an object; so the last ones
 * are kept as the strings that V8 knows already.
 */

const SLOTS = 512;
export const CACHED_NAME_BYTES_MAX = 24;

const slots: string[] = new Array<string>(SLOTS).fill('');

/** The cached ASCII text of these bytes; undefined when it is not there. `length` is not 0. */
export function cachedName(bytes: Uint8Array, start: number, length: number): string | undefined {
  const name = slots[slotOf(bytes, start, length)] ?? '';
  if (name.length !== length) return undefined;
  for (let i = 0; i < length; i++) if (name.charCodeAt(i) !== bytes[start + i]) return undefined;
  return name;
}

/** Keeps the text of these bytes, in place of another. */
export function cacheName(bytes: Uint8Array, start: number, name: string): void {
  // A key that went through an object is V8's own copy of the name.
  slots[slotOf(bytes, start, name.length)] = Object.keys({ [name]: 0 })[0] ?? '';
}

function slotOf(bytes: Uint8Array, start: number, length: number): number {
  const first = bytes[start] ?? 0;
  const middle = bytes[start + (length >> 1)] ?? 0;
  const last = bytes[start + length - 1] ?? 0;
  return (first + middle * 7 + last * 31 + length * 113) % SLOTS;
}
