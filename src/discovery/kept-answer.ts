/**
 * One question that many may ask: those who ask at the same time share the answer, and it is kept
 * for a while. A failure is kept as well, so that whoever retries does not flood a server that has
 * trouble already.
 */
import type { Clock, Timers } from '../host/host.ts';
import { abortable } from '../settlement.ts';
import { within } from '../time-limit.ts';

export interface Answer<T> {
  readonly value: T;
  readonly keptMs: number;
}

export interface Question<T> {
  readonly clock: Clock;
  readonly timers: Timers;
  /** For the message of the error at the deadline. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly failureKeptMs: number;
  readonly ask: (signal: AbortSignal) => Promise<Answer<T>>;
}

interface Asking<T> {
  readonly outcome: Promise<T>;
  readonly abort: AbortController;
  waiting: number;
}

export class KeptAnswer<T> {
  readonly #question: Question<T>;
  #kept: { readonly outcome: Promise<T>; readonly untilMs: number } | undefined;
  #asking: Asking<T> | undefined;

  constructor(question: Question<T>) {
    this.#question = question;
  }

  /**
   * The answer that is kept, or a new one. The question is given up when nobody waits any more.
   * @throws ERR_TIMEOUT, what the question throws, or the signal's reason.
   */
  async get(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const nowMs = this.#question.clock.monotonicMs();
    if (this.#kept !== undefined && nowMs < this.#kept.untilMs) return this.#kept.outcome;
    const asking = this.#asking ?? this.#begin();
    asking.waiting += 1;
    try {
      return await abortable(asking.outcome, signal);
    } finally {
      asking.waiting -= 1;
      if (asking.waiting === 0 && this.#asking === asking) {
        this.#asking = undefined;
        asking.abort.abort(signal?.reason);
      }
    }
  }

  #begin(): Asking<T> {
    const abort = new AbortController();
    const outcome = this.#ask(abort.signal);
    outcome.catch(() => {});
    const asking = { outcome, abort, waiting: 0 };
    this.#asking = asking;
    return asking;
  }

  async #ask(signal: AbortSignal): Promise<T> {
    const { timers, timeoutMs, what, ask, failureKeptMs } = this.#question;
    try {
      const { value, keptMs } = await within({ timers, timeoutMs, what, signal }, ask);
      this.#keep(Promise.resolve(value), keptMs, signal);
      return value;
    } catch (error) {
      const failure = Promise.reject(error);
      failure.catch(() => {});
      this.#keep(failure, failureKeptMs, signal);
      throw error;
    }
  }

  #keep(outcome: Promise<T>, keptMs: number, { aborted }: AbortSignal): void {
    if (aborted) return;
    this.#kept = { outcome, untilMs: this.#question.clock.monotonicMs() + keptMs };
    this.#asking = undefined;
  }
}
