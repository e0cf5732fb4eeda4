/** Keys of which something was found out a moment ago; the oldest of too many go. */
export class RecentKeys {
  readonly #forMs: number;
  readonly #countMax: number;
  /** When each was added, oldest first. */
  readonly #addedMs = new Map<string, number>();

  constructor(forMs: number, countMax: number) {
    this.#forMs = forMs;
    this.#countMax = countMax;
  }

  /** True for the time that was given from its last `add` on. */
  has(key: string, nowMs: number): boolean {
    const addedMs = this.#addedMs.get(key);
    return addedMs !== undefined && nowMs - addedMs < this.#forMs;
  }

  add(key: string, nowMs: number): void {
    this.#addedMs.delete(key);
    this.#addedMs.set(key, nowMs);
    for (const oldest of this.#addedMs.keys()) {
      if (this.#addedMs.size <= this.#countMax) break;
      this.#addedMs.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#addedMs.delete(key);
  }
}
