/**
 * Bulk of an exchange, one frame after the other: only so many wait at the other side, which says
 * of each that it has taken it in. Frames are made when there is room, so that a store of any size
 * costs a few of them.
 */
import { EXCHANGE_QUEUE_MAX, EXCHANGE_WINDOW } from '../../../limits.ts';
import type { ExchangeBody } from './messages.ts';

export class Flow {
  readonly #send: (body: ExchangeBody) => void;
  /** The last one is read first: an answer goes before what is told unasked. */
  readonly #sources: Iterator<ExchangeBody>[] = [];
  #waiting = 0;

  constructor(send: (body: ExchangeBody) => void) {
    this.#send = send;
  }

  /** True when all frames have been sent. */
  get isIdle(): boolean {
    return this.#sources.length === 0;
  }

  /** False, and nothing is added, when too much waits already. */
  add(frames: Iterator<ExchangeBody>): boolean {
    if (this.#sources.length >= EXCHANGE_QUEUE_MAX) return false;
    this.#sources.push(frames);
    this.#pump();
    return true;
  }

  /** The other side has taken a frame in. */
  took(): void {
    this.#waiting = Math.max(0, this.#waiting - 1);
    this.#pump();
  }

  #pump(): void {
    while (this.#waiting < EXCHANGE_WINDOW) {
      const source = this.#sources.at(-1);
      if (source === undefined) return;
      const frame = source.next();
      if (frame.done === true) {
        this.#sources.splice(this.#sources.indexOf(source), 1);
        continue;
      }
      this.#waiting += 1;
      this.#send(frame.value);
    }
  }
}
