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

  /** True when it is as new. */
  isFull(nowMs: number): boolean {
    return this.#tokens + this.#refill(nowMs) >= this.#capacity;
  }

  /** Takes one token; false, and nothing taken, when there is none. */
  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + this.#refill(nowMs));
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #refill(nowMs: number): number {
    return Math.max(((nowMs - this.#refilledMs) / 1_000) * this.#perSecond, 0);
  }
}
