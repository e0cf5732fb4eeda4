/** Keys of maps as the store has them: their bytes, in a string of one character for each. */
import { decodeKey, encodeKey, type Key } from '../core/wire/key.ts';

/** @throws ERR_VALUE for what is no key. */
export function keyText(key: Key): string {
  // At most 1,024 bytes, which is well within what a call may have as arguments.
  return String.fromCharCode(...encodeKey(key));
}

/** @throws WireError for what another node wrote and is no key. */
export function keyOfText(text: string): Key {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return decodeKey(bytes);
}
