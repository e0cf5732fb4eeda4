/**
 * How much of a stream its writer may send. Credit is renewed as bytes are read, never as they
 * arrive. A reader that has read everything when half of its window is used up keeps up with its
 * writer, so its window doubles; one that lags keeps the window it has.
 */
import { WireError } from '../../core/wire/wire-error.ts';
import { STREAM_WINDOW_BYTES_INITIAL, STREAM_WINDOW_BYTES_MAX } from './stream-limits.ts';

/** Asks for so many bytes of the common budget; false when there are not so many left. */
export type Reserve = (bytes: number) => boolean;

export class ReceiveWindow {
  readonly #reserve: Reserve;
  #size = STREAM_WINDOW_BYTES_INITIAL;
  #limit = STREAM_WINDOW_BYTES_INITIAL;
  #received = 0;
  #read = 0;

  constructor(reserve: Reserve) {
    this.#reserve = reserve;
  }

  /** Bytes that the reader may leave unread. */
  get size(): number {
    return this.#size;
  }

  /** @throws WireError when the writer had no credit for them. */
  receive(bytes: number): void {
    this.#received += bytes;
    if (this.#received > this.#limit)
      throw new WireError('more of a stream than there was room for');
  }

  /** Bytes were read. Answers the new limit of the writer when it is worth telling. */
  read(bytes: number): number | undefined {
    this.#read += bytes;
    if (this.#limit - this.#read > this.#size / 2) return undefined;
    const keepsUp = this.#read === this.#received;
    if (keepsUp && this.#size < STREAM_WINDOW_BYTES_MAX && this.#reserve(this.#size)) {
      this.#size *= 2;
    }
    this.#limit = this.#read + this.#size;
    return this.#limit;
  }
}
