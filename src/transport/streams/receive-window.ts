/**
 * How much of a stream its writer may send. Credit is renewed as bytes are read, never as they
 * arrive. A reader that has read everything when half of its window is used up keeps up with its
 * writer, so its window doubles; one that lags keeps the window it has. From a size on it doubles
 * only if that half was used up within two round trips: the path, then, is what keeps the writer
 * waiting.
 */
import { WireError } from '../../core/wire/wire-error.ts';
import {
  STREAM_WINDOW_BYTES_INITIAL,
  STREAM_WINDOW_BYTES_MAX,
  STREAM_WINDOW_BYTES_SHORT,
} from './stream-limits.ts';

/** What windows share on one connection. */
export interface WindowGround {
  /** Asks for so many bytes of the common budget; false when there are not so many left. */
  reserve(bytes: number): boolean;
  /** Monotonic. */
  nowMs(): number;
  /** The shortest round trip that was seen: queues on the way make no path longer. */
  rttMs(): number;
}

export class ReceiveWindow {
  readonly #ground: WindowGround;
  #size = STREAM_WINDOW_BYTES_INITIAL;
  #limit = STREAM_WINDOW_BYTES_INITIAL;
  #received = 0;
  #read = 0;
  #toldMs: number;

  constructor(ground: WindowGround) {
    this.#ground = ground;
    this.#toldMs = ground.nowMs();
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
    const nowMs = this.#ground.nowMs();
    const keepsUp = this.#read === this.#received;
    if (keepsUp && this.#mayGrow(nowMs) && this.#ground.reserve(this.#size)) this.#size *= 2;
    this.#toldMs = nowMs;
    this.#limit = this.#read + this.#size;
    return this.#limit;
  }

  #mayGrow(nowMs: number): boolean {
    if (this.#size < STREAM_WINDOW_BYTES_SHORT) return true;
    const isLong = nowMs - this.#toldMs <= 2 * this.#ground.rttMs();
    return isLong && this.#size < STREAM_WINDOW_BYTES_MAX;
  }
}
