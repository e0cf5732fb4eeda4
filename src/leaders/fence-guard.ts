/** For what a leader writes to: tells a leader of now from one whose time is over. */

/**
 * Accepts a token that is not lower than the highest seen: a term writes many times. Keep `highest`
 * with the resource, and make judging and writing one step.
 */
export class FenceGuard {
  #highest: bigint;

  /** @param highest as it was kept. */
  constructor(highest: bigint = 0n) {
    this.#highest = highest;
  }

  get highest(): bigint {
    return this.#highest;
  }

  /** True, and remembered, unless a higher one was seen. */
  accept(fence: bigint): boolean {
    if (typeof fence !== 'bigint' || fence < this.#highest) return false;
    this.#highest = fence;
    return true;
  }
}
