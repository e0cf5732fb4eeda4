/** What is removed or expired and still remembered, in the order in which it came to be so here. */
import { type Stamp, wallMsOf } from '../clock/stamp.ts';

/** What is taken from the front is cut off when so much of the array is empty. */
const EMPTY_MAX = 1_024;

export interface Grave {
  readonly key: string;
  /** Of the entry. */
  readonly stamp: Stamp;
  /** Own clock when it was buried here. */
  readonly buriedAt: Stamp;
}

export class Graveyard {
  #graves: Grave[] = [];
  #head = 0;

  /** Those of keys that were written again meanwhile included. */
  get size(): number {
    return this.#graves.length - this.#head;
  }

  /** `buriedAt` is greater than that of all before. */
  bury(key: string, stamp: Stamp, buriedAt: Stamp): void {
    this.#graves.push({ key, stamp, buriedAt });
  }

  /** True when the oldest one was buried by then. */
  hasAged(buriedBeforeMs: number): boolean {
    const oldest = this.#graves[this.#head];
    return oldest !== undefined && wallMsOf(oldest.buriedAt) <= buriedBeforeMs;
  }

  /** Takes out, oldest first, what was buried up to that stamp and by that time. */
  *collectable(upTo: Stamp, buriedBeforeMs: number): IterableIterator<Grave> {
    for (;;) {
      const oldest = this.#graves[this.#head];
      if (oldest === undefined || oldest.buriedAt > upTo || !this.hasAged(buriedBeforeMs)) return;
      this.#head += 1;
      this.#compact();
      yield oldest;
    }
  }

  /** Drops all but these, in their order: those of keys that were written again are in the way. */
  retain(isKept: (grave: Grave) => boolean): void {
    this.#graves = this.#graves.slice(this.#head).filter(isKept);
    this.#head = 0;
  }

  #compact(): void {
    if (this.#head < EMPTY_MAX || this.#head * 2 < this.#graves.length) return;
    this.#graves = this.#graves.slice(this.#head);
    this.#head = 0;
  }
}
