/**
 * What is to happen, by time, and at one instant in the order of asking: a heap of four children a
 * node. Times lie in typed arrays beside the events, so that a comparison touches no object; with
 * tens of thousands of timers standing this is most of what an event costs.
 */
const CAPACITY_AT_FIRST = 1_024;

export class EventQueue<E> {
  #times = new Float64Array(CAPACITY_AT_FIRST);
  #orders = new Float64Array(CAPACITY_AT_FIRST);
  readonly #events: E[] = [];
  #order = 0;

  get size(): number {
    return this.#events.length;
  }

  /** When the next event is due; infinity when there is none. */
  get nextMs(): number {
    return this.#events.length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] ?? 0);
  }

  push(atMs: number, event: E): void {
    const at = this.#events.length;
    if (at === this.#times.length) this.#grow();
    this.#events.push(event);
    this.#order += 1;
    this.#rise(at, atMs, { event, order: this.#order });
  }

  /** Takes the next event. */
  pop(): E | undefined {
    const first = this.#events[0];
    const last = this.#events.pop();
    const size = this.#events.length;
    if (last === undefined || size === 0) return first;
    this.#sink(last, this.#times[size] ?? 0, this.#orders[size] ?? 0);
    return first;
  }

  #rise(from: number, atMs: number, { event, order }: { event: E; order: number }): void {
    const times = this.#times;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 2;
      // A later order never passes an equal time.
      if ((times[above] as number) <= atMs) break;
      this.#move(above, at);
      at = above;
    }
    this.#place(at, atMs, { event, order });
  }

  #sink(event: E, atMs: number, order: number): void {
    const size = this.#events.length;
    let at = 0;
    for (;;) {
      const below = this.#leastChild(at, size);
      if (below === -1 || !this.#isBefore(below, atMs, order)) break;
      this.#move(below, at);
      at = below;
    }
    this.#place(at, atMs, { event, order });
  }

  #leastChild(at: number, size: number): number {
    const first = 4 * at + 1;
    if (first >= size) return -1;
    const end = Math.min(first + 4, size);
    let least = first;
    for (let child = first + 1; child < end; child += 1) {
      if (this.#isBefore(child, this.#times[least] as number, this.#orders[least] as number)) {
        least = child;
      }
    }
    return least;
  }

  #isBefore(at: number, timeMs: number, order: number): boolean {
    const ownMs = this.#times[at] as number;
    return ownMs < timeMs || (ownMs === timeMs && (this.#orders[at] as number) < order);
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number;
    this.#orders[to] = this.#orders[from] as number;
    this.#events[to] = this.#events[from] as E;
  }

  #place(at: number, atMs: number, { event, order }: { event: E; order: number }): void {
    this.#times[at] = atMs;
    this.#orders[at] = order;
    this.#events[at] = event;
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    const times = new Float64Array(capacity);
    const orders = new Float64Array(capacity);
    times.set(this.#times);
    orders.set(this.#orders);
    this.#times = times;
    this.#orders = orders;
  }
}
