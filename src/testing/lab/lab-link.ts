/** One link between two simulated nodes, seen by both ends. */

export class LabLink {
  readonly a: number;
  readonly b: number;
  readonly latencyMs: number;
  isOpen = true;
  /** An idle check is under way. */
  isChecked = false;
  lastUsedMs: number;
  #isNeededByA = false;
  #isNeededByB = false;
  #arrivedAtAMs: number;
  #arrivedAtBMs: number;
  /** When what was sent last arrives: nothing overtakes it. */
  #arrivesAtAMs = 0;
  #arrivesAtBMs = 0;

  constructor({ a, b, latencyMs, nowMs }: LabLinkOptions) {
    this.a = a;
    this.b = b;
    this.latencyMs = latencyMs;
    this.lastUsedMs = nowMs;
    this.#arrivedAtAMs = nowMs;
    this.#arrivedAtBMs = nowMs;
  }

  get isNeeded(): boolean {
    return this.#isNeededByA || this.#isNeededByB;
  }

  need(end: number, isNeeded: boolean): void {
    if (end === this.a) this.#isNeededByA = isNeeded;
    else this.#isNeededByB = isNeeded;
  }

  other(end: number): number {
    return end === this.a ? this.b : this.a;
  }

  /** When that end last heard the other one. */
  heardMs(end: number): number {
    return end === this.a ? this.#arrivedAtAMs : this.#arrivedAtBMs;
  }

  hear(end: number, nowMs: number): void {
    if (end === this.a) this.#arrivedAtAMs = nowMs;
    else this.#arrivedAtBMs = nowMs;
  }

  /** When a frame for that end arrives, in order behind those before it. */
  inOrder(end: number, arrivesMs: number): number {
    if (end === this.a) {
      this.#arrivesAtAMs = Math.max(this.#arrivesAtAMs, arrivesMs);
      return this.#arrivesAtAMs;
    }
    this.#arrivesAtBMs = Math.max(this.#arrivesAtBMs, arrivesMs);
    return this.#arrivesAtBMs;
  }
}

export interface LabLinkOptions {
  readonly a: number;
  readonly b: number;
  readonly latencyMs: number;
  readonly nowMs: number;
}
