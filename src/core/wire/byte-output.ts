/**
 * One growing buffer and the MessagePack forms that are written into it. It knows no bound and
 * refuses nothing: `Writer` and `ValueWriter` do.
 */
import type { Pid } from '../pid.ts';
import * as format from './formats.ts';
import { varintLength, writeVarint } from './varint.ts';

/** As Node does for small buffers: an own ArrayBuffer for each costs more than its contents. */
const PAGE_BYTES = 8_192;
/** Most writers write one short frame and are thrown away: they never need a page of their own. */
const FIRST_BYTES = 256;
/** What is longer than this is copied out instead, so that it holds no page. */
const SHARED_BYTES_MAX = 2_048;
/** A buffer that grew beyond this is given back after use. */
const KEPT_BYTES_MAX = 262_144;
/** Up to this length a loop over the characters is faster than the call of the encoder. */
const LOOP_CHARS_MAX = 48;
const HEADER_BYTES_MAX = 6;
/** Views of less than so many bytes are made once: a new one costs more than short contents. */
const VIEWS_KEPT = 64;
const encoder = new TextEncoder();

/** Cut into the first bytes of new outputs; each piece is given away once. */
let commonPage = new ArrayBuffer(PAGE_BYTES);
let commonAt = 0;

export class ByteOutput {
  #bytes: Uint8Array = firstBytes();
  #view: DataView = viewOf(this.#bytes);
  /** Of the first bytes, by their number. */
  #views: (Uint8Array | undefined)[] | undefined;
  /** Before it lies what was taken already. */
  #start = 0;
  #at = 0;

  /** Bytes written so far. */
  get size(): number {
    return this.#at - this.#start;
  }

  /** What was written; the output is empty afterwards. Short ones share memory with others. */
  take(): Uint8Array {
    if (this.size > SHARED_BYTES_MAX) return this.takeCopy();
    const { buffer, byteOffset } = this.#bytes;
    const taken = new Uint8Array(buffer, byteOffset + this.#start, this.size);
    this.#start = this.#at;
    return taken;
  }

  /** A copy in memory of its own; the output is empty afterwards. */
  takeCopy(): Uint8Array {
    const taken = this.#bytes.slice(this.#start, this.#at);
    this.clear();
    return taken;
  }

  /** What was written and not taken, as memory that the next call writes to. */
  view(): Uint8Array {
    const size = this.size;
    const kept = this.#start === 0 ? this.#views?.[size] : undefined;
    if (kept !== undefined) return kept;
    const view = this.#bytes.subarray(this.#start, this.#at);
    if (this.#start === 0 && size < VIEWS_KEPT) {
      this.#views ??= [];
      this.#views[size] = view;
    }
    return view;
  }

  clear(): void {
    this.#at = this.#start;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#turnPage(PAGE_BYTES);
  }

  byte(byte: number): void {
    if (this.#at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#at++] = byte;
  }

  /** A safe integer in its shortest form. */
  integer(n: number): void {
    if (n >= 0) this.#unsigned(n);
    else this.#negative(n);
  }

  float(n: number): void {
    this.#room(9);
    this.#bytes[this.#at] = format.FLOAT64;
    // NaN has many bit patterns; one of them is ours.
    this.#view.setFloat64(this.#at + 1, n);
    if (Number.isNaN(n)) this.#view.setBigUint64(this.#at + 1, 0x7ff8_0000_0000_0000n);
    this.#at += 9;
  }

  /** Always nine bytes. */
  uint64(n: bigint): void {
    this.#room(9);
    this.#bytes[this.#at] = format.UINT64;
    this.#view.setBigUint64(this.#at + 1, n);
    this.#at += 9;
  }

  /** Returns the bytes of its UTF-8: as many as characters means ASCII. */
  string(text: string): number {
    if (text.length <= LOOP_CHARS_MAX && this.#ascii(text)) return text.length;
    return this.#utf8(text);
  }

  bytes(bytes: Uint8Array): void {
    const length = bytes.length;
    this.#room(HEADER_BYTES_MAX + length);
    this.#sized(format.BIN8, length);
    this.#bytes.set(bytes, this.#at);
    this.#at += length;
  }

  array(count: number): void {
    if (count < 16) this.byte(format.FIXARRAY | count);
    else this.#counted(format.ARRAY16, count);
  }

  map(count: number): void {
    if (count < 16) this.byte(format.FIXMAP | count);
    else this.#counted(format.MAP16, count);
  }

  undefined(): void {
    this.#room(3);
    this.#bytes[this.#at++] = format.FIXEXT1;
    this.#bytes[this.#at++] = format.EXT_UNDEFINED;
    this.#bytes[this.#at++] = 0;
  }

  pid(pid: Pid): void {
    const { node, serial } = pid;
    const length = 8 + varintLength(serial) + node.length;
    this.#extension(format.EXT_PID, length);
    this.#view.setBigUint64(this.#at, pid.incarnation);
    let at = writeVarint(serial, this.#bytes, this.#at + 8);
    for (let i = 0; i < node.length; i++) this.#bytes[at++] = node.charCodeAt(i);
    this.#at = at;
  }

  bigint(n: bigint): void {
    const magnitude = n < 0n ? -n : n;
    const hex = magnitude === 0n ? '' : magnitude.toString(16);
    const length = (hex.length + 1) >> 1;
    this.#extension(format.EXT_BIGINT, 1 + length);
    this.#bytes[this.#at++] = n < 0n ? 1 : 0;
    let to = hex.length;
    for (let i = length - 1; i >= 0; i--, to -= 2) {
      this.#bytes[this.#at + i] = Number.parseInt(hex.slice(Math.max(0, to - 2), to), 16);
    }
    this.#at += length;
  }

  /** Milliseconds since 1970, an integer. */
  timestamp(ms: number): void {
    this.#extension(format.EXT_TIMESTAMP, format.TIMESTAMP_BYTES);
    const seconds = Math.floor(ms / 1000);
    this.#view.setUint32(this.#at, (ms - seconds * 1000) * 1_000_000);
    this.#view.setInt32(this.#at + 4, Math.floor(seconds / format.TWO_32));
    this.#view.setUint32(this.#at + 8, seconds);
    this.#at += format.TIMESTAMP_BYTES;
  }

  /** Begins an extension of unknown length; returns what `close` wants. */
  open(type: number): number {
    this.#room(6);
    this.#bytes[this.#at] = format.EXT32;
    this.#bytes[this.#at + 5] = type;
    this.#at += 6;
    return this.size;
  }

  close(opened: number): void {
    this.#view.setUint32(this.#start + opened - 5, this.size - opened);
  }

  #unsigned(n: number): void {
    this.#room(9);
    if (n < 0x80) {
      this.#bytes[this.#at++] = n;
    } else if (n < 0x100) {
      this.#bytes[this.#at++] = format.UINT8;
      this.#bytes[this.#at++] = n;
    } else if (n < 0x1_0000) {
      this.#bytes[this.#at] = format.UINT16;
      this.#view.setUint16(this.#at + 1, n);
      this.#at += 3;
    } else if (n < format.TWO_32) {
      this.#bytes[this.#at] = format.UINT32;
      this.#view.setUint32(this.#at + 1, n);
      this.#at += 5;
    } else {
      this.#eight(format.UINT64, n);
    }
  }

  #negative(n: number): void {
    this.#room(9);
    if (n >= -0x20) {
      this.#bytes[this.#at++] = n;
    } else if (n >= -0x80) {
      this.#bytes[this.#at++] = format.INT8;
      this.#bytes[this.#at++] = n;
    } else if (n >= -0x8000) {
      this.#bytes[this.#at] = format.INT16;
      this.#view.setInt16(this.#at + 1, n);
      this.#at += 3;
    } else if (n >= -0x8000_0000) {
      this.#bytes[this.#at] = format.INT32;
      this.#view.setInt32(this.#at + 1, n);
      this.#at += 5;
    } else {
      this.#eight(format.INT64, n);
    }
  }

  #eight(tag: number, n: number): void {
    this.#bytes[this.#at] = tag;
    this.#view.setInt32(this.#at + 1, Math.floor(n / format.TWO_32));
    this.#view.setUint32(this.#at + 5, n);
    this.#at += 9;
  }

  /** Writes a short text when it is ASCII, else nothing. */
  #ascii(text: string): boolean {
    this.#room(HEADER_BYTES_MAX + text.length);
    const start = this.#at;
    this.#stringHeader(text.length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#at = start;
        return false;
      }
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** Encodes behind a header of guessed size and moves the text when the guess was too small. */
  #utf8(text: string): number {
    this.#room(HEADER_BYTES_MAX + 3 * text.length);
    const guessed = this.#at + stringHeaderBytes(text.length);
    const length = encoder.encodeInto(text, this.#bytes.subarray(guessed)).written;
    const start = this.#at + stringHeaderBytes(length);
    if (start !== guessed) this.#bytes.copyWithin(start, guessed, guessed + length);
    this.#stringHeader(length);
    this.#at += length;
    return length;
  }

