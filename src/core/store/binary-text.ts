/** Bytes as strings of one character (0 to 255) for each: as such they are keys of a `Map`. */

/** Characters that one call of `fromCharCode` takes. */
const PIECE = 4_096;

/** The bytes of a binary string; characters above 255 are cut to their low byte. */
export function bytesOfText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function textOfBytes(bytes: Uint8Array): string {
  if (bytes.length <= PIECE) return textOfPiece(bytes);
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += textOfPiece(bytes.subarray(at, at + PIECE));
  }
  return text;
}

/** A spread goes through an iterator, which takes four times as long. */
function textOfPiece(bytes: Uint8Array): string {
  return Reflect.apply(String.fromCharCode, undefined, bytes);
}

/** True when each character stands for a byte. */
export function isBinaryText(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 255) return false;
  return true;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text in UTF-8, as a binary string. */
export function encodeText(text: string): string {
  return textOfBytes(encoder.encode(text));
}

/** The text whose UTF-8 that is; what is none becomes U+FFFD. */
export function decodeText(binary: string): string {
  return decoder.decode(bytesOfText(binary));
}
