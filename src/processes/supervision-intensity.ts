/** How often a supervisor may start children again: so many times within a time. */

export class RestartIntensity {
  readonly #restarts: number;
  readonly #withinMs: number;
  /** The oldest first. */
  #atMs: number[] = [];

  constructor(restarts: number, withinMs: number) {
    this.#restarts = restarts;
    this.#withinMs = withinMs;
  }

  /** Counts a restart that is due now; false when it is one too many. */
  admits(nowMs: number): boolean {
    this.#atMs = this.#atMs.filter((atMs) => nowMs - atMs < this.#withinMs);
    this.#atMs.push(nowMs);
    return this.#atMs.length <= this.#restarts;
  }

  toString(): string {
    return `${this.#restarts} restarts within ${this.#withinMs} ms`;
  }
}
