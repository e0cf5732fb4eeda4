/**
 * Bytes of a stream that wait for their reader. Short pieces are put together, so that a writer of
 * single bytes costs no more memory than one of large blocks.
 */

/** From this size on a piece has memory of its own. */
const LARGE_BYTES = 4_096;
const PAGE_BYTES = 4_096;

interface Piece {
  readonly memory: Uint8Array;
  end: number;
}

export class UnreadBytes {
  #pieces: Piece[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies the bytes. */
  push(bytes: Uint8Array): void {
    this.#length += bytes.length;
    const taken = this.#fill(bytes);
    if (taken === bytes.length) return;
    const rest = bytes.subarray(taken);
    const memory =
      rest.length < LARGE_BYTES ? new Uint8Array(PAGE_BYTES) : new Uint8Array(rest.length);
    memory.set(rest);
    this.#pieces.push({ memory, end: rest.length });
  }

  /** The oldest piece, the caller's to keep. */
  shift(): Uint8Array | undefined {
    const piece = this.#pieces.shift();
    if (piece === undefined) return undefined;
    this.#length -= piece.end;
    return piece.memory.subarray(0, piece.end);
  }

  clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }

  /** As much as the last page has room for. */
  #fill(bytes: Uint8Array): number {
    const last = this.#pieces.at(-1);
    if (last === undefined) return 0;
    const taken = Math.min(bytes.length, last.memory.length - last.end);
    if (taken > 0) last.memory.set(bytes.subarray(0, taken), last.end);
    last.end += taken;
    return taken;
  }
}
