/**
 * Writes the frames of the protocols: positional fields, each a MessagePack value. Mirrored by
 * `Reader`, field by field.
 */
import { VALUE_BYTES_MAX } from '../../limits.ts';
import type { Pid } from '../pid.ts';
import { ByteOutput } from './byte-output.ts';
import { FALSE, TRUE } from './formats.ts';
import { valueError } from './value-fault.ts';
import { ValueWriter } from './value-writer.ts';

const UINT64_MAX = 2n ** 64n - 1n;

/**
 * Appends fields to one growing buffer. Whatever throws empties the writer first, so that a shared
 * one never carries the start of a refused frame into the next. A getter in a user's value runs
 * while it is written: where it might write to the same writer, encode the value apart.
 */
export class Writer {
  readonly #out: ByteOutput = new ByteOutput();

  /** A safe integer >= 0. @throws RangeError */
  uint(n: number): this {
    if (!Number.isSafeInteger(n) || n < 0) this.#refuse(`not an unsigned integer: ${n}`);
    this.#out.integer(n);
    return this;
  }

  /** 0 to 2^64 - 1, always in nine bytes. @throws RangeError */
  big(n: bigint): this {
    if (n < 0n || n > UINT64_MAX) this.#refuse('not an unsigned integer of 64 bits');
    this.#out.uint64(n);
    return this;
  }

  bool(b: boolean): this {
    this.#out.byte(b ? TRUE : FALSE);
    return this;
  }

  /** Half a surrogate pair, as a cut text may end with, is written as U+FFFD. */
  string(s: string): this {
    this.#out.string(s);
    return this;
  }

  bytes(b: Uint8Array): this {
    this.#out.bytes(b);
    return this;
  }

  pid(p: Pid): this {
    this.#out.pid(p);
    return this;
  }

  /**
   * Any value that may cross the wire.
   * @throws ERR_VALUE naming the bad part, or when it takes more than `bytesMax` bytes.
   */
  value(v: unknown, bytesMax: number = VALUE_BYTES_MAX): this {
    try {
      new ValueWriter(this.#out, bytesMax).write(v);
    } catch (error) {
      this.#out.clear();
      throw valueError(error, 'value');
    }
    return this;
  }

  /** A boolean, and behind `true` what `write` writes. */
  optional<T>(v: T | undefined, write: (w: Writer, v: T) => unknown): this {
    this.bool(v !== undefined);
    if (v !== undefined) write(this, v);
    return this;
  }

  /** The count, then what `write` writes for each item: at least one field. */
  list<T>(items: readonly T[], write: (w: Writer, item: T) => unknown): this {
    this.#out.integer(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  /**
   * What was written; the writer is empty and reusable. Nothing writes to these bytes again, but a
   * short frame shares 8 KiB of memory with its neighbours: copy what is kept for long.
   */
  take(): Uint8Array {
    return this.#out.take();
  }

  #refuse(message: string): never {
    this.#out.clear();
    throw new RangeError(message);
  }
}
