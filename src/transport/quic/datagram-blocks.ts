/**
 * Memory for the datagrams that go out. The system may read a datagram some time after it was sent,
 * so blocks are used again only when it has taken everything; a bulk stream then costs no memory
 * that the collector would have to look after.
 */

const BLOCK_BYTES = 262_144;
/** Blocks kept for another use; the collector gets the rest. */
const KEPT_MAX = 16;

export class DatagramBlocks {
  readonly #isIdle: () => boolean;
  readonly #free: Uint8Array[] = [];
  #used: Uint8Array[] = [];
  #block: Uint8Array = new Uint8Array(BLOCK_BYTES);
  #usedBytes = 0;

  /** `isIdle`: true when the system has taken all that was sent. */
  constructor(isIdle: () => boolean) {
    this.#isIdle = isIdle;
  }

  /** Room for a datagram of so many bytes, and others behind it; the same until `take`. */
  room(bytes: number, behind: number): Uint8Array {
    if (this.#usedBytes + bytes + behind > BLOCK_BYTES) this.#turn();
    return this.#block.subarray(this.#usedBytes, this.#usedBytes + bytes);
  }

  /** So many bytes of the room are in use from now on. */
  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Called before the first datagram of a turn: blocks of former turns may be free by then. */
  reclaim(): void {
    if (this.#used.length === 0 || !this.#isIdle()) return;
    this.#free.push(...this.#used.slice(0, KEPT_MAX - this.#free.length));
    this.#used = [];
  }

  #turn(): void {
    if (this.#used.length < KEPT_MAX) this.#used.push(this.#block);
    this.#block = this.#free.pop() ?? new Uint8Array(BLOCK_BYTES);
    this.#usedBytes = 0;
  }
}
