/**
 * Variable-length integers of QUIC (RFC 9000, section 16): the two high bits of the first byte
 * give the length, 1, 2, 4 or 8 bytes. Deviation: values above 2^53 - 1 and longer forms than
 * needed are refused, so that each number has one form and is exact in JavaScript.
 */
import { WireError } from './wire-error.ts';

/** Bytes that `value` takes: 1, 2, 4 or 8. @throws RangeError unless it is a safe integer >= 0. */
export function varintLength(value: number): 1 | 2 | 4 | 8 {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a varint: ${value}`);
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  return value < 0x4000_0000 ? 4 : 8;
}

/** Writes `value` at `at` and returns where it ends. The caller has made the room. */
export function writeVarint(value: number, out: Uint8Array, at: number): number {
  const length = varintLength(value);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    out[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  out[at] = (out[at] ?? 0) | PREFIX[length];
  return at + length;
}

export function encodeVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value));
  writeVarint(value, bytes, 0);
  return bytes;
}

/** Length, 1, 2, 4 or 8, of the varint that begins with this byte. */
export function varintLengthFrom(firstByte: number): number {
  return 1 << (firstByte >> 6);
}

/** Reads the varint at `at`. @throws WireError when it is cut, too long a form or not safe. */
export function readVarint(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === undefined) throw new WireError('varint is cut');
  if (first < 0x40) return first;
  const length = varintLengthFrom(first);
  if (at + length > bytes.length) throw new WireError('varint is cut');
  let value = first & 0x3f;
  for (let i = 1; i < length; i++) value = value * 256 + (bytes[at + i] ?? 0);
  if (value > Number.MAX_SAFE_INTEGER) throw new WireError('varint above 2^53 - 1');
  if (value < SMALLEST[length === 2 ? 0 : length === 4 ? 1 : 2]) {
    throw new WireError('varint in a longer form than needed');
  }
  return value;
}

/** Reads a varint that fills `bytes`. @throws WireError as `readVarint`, or when bytes follow. */
export function decodeVarint(bytes: Uint8Array): number {
  const value = readVarint(bytes, 0);
  if (varintLengthFrom(bytes[0] ?? 0) !== bytes.length) throw new WireError('bytes after a varint');
  return value;
}

const PREFIX = { 1: 0, 2: 0x40, 4: 0x80, 8: 0xc0 } as const;
/** Smallest values that need 2, 4 and 8 bytes. */
const SMALLEST = [0x40, 0x4000, 0x4000_0000] as const;