  #stringHeader(length: number): void {
    if (length < 32) this.#bytes[this.#at++] = format.FIXSTR | length;
    else this.#sized(format.STR8, length);
  }

  #extension(type: number, length: number): void {
    this.#room(HEADER_BYTES_MAX + length);
    this.#sized(format.EXT8, length);
    this.#bytes[this.#at++] = type;
  }

  /** A length in 1, 2 or 4 bytes: `tag8` is the first of three tags that follow each other. */
  #sized(tag8: number, length: number): void {
    if (length < 0x100) {
      this.#bytes[this.#at++] = tag8;
      this.#bytes[this.#at++] = length;
    } else {
      this.#counted(tag8 + 1, length);
    }
  }

  #counted(tag16: number, count: number): void {
    this.#room(5);
    const isLong = count > 0xffff;
    this.#bytes[this.#at] = isLong ? tag16 + 1 : tag16;
    if (isLong) this.#view.setUint32(this.#at + 1, count);
    else this.#view.setUint16(this.#at + 1, count);
    this.#at += isLong ? 5 : 3;
  }

  #room(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const wanted = this.size + bytes;
    this.#turnPage(wanted <= PAGE_BYTES ? PAGE_BYTES : 2 * wanted);
  }

  /** Moves what is written and not taken to a new buffer. */
  #turnPage(bytes: number): void {
    const kept = this.#bytes.subarray(this.#start, this.#at);
    this.#bytes = new Uint8Array(bytes);
    this.#bytes.set(kept);
    this.#view = viewOf(this.#bytes);
    this.#views = undefined;
    this.#at -= this.#start;
    this.#start = 0;
  }
}

function firstBytes(): Uint8Array {
  if (commonAt === PAGE_BYTES) {
    commonPage = new ArrayBuffer(PAGE_BYTES);
    commonAt = 0;
  }
  const bytes = new Uint8Array(commonPage, commonAt, FIRST_BYTES);
  commonAt += FIRST_BYTES;
  return bytes;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

function stringHeaderBytes(length: number): number {
  if (length < 32) return 1;
  if (length < 0x100) return 2;
  return length < 0x1_0000 ? 3 : 5;
}
