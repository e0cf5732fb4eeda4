/**
 * A cursor over bytes from outside: each step checks that the bytes are there, that the form is
 * the one `ByteOutput` writes, and throws `WireError` otherwise. It allocates nothing that the
 * bytes at hand do not pay for.
 */
import { BIGINT_BYTES_MAX } from '../../limits.ts';
import { isPidParts, type Pid, pidOf } from '../pid.ts';
import * as format from './formats.ts';
import { CACHED_NAME_BYTES_MAX, cachedName, cacheName } from './name-cache.ts';
import { cachedPid, cachePid } from './pid-cache.ts';
import { readVarint, varintLengthFrom } from './varint.ts';
import { WireError } from './wire-error.ts';

/** Up to this length a loop over the bytes is faster than the call of the decoder. */
const LOOP_BYTES_MAX = 16;
const DATE_MS_MAX = 8_640_000_000_000_000;
const SAFE_HIGH_MAX = 0x1f_ffff;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const scratch = new DataView(new ArrayBuffer(8));

export class ByteInput {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes read so far. */
  get at(): number {
    return this.#at;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new WireError('cut short');
    this.#at++;
    return byte;
  }

  /** The unsigned integer behind `tag`; undefined when `tag` begins something else. */
  unsigned(tag: number): number | undefined {
    if (tag < 0x80) return tag;
    switch (tag) {
      case format.UINT8:
        return atLeast(0x80, this.byte());
      case format.UINT16:
        return atLeast(0x100, this.#uint16());
      case format.UINT32:
        return atLeast(0x1_0000, this.#uint32());
      case format.UINT64:
        return this.#unsigned64();
      default:
        return undefined;
    }
  }

  /** The negative integer behind `tag`; undefined when `tag` begins something else. */
  negative(tag: number): number | undefined {
    if (tag >= 0xe0) return tag - 0x100;
    switch (tag) {
      case format.INT8:
        return below(-0x20, (this.byte() << 24) >> 24);
      case format.INT16:
        return below(-0x80, (this.#uint16() << 16) >> 16);
      case format.INT32:
        return below(-0x8000, this.#uint32() | 0);
      case format.INT64:
        return this.#negative64();
      default:
        return undefined;
    }
  }

  /** Behind its tag. */
  float(): number {
    this.#fill();
    const n = scratch.getFloat64(0);
    if (Number.isSafeInteger(n) && (n !== 0 || 1 / n > 0)) throw new WireError('integer as float');
    if (Number.isNaN(n) && scratch.getBigUint64(0) !== 0x7ff8_0000_0000_0000n) {
      throw new WireError('another NaN');
    }
    return n;
  }

  /** Behind its tag. */
  uint64(): bigint {
    this.#fill();
    return scratch.getBigUint64(0);
  }

  /** Bytes of the string that `tag` begins; undefined when `tag` begins something else. */
  stringLength(tag: number): number | undefined {
    if (tag >= format.FIXSTR && tag < format.NIL) return tag & 0x1f;
    const length = this.#sized(tag, format.STR8);
    return length === undefined ? undefined : atLeast(32, length);
  }

  bytesLength(tag: number): number | undefined {
    return this.#sized(tag, format.BIN8);
  }

  arrayCount(tag: number): number | undefined {
    if (tag >= format.FIXARRAY && tag < format.FIXSTR) return tag & 0x0f;
    return this.#counted(tag, format.ARRAY16, 16);
  }

  mapCount(tag: number): number | undefined {
    if (tag >= format.FIXMAP && tag < format.FIXARRAY) return tag & 0x0f;
    return this.#counted(tag, format.MAP16, 16);
  }

  /**
   * Body length of the extension that `tag` begins; its type byte is next. `EXT32` is the one form
   * of some types and may announce little.
   */
  extensionLength(tag: number): number | undefined {
    if (tag === format.EXT32) return this.#uint32();
    return this.#sized(tag, format.EXT8);
  }

  /** `length` bytes of UTF-8. */
  text(length: number): string {
    const start = this.#advance(length);
    if (length <= LOOP_BYTES_MAX) {
      const text = ascii(this.#bytes, start, start + length);
      if (text !== undefined) return text;
    }
    try {
      return decoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw new WireError('not UTF-8');
    }
  }

  /** `length` bytes of UTF-8 that come often. */
  name(length: number): string {
    if (length === 0 || length > CACHED_NAME_BYTES_MAX) return this.text(length);
    const start = this.#advance(length);
    const known = cachedName(this.#bytes, start, length);
    if (known !== undefined) return known;
    this.#at = start;
    const name = this.text(length);
    if (name.length === length) cacheName(this.#bytes, start, name);
    return name;
  }

  /** A view of the next `length` bytes. */
  view(length: number): Uint8Array {
    const start = this.#advance(length);
    // Not subarray: of a Buffer it would make another Buffer.
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length);
  }

  /** Body of a pid of `length` bytes. */
  pid(length: number): Pid {
    const start = this.#advance(length);
    const known = cachedPid(this.#bytes, start, length);
    if (known !== undefined) return known;
    this.#at = start;
    const pid = this.#newPid(start + length);
    cachePid(this.#bytes.subarray(start, start + length), pid);
    return pid;
  }

  /** Body of a bigint of `length` bytes. */
  bigint(length: number): bigint {
    if (length < 1 || length > 1 + BIGINT_BYTES_MAX) throw new WireError('length of a bigint');
    const sign = this.byte();
    const start = this.#advance(length - 1);
    if (sign > 1 || (sign === 1 && length === 1)) throw new WireError('sign of a bigint');
    if (length === 1) return 0n;
    let hex = '0x';
    for (let i = start; i < this.#at; i++) hex += HEX[this.#bytes[i] ?? 0];
    if (this.#bytes[start] === 0) throw new WireError('bigint with leading zeros');
    return sign === 1 ? -BigInt(hex) : BigInt(hex);
  }

  /** Body of a timestamp: milliseconds since 1970. */
  timestamp(length: number): number {
    if (length !== format.TIMESTAMP_BYTES) throw new WireError('form of a timestamp');
    const nanoseconds = this.#uint32();
    const seconds = (this.#uint32() | 0) * format.TWO_32 + this.#uint32();
    const ms = seconds * 1000 + nanoseconds / 1_000_000;
    if (nanoseconds > 999_000_000 || nanoseconds % 1_000_000 !== 0 || Math.abs(ms) > DATE_MS_MAX) {
      throw new WireError('timestamp out of range');
    }
    return ms;
  }

  end(): void {
    if (this.left !== 0) throw new WireError('bytes after the end');
  }

  #newPid(end: number): Pid {
    const incarnation = this.uint64();
    const serial = readVarint(this.#bytes, this.#at);
    this.#at += varintLengthFrom(this.#bytes[this.#at] ?? 0);
    if (this.#at > end) throw new WireError('pid is cut');
    const node = this.text(end - this.#at);
    if (!isPidParts(node, incarnation, serial)) throw new WireError('no pid');
    return pidOf(node, incarnation, serial);
  }

  /** A length behind one of three tags that follow each other; undefined for other tags. */
  #sized(tag: number, tag8: number): number | undefined {
    if (tag === tag8) return this.byte();
    return this.#counted(tag, tag8 + 1, 0x100);
  }

  #counted(tag: number, tag16: number, least: number): number | undefined {
    if (tag === tag16) return atLeast(least, this.#uint16());
    if (tag === tag16 + 1) return atLeast(0x1_0000, this.#uint32());
    return undefined;
  }

  #unsigned64(): number {
    const high = atLeast(1, this.#uint32());
    const low = this.#uint32();
    if (high > SAFE_HIGH_MAX) throw new WireError('integer above 2^53 - 1');
    return high * format.TWO_32 + low;
  }

  #negative64(): number {
    const high = this.#uint32() | 0;
    const n = high * format.TWO_32 + this.#uint32();
    if (n < -Number.MAX_SAFE_INTEGER) throw new WireError('integer below -(2^53 - 1)');
    return below(-0x8000_0000, n);
  }

  #uint16(): number {
    const at = this.#advance(2);
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0);
  }

  #uint32(): number {
    const at = this.#advance(4);
    const bytes = this.#bytes;
    const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    return high * 0x1_0000 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
  }

  /** Puts eight bytes where they can be read as one number. */
  #fill(): void {
    scratch.setUint32(0, this.#uint32());
    scratch.setUint32(4, this.#uint32());
  }

  /** Moves over `length` bytes and returns where they start. */
  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new WireError('cut short');
    this.#at = start + length;
    return start;
  }
}

/** Refuses a number in a longer form than it needs. */
function atLeast(least: number, n: number): number {
  if (n < least) throw new WireError('longer form than needed');
  return n;
}

function below(bound: number, n: number): number {
  if (n >= bound) throw new WireError('longer form than needed');
  return n;
}

/** The text of ASCII bytes; undefined when there are others. */
function ascii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at] ?? 0;
    const b = bytes[at + 1] ?? 0;
    const c = bytes[at + 2] ?? 0;
    const d = bytes[at + 3] ?? 0;
    if ((a | b | c | d) > 0x7f) return undefined;
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);
