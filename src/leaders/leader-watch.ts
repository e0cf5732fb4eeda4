/** One stream that tells who leads: what a reader has not taken is overtaken by what follows. */
import { onceAborted } from '../abort.ts';
import { type Settlement, settlement } from '../settlement.ts';
import type { Leader } from './leaders.ts';

type Result = IteratorResult<Leader | undefined>;

interface Word {
  readonly leader: Leader | undefined;
}

export class LeaderWatch implements AsyncIterableIterator<Leader | undefined> {
  readonly #signal: AbortSignal | undefined;
  readonly #release: () => void;
  /** What the reader has not taken yet. */
  #next: Word | undefined;
  #waiting: Settlement<Result>[] = [];
  #hasEnded = false;

  /** Begins with `leader`. `release` is called at the end. */
  constructor(leader: Leader | undefined, release: () => void, signal: AbortSignal | undefined) {
    this.#next = { leader };
    this.#release = release;
    this.#signal = signal;
    if (signal !== undefined) onceAborted(signal, this.#onAbort);
  }

  readonly #onAbort = (): void => {
    for (const { reject } of this.#waiting.splice(0)) reject(this.#signal?.reason);
    this.end();
  };

  push(leader: Leader | undefined): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#next = { leader };
    else waiting.resolve({ done: false, value: leader });
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#release();
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  async next(): Promise<Result> {
    this.#signal?.throwIfAborted();
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) return { done: false, value: next.leader };
    if (this.#hasEnded) return { done: true, value: undefined };
    const waiting = settlement<Result>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  async return(): Promise<Result> {
    this.#next = undefined;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
