/**
 * Reads the frames of the protocols, field by field as `Writer` wrote them. The bytes are hostile:
 * each method throws `WireError` for anything but the field it is for.
 */
import { VALUE_BYTES_MAX } from '../../limits.ts';
import type { Pid } from '../pid.ts';
import { ByteInput } from './byte-input.ts';
import { EXT_PID, EXT32, FALSE, TRUE, UINT64 } from './formats.ts';
import { ValueReader } from './value-reader.ts';
import { WireError } from './wire-error.ts';

export class Reader {
  readonly #in: ByteInput;

  /** Reads `bytes` in place: they must not change meanwhile. */
  constructor(bytes: Uint8Array) {
    this.#in = new ByteInput(bytes);
  }

  /** A safe integer from 0 to `max`. */
  uint(max: number = Number.MAX_SAFE_INTEGER): number {
    const n = this.#in.unsigned(this.#in.byte());
    if (n === undefined) throw new WireError('not an unsigned integer');
    if (n > max) throw new WireError('integer above its bound');
    return n;
  }

  /** 0 to 2^64 - 1. */
  big(): bigint {
    if (this.#in.byte() !== UINT64) throw new WireError('not 64 bits');
    return this.#in.uint64();
  }

  bool(): boolean {
    const tag = this.#in.byte();
    if (tag !== TRUE && tag !== FALSE) throw new WireError('not a boolean');
    return tag === TRUE;
  }

  /** A string of at most `bytesMax` bytes of UTF-8. */
  string(bytesMax: number): string {
    const length = this.#in.stringLength(this.#in.byte());
    if (length === undefined) throw new WireError('not a string');
    if (length > bytesMax) throw new WireError('string above its bound');
    return this.#in.text(length);
  }

  /** A view of at most `bytesMax` bytes: copy what outlives the frame. */
  bytes(bytesMax: number): Uint8Array {
    const length = this.#in.bytesLength(this.#in.byte());
    if (length === undefined) throw new WireError('not bytes');
    if (length > bytesMax) throw new WireError('bytes above their bound');
    return this.#in.view(length);
  }

  pid(): Pid {
    const tag = this.#in.byte();
    const length = this.#in.extensionLength(tag);
    if (length === undefined || tag === EXT32 || this.#in.byte() !== EXT_PID) {
      throw new WireError('not a pid');
    }
    return this.#in.pid(length);
  }

  /** Any value, of at most `bytesMax` bytes. Its parts are copies. */
  value(bytesMax: number = VALUE_BYTES_MAX): unknown {
    const start = this.#in.at;
    const value = new ValueReader(this.#in).read();
    if (this.#in.at - start > bytesMax) throw new WireError('value above its bound');
    return value;
  }

  optional<T>(read: (r: Reader) => T): T | undefined {
    return this.bool() ? read(this) : undefined;
  }

  /** At most `countMax` items; `read` takes at least one field for each. */
  list<T>(countMax: number, read: (r: Reader) => T): T[] {
    const count = this.uint(countMax);
    if (count > this.#in.left) throw new WireError('cut short');
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(this));
    return items;
  }

  /** @throws WireError unless all bytes are read. */
  end(): void {
    this.#in.end();
  }
}
