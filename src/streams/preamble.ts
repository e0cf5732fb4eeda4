/** What stands before the bytes of a stream: one byte for the length of the tag, and the tag. */
import { WireError } from '../core/wire/wire-error.ts';
import { TAG_BYTES_MAX } from './stream-limits.ts';

/** @param tag 1 to 255 bytes in UTF-8. */
export function encodePreamble(tag: string): Uint8Array {
  const bytes = new TextEncoder().encode(tag);
  return Uint8Array.of(bytes.length, ...bytes);
}

/** The tag, and what has come behind it. */
export interface Preamble {
  readonly tag: string;
  readonly rest: Uint8Array;
}

/** Puts a preamble together from pieces of any size. */
export class PreambleReader {
  readonly #tag = new Uint8Array(TAG_BYTES_MAX);
  #length = 0;
  #filled = 0;

  /**
   * The preamble with its last byte; undefined while it is not whole.
   * @throws WireError for a tag without bytes, or one that is no text.
   */
  push(bytes: Uint8Array): Preamble | undefined {
    let at = 0;
    if (this.#length === 0 && bytes.length > 0) {
      this.#length = bytes[0] ?? 0;
      at = 1;
      if (this.#length === 0) throw new WireError('a stream without a tag');
    }
    const part = bytes.subarray(at, at + this.#length - this.#filled);
    this.#tag.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#length === 0 || this.#filled < this.#length) return undefined;
    return { tag: this.#text(), rest: bytes.subarray(at + part.length) };
  }

  #text(): string {
    try {
      const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
      return decoder.decode(this.#tag.subarray(0, this.#length));
    } catch {
      throw new WireError('a tag that is no text');
    }
  }
}
