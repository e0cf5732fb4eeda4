/** What an input of the elections leads to, in order, and their timers. */
import { TimerBook } from '../roster/timer-book.ts';
import type { ElectionEffect, ElectionTimer } from './contract.ts';

export class ElectionOutbox {
  /** Of the input that is handled. */
  nowMs: number = 0;
  readonly #timers = new TimerBook<ElectionTimer['kind']>();
  #effects: ElectionEffect[] = [];

  push(effect: ElectionEffect): void {
    this.#effects.push(effect);
  }

  /** Sets the timer, unless one of its kind fires by then. Times that have come are over. */
  wake(kind: ElectionTimer['kind'], atMs: number): void {
    if (atMs <= this.nowMs) return;
    const timer = this.#timers.advance(kind, atMs);
    if (timer !== undefined) this.#schedule(timer, atMs);
  }

  /** Sets the timer instead of the one that was set before. */
  reset(kind: ElectionTimer['kind'], atMs: number): void {
    this.#schedule(this.#timers.set(kind, atMs), atMs);
  }

  /** False for a timer that was set anew since. */
  takeTimer(timer: ElectionTimer): boolean {
    return this.#timers.take(timer, this.nowMs) !== undefined;
  }

  take(): readonly ElectionEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #schedule(timer: ElectionTimer, atMs: number): void {
    this.#effects.push({ kind: 'schedule', timer, delayMs: atMs - this.nowMs });
  }
}
