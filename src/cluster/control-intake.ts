/**
 * The way of a link's control frames into this node. What comes faster than its allowance waits
 * here, in order: a burst is spread, and other links have their turn meanwhile. That the peer is
 * alive is known all the same, by the transport. When more waits than an honest peer can have on
 * its way, the link ends.
 */
import type { Host } from '../host/host.ts';
import { CONTROL_QUEUE_BYTES_MAX } from '../limits.ts';
import { ControlAllowance } from './control-allowance.ts';

/** A peer's own queue for one link, and as much again that is on the way. */
const WAITING_BYTES_MAX = 2 * CONTROL_QUEUE_BYTES_MAX;
const WAITING_FRAMES_MAX = 262_144;
const TURN_MS = 10;
/** Places of frames that were delivered are given back in blocks of at least so many. */
const DELIVERED_KEPT = 4_096;

export interface ControlIntakeOptions {
  readonly host: Pick<Host, 'clock' | 'timers'>;
  /** Takes one frame; the bytes are a view that is valid during the call only. */
  readonly deliver: (frame: Uint8Array) => void;
  /** The allowance has ended: frames begin to wait. */
  readonly onSlowed: () => void;
  /** More waits than may; the last call. */
  readonly onFlooded: () => void;
}

export class ControlIntake {
  readonly #options: ControlIntakeOptions;
  readonly #allowance = new ControlAllowance();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #next = 0;
  #isClosed = false;

  constructor(options: ControlIntakeOptions) {
    this.#options = options;
  }

  /** Delivers the frame, or a copy of it later. */
  take(frame: Uint8Array): void {
    if (this.#isClosed) return;
    const isFirst = this.#waiting.length === 0;
    const { clock } = this.#options.host;
    if (isFirst && this.#allowance.take(frame, clock.monotonicMs())) this.#options.deliver(frame);
    else this.#hold(frame);
  }

  /** What waits is dropped. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
  }

  #hold(frame: Uint8Array): void {
    const count = this.#waiting.length - this.#next;
    const bytes = this.#waitingBytes + frame.length;
    if (bytes > WAITING_BYTES_MAX || count >= WAITING_FRAMES_MAX) {
      this.close();
      this.#options.onFlooded();
      return;
    }
    this.#waitingBytes = bytes;
    if (this.#waiting.push(new Uint8Array(frame)) > 1) return;
    this.#options.onSlowed();
    this.#goOnLater();
  }

  #goOnLater(): void {
    this.#options.host.timers.after(TURN_MS, () => this.#goOn());
  }

  /** An end in the middle of it leaves nothing to wait. */
  #goOn(): void {
    const { clock } = this.#options.host;
    let frame = this.#waiting[this.#next];
    while (frame !== undefined && this.#allowance.take(frame, clock.monotonicMs())) {
      this.#next += 1;
      this.#waitingBytes -= frame.length;
      this.#options.deliver(frame);
      frame = this.#waiting[this.#next];
    }
    if (frame !== undefined) this.#goOnLater();
    this.#forgetDelivered(frame === undefined);
  }

  #forgetDelivered(isAll: boolean): void {
    if (!isAll && this.#next < Math.max(DELIVERED_KEPT, this.#waiting.length / 2)) return;
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  }
}
