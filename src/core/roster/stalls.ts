/**
 * Notices that this node stood still, by its timers that fire late. What others sent meanwhile is
 * still to be read then, so that time-outs must wait for as long as the stall took.
 */

/** A timer later than this was held up by this node itself: its loop, or the whole machine. */
const STALL_MS = 100;

export class Stalls {
  /** When the last one was noticed: several timers fire late by one stall. */
  #noticedMs = Number.NEGATIVE_INFINITY;

  /** Milliseconds of a stall that was not noticed before, or 0. */
  notice(latenessMs: number, nowMs: number): number {
    const stallMs = Math.min(latenessMs, nowMs - this.#noticedMs);
    if (stallMs <= STALL_MS) return 0;
    this.#noticedMs = nowMs;
    return stallMs;
  }
}
