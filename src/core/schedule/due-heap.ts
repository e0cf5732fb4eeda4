/** A binary heap by time whose items know their places: they can be moved and taken out. */

export interface HeapItem {
  atMs: number;
  /** Its place in the heap that it is in; -1 while it is in none. */
  heapAt: number;
}

export class DueHeap<T extends HeapItem> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** Puts it at that time; it is in this heap or in none. */
  set(item: T, atMs: number): void {
    item.atMs = atMs;
    if (item.heapAt < 0) {
      item.heapAt = this.#items.length;
      this.#items.push(item);
    }
    this.#rise(item);
    this.#sink(item);
  }

  /** No effect on one that is in no heap. It must not be in another one. */
  remove(item: T): void {
    const at = item.heapAt;
    if (at < 0) return;
    item.heapAt = -1;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#place(last, at);
    this.#rise(last);
    this.#sink(last);
  }

  /** Takes the first one out when it is due by then. */
  takeDue(atMs: number): T | undefined {
    const { first } = this;
    if (first === undefined || first.atMs > atMs) return undefined;
    this.remove(first);
    return first;
  }

  #rise(item: T): void {
    while (item.heapAt > 0) {
      const parent = this.#items[(item.heapAt - 1) >> 1];
      if (parent === undefined || parent.atMs <= item.atMs) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#items[2 * item.heapAt + 1];
      const right = this.#items[2 * item.heapAt + 2];
      const child =
        left !== undefined && right !== undefined && right.atMs < left.atMs ? right : left;
      if (child === undefined || child.atMs >= item.atMs) return;
      this.#swap(item, child);
    }
  }

  #swap(a: T, b: T): void {
    const at = a.heapAt;
    this.#place(a, b.heapAt);
    this.#place(b, at);
  }

  #place(item: T, at: number): void {
    item.heapAt = at;
    this.#items[at] = item;
  }
}
