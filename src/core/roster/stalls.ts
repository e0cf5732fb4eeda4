/**
 * Notices that this node stood still, by its timers that fire late. What others sent meanwhile is
 * still to be read then, so that time-outs must wait for as long as the stall took, and a little
 * longer.
 */

/** A timer later than this was held up by this node itself: its loop, or the whole machine. */
const STALL_MS = 100;

/** To read what came meanwhile: as long as the stall, up to this. */
const CATCH_UP_MS_MAX = 1_000;

/** A node that is late all the time gets no more of that: its time-outs would never come. */
const CATCH_UP_PERIOD_MS = 5_000;

export class Stalls {
  /** When the last one was noticed: several timers fire late by one stall. */
  #noticedMs = Number.NEGATIVE_INFINITY;
  #caughtUpMs = Number.NEGATIVE_INFINITY;

  /** Milliseconds by which time-outs move for a stall that was not noticed before, or 0. */
  notice(latenessMs: number, nowMs: number): number {
    const stallMs = Math.min(latenessMs, nowMs - this.#noticedMs);
    if (stallMs <= STALL_MS) return 0;
    this.#noticedMs = nowMs;
    if (nowMs - this.#caughtUpMs < CATCH_UP_PERIOD_MS) return stallMs;
    this.#caughtUpMs = nowMs;
    return stallMs + Math.min(stallMs, CATCH_UP_MS_MAX);
  }
}
