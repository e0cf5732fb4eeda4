/**
 * The bytes of an entry under the hash of its store. Part of the protocol: salt, writer, stamp,
 * expiry, kind, key and value, in one form only, with the length of each text in front of it. They
 * are made for each entry that is taken in, so they are written into one buffer without a copy.
 */
import { Writer } from '../wire/writer.ts';
import type { Entry, Replica } from './entry.ts';
import { writeReplica } from './entry-codec.ts';

const FIRST_BYTES = 1_024;
/** Stamp, expiry, kind and the length of the key. */
const FIXED_BYTES = 8 + 8 + 1 + 4;

export class HashedEntry {
  readonly #salt: Uint8Array;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  /** Of the entry before: its salt and writer stand at the front. */
  #writer: Replica | undefined;
  #front = 0;

  constructor(salt: Uint8Array) {
    this.#salt = salt;
  }

  /** A view that the next call overwrites. */
  of({ key, stamp, writer, value, expiresAtMs }: Entry): Uint8Array {
    if (writer !== this.#writer) this.#begin(writer);
    const keyAt = this.#front + FIXED_BYTES;
    const valueAt = keyAt + key.length;
    const end = valueAt + (value?.length ?? 0);
    if (end > this.#bytes.length) this.#grow(end);
    this.#view.setBigUint64(this.#front, stamp);
    this.#view.setFloat64(this.#front + 8, expiresAtMs);
    this.#view.setUint8(this.#front + 16, value === undefined ? 0 : 1);
    this.#view.setUint32(this.#front + 17, key.length);
    for (let i = 0; i < key.length; i += 1) this.#bytes[keyAt + i] = key.charCodeAt(i);
    if (value !== undefined) this.#bytes.set(value, valueAt);
    return this.#bytes.subarray(0, end);
  }

  #begin(writer: Replica): void {
    const front = new Writer().bytes(this.#salt);
    writeReplica(front, writer);
    const bytes = front.take();
    this.#bytes.set(bytes);
    this.#front = bytes.length;
    this.#writer = writer;
  }

  #grow(bytes: number): void {
    const front = this.#bytes.subarray(0, this.#front);
    this.#bytes = new Uint8Array(2 * bytes);
    this.#bytes.set(front);
    this.#view = new DataView(this.#bytes.buffer);
  }
}
