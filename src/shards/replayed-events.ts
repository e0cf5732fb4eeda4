/** A stream of events that begins with some that have happened before. */

export class ReplayedEvents<E> implements AsyncIterableIterator<E> {
  readonly #past: readonly E[];
  readonly #next: AsyncIterator<E>;
  #at = 0;

  constructor(past: readonly E[], next: AsyncIterable<E>) {
    this.#past = past;
    this.#next = next[Symbol.asyncIterator]();
  }

  async next(): Promise<IteratorResult<E>> {
    const event = this.#past[this.#at];
    if (event === undefined) return this.#next.next();
    this.#at += 1;
    return { done: false, value: event };
  }

  async return(): Promise<IteratorResult<E>> {
    this.#at = this.#past.length;
    await this.#next.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
