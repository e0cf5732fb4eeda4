/**
 * Frames on a stream: the length of the body as a varint, then the body. The reader takes chunks
 * as they come and holds no more than the bytes that came.
 */
import { readVarint, varintLength, varintLengthFrom, writeVarint } from './varint.ts';
import { WireError } from './wire-error.ts';

const EMPTY = new Uint8Array(0);
const FIRST_CAPACITY = 1_024;

/** What goes before a body of `length` bytes: for bodies too large to copy. */
export function frameHeader(length: number): Uint8Array {
  const header = new Uint8Array(varintLength(length));
  writeVarint(length, header, 0);
  return header;
}

/** Bytes of the frame of a body of `length` bytes. */
export function frameBytes(length: number): number {
  return varintLength(length) + length;
}

/** Writes header and body at `at` and returns where they end. The caller has made the room. */
export function writeFrame(body: Uint8Array, out: Uint8Array, at: number): number {
  const start = writeVarint(body.length, out, at);
  out.set(body, start);
  return start + body.length;
}

/** Header and body in one array: for small bodies. */
export function encodeFrame(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameBytes(body.length));
  writeFrame(body, frame, 0);
  return frame;
}

/**
 * Cuts a stream of chunks into bodies. After it threw, or the callback did, the stream has no
 * place to go on from: every later push throws.
 */
export class FrameReader {
  #bodyBytesMax: number;
  /** Start of a frame whose rest has not come: all received bytes, header too. */
  #held: Uint8Array = EMPTY;
  #heldBytes = 0;
  #isBroken = false;

  /** Bodies of at most `bodyBytesMax` bytes. */
  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Bytes held of a frame that is not whole. */
  get bufferedBytes(): number {
    return this.#heldBytes;
  }

  /** Sets the bound for frames whose header is read from now on. */
  limitTo(bodyBytesMax: number): void {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /**
   * Calls back with each body that is whole now, in order. A body is a view, of `chunk` where it
   * lies within it: copy what outlives the callback.
   * @throws WireError at the header of a frame above the bound, or whose length is malformed.
   */
  push(chunk: Uint8Array, onFrame: (body: Uint8Array) => void): void {
    if (this.#isBroken) throw new WireError('stream is broken');
    this.#isBroken = true;
    let at = 0;
    while (this.#heldBytes > 0 && at < chunk.length) at = this.#complete(chunk, at, onFrame);
    if (at < chunk.length) this.#hold(chunk, this.#cut(chunk, at, onFrame), chunk.length);
    this.#isBroken = false;
  }

  /** Calls back with the frames that are whole in `chunk`; returns where the rest begins. */
  #cut(chunk: Uint8Array, from: number, onFrame: (body: Uint8Array) => void): number {
    const { buffer, byteOffset, length } = chunk;
    let at = from;
    while (at < length) {
      const headerBytes = varintLengthFrom(chunk[at] ?? 0);
      if (at + headerBytes > length) return at;
      const start = at + headerBytes;
      const end = start + this.#bodyBytes(chunk, at);
      if (end > length) return at;
      at = end;
      onFrame(new Uint8Array(buffer, byteOffset + start, end - start));
    }
    return at;
  }

  /** Moves bytes of `chunk` to the held frame, first its header; returns where the rest begins. */
  #complete(chunk: Uint8Array, from: number, onFrame: (body: Uint8Array) => void): number {
    const headerBytes = varintLengthFrom(this.#held[0] ?? 0);
    const wanted = this.#heldBytes < headerBytes ? headerBytes : this.#frameBytes(headerBytes);
    const to = Math.min(chunk.length, from + wanted - this.#heldBytes);
    this.#hold(chunk, from, to);
    if (this.#heldBytes < headerBytes) return to;
    const frameBytes = this.#frameBytes(headerBytes);
    if (this.#heldBytes < frameBytes) return to;
    const body = this.#held.subarray(headerBytes, frameBytes);
    this.#held = EMPTY;
    this.#heldBytes = 0;
    onFrame(body);
    return to;
  }

  #frameBytes(headerBytes: number): number {
    return headerBytes + this.#bodyBytes(this.#held, 0);
  }

  #bodyBytes(bytes: Uint8Array, at: number): number {
    const length = readVarint(bytes, at);
    if (length > this.#bodyBytesMax) {
      throw new WireError(`frame of ${length} bytes, at most ${this.#bodyBytesMax}`);
    }
    return length;
  }

  /** Doubles the room as bytes come: an announced length alone takes none. */
  #hold(chunk: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    const size = this.#heldBytes + to - from;
    if (size > this.#held.length) {
      const larger = new Uint8Array(Math.max(size, this.#held.length * 2, FIRST_CAPACITY));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(chunk.subarray(from, to), this.#heldBytes);
    this.#heldBytes = size;
  }
}
