/**
 * Timers by due time, those of one instant by the order in which they were set: a binary heap.
 * A cancelled timer gives its callback up at once and its place when it would have been due.
 */
export interface TimerEntry extends Disposable {
  readonly dueMs: number;
  readonly sequence: number;
  /** Undefined once it has fired or is cancelled. */
  callback: (() => void) | undefined;
}

class HeapEntry implements TimerEntry {
  readonly dueMs: number;
  readonly sequence: number;
  callback: (() => void) | undefined;

  constructor(dueMs: number, sequence: number, callback: () => void) {
    this.dueMs = dueMs;
    this.sequence = sequence;
    this.callback = callback;
  }

  [Symbol.dispose](): void {
    this.callback = undefined;
  }
}

export class TimerHeap {
  readonly #entries: TimerEntry[] = [];
  #sequence = 0;

  push(dueMs: number, callback: () => void): TimerEntry {
    const entry = new HeapEntry(dueMs, this.#sequence, callback);
    this.#sequence += 1;
    this.#entries.push(entry);
    this.#siftUp(entry);
    return entry;
  }

  /** Takes the earliest live timer when it is due by `endMs`. */
  popDue(endMs: number): TimerEntry | undefined {
    let first = this.#entries[0];
    while (first !== undefined && first.dueMs <= endMs) {
      this.#removeFirst();
      if (first.callback !== undefined) return first;
      first = this.#entries[0];
    }
    return undefined;
  }

  #siftUp(entry: TimerEntry): void {
    const entries = this.#entries;
    let index = entries.length - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = entries[above];
      if (parent === undefined || isBefore(parent, entry)) break;
      entries[index] = parent;
      index = above;
    }
    entries[index] = entry;
  }

  #removeFirst(): void {
    const last = this.#entries.pop();
    if (last !== undefined && this.#entries.length > 0) this.#siftDown(last);
  }

  #siftDown(entry: TimerEntry): void {
    const entries = this.#entries;
    let index = 0;
    for (;;) {
      const below = this.#smallerChild(index);
      const child = entries[below];
      if (child === undefined || isBefore(entry, child)) break;
      entries[index] = child;
      index = below;
    }
    entries[index] = entry;
  }

  #smallerChild(index: number): number {
    const left = 2 * index + 1;
    const first = this.#entries[left];
    const second = this.#entries[left + 1];
    if (first === undefined || second === undefined) return left;
    return isBefore(first, second) ? left : left + 1;
  }
}

function isBefore(a: TimerEntry, b: TimerEntry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}
