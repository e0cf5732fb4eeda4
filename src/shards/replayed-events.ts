/** A stream of events that begins with some that have happened before. */
import type { Cancellable } from '../observable.ts';

export class ReplayedEvents<E> implements AsyncIterableIterator<E> {
  readonly #past: readonly E[];
  readonly #next: AsyncIterator<E>;
  readonly #signal: AbortSignal | undefined;
  #at = 0;

  /** @param options those of `next`. */
  constructor(past: readonly E[], next: AsyncIterable<E>, options: Cancellable = {}) {
    this.#past = past;
    this.#next = next[Symbol.asyncIterator]();
    this.#signal = options.signal;
  }

  async next(): Promise<IteratorResult<E>> {
    this.#signal?.throwIfAborted();
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
