/**
 * How slow this node itself is (Lifeguard, section IV-A: local health multiplier). A slow node sees
 * others silent that are not; so its time-outs grow with every sign that the fault is its own.
 */

/** Lifeguard's S. */
const HEALTH_MAX = 8;

/** A node is well again step by step, however many rounds go well at once. */
const RECOVERY_MS = 1_000;

export class LocalHealth {
  #value = 0;
  #changedMs = Number.NEGATIVE_INFINITY;

  /** 0 for a quick node, up to 8. */
  get value(): number {
    return this.#value;
  }

  /** Time-outs are so many times as long. */
  get stretch(): number {
    return this.#value + 1;
  }

  /** This node was the slow one. */
  raise(nowMs: number): void {
    this.#value = Math.min(HEALTH_MAX, this.#value + 1);
    this.#changedMs = nowMs;
  }

  /** A neighbour answered in time. */
  lower(nowMs: number): void {
    if (this.#value === 0 || nowMs - this.#changedMs < RECOVERY_MS) return;
    this.#value -= 1;
    this.#changedMs = nowMs;
  }
}
