/** When entries expire: a binary heap, the earliest on top. Entries that were overwritten stay. */
import type { Stamp } from '../clock/stamp.ts';

export interface Expiry {
  readonly atMs: number;
  readonly key: string;
  /** Of the entry. */
  readonly stamp: Stamp;
}

export class Expiries {
  #heap: Expiry[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** Undefined when nothing expires. */
  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  add(atMs: number, key: string, stamp: Stamp): void {
    this.#heap.push({ atMs, key, stamp });
    this.#rise(this.#heap.length - 1);
  }

  /** Takes out what expires by then, the earliest first. */
  *due(wallMs: number): IterableIterator<Expiry> {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || first.atMs > wallMs) return;
      this.#takeFirst();
      yield first;
    }
  }

  /** Drops all but these, for a caller who has overwritten many. Costs as much as there are. */
  retain(isKept: (expiry: Expiry) => boolean): void {
    this.#heap = this.#heap.filter(isKept);
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  #takeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (this.#timeAt(parent) <= this.#timeAt(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      const child = this.#timeAt(left + 1) < this.#timeAt(left) ? left + 1 : left;
      if (this.#timeAt(child) >= this.#timeAt(at)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #timeAt(at: number): number {
    return this.#heap[at]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return;
    this.#heap[a] = other;
    this.#heap[b] = one;
  }
}
