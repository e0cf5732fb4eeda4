/** Bounds a rate: tokens come back with time, each event takes one. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perSecond: number;
  #tokens: number;
  #refilledMs: number;

  /** Starts full. */
  constructor(capacity: number, perSecond: number, nowMs: number) {
    this.#capacity = capacity;
    this.#perSecond = perSecond;
    this.#tokens = capacity;
    this.#refilledMs = nowMs;
  }

  /** Takes one token; false, and nothing taken, when there is none. */
  take(nowMs: number): boolean {
    const refill = ((nowMs - this.#refilledMs) / 1_000) * this.#perSecond;
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(refill, 0));
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
