/** What one end of a simulated connection takes before its peer is admitted, and what it holds. */
import { LINK_QUEUE_HIGH_WATER_BYTES, UNADMITTED_BYTES_MAX } from '../../limits.ts';
import { CONTROL } from '../transport.ts';
import { type QueuedFrame, sizeOf } from './send-queue.ts';

/** Bytes under way to an admitted peer; in place of congestion control. */
export const WINDOW_BYTES: number = LINK_QUEUE_HIGH_WATER_BYTES;
/** Bytes that a peer may send before we have read any of it, as on the real transport. */
const UNADMITTED_WINDOW_BYTES = 65_536;

export class Intake {
  #admission: 'unadmitted' | 'paused' | 'admitted' = 'unadmitted';
  #unadmittedBytes = 0;
  #held: QueuedFrame[] = [];
  #heldBytes = 0;

  get isAdmitted(): boolean {
    return this.#admission === 'admitted';
  }

  /** What the peer may have under way. */
  get windowBytes(): number {
    return (this.isAdmitted ? WINDOW_BYTES : UNADMITTED_WINDOW_BYTES) - this.#heldBytes;
  }

  pause(): void {
    if (this.#admission === 'unadmitted') this.#admission = 'paused';
  }

  /** False when it was admitted before. */
  admit(): boolean {
    const isNew = !this.isAdmitted;
    this.#admission = 'admitted';
    return isNew;
  }

  /** Whether to hand the frame on now; `held` until `takeHeld`; `refused`: too much came. */
  take(frame: QueuedFrame): 'now' | 'held' | 'refused' {
    if (this.#mustHold(frame)) {
      this.#held.push(frame);
      this.#heldBytes += sizeOf(frame);
      return 'held';
    }
    if (this.isAdmitted) return 'now';
    this.#unadmittedBytes += sizeOf(frame);
    return this.#unadmittedBytes <= UNADMITTED_BYTES_MAX ? 'now' : 'refused';
  }

  takeHeld(): readonly QueuedFrame[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  #mustHold(frame: QueuedFrame): boolean {
    if (this.isAdmitted) return this.#held.length > 0;
    return this.#admission === 'paused' || frame.channel !== CONTROL;
  }
}
