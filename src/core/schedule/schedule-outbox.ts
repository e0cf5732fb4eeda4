/** What an input of the schedule leads to, in order, its counts in one sum each, and its timer. */
import { TimerBook } from '../roster/timer-book.ts';
import type { ScheduleCount, ScheduleEffect, ScheduleTime, ScheduleTimer } from './contract.ts';
import type { Change } from './transitions.ts';

export class ScheduleOutbox {
  /** Of the input that is handled. */
  time: ScheduleTime = { nowMs: 0, wallMs: 0 };
  readonly #timers = new TimerBook<ScheduleTimer['kind']>();
  #effects: ScheduleEffect[] = [];
  #counts = new Map<ScheduleCount, number>();

  push(effect: ScheduleEffect): void {
    this.#effects.push(effect);
  }

  count(what: ScheduleCount, count: number = 1): void {
    if (count > 0) this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  /** Of a change that is durable. */
  countOf({ skipped, dropped = 0, isDead = false }: Change): void {
    this.count('skipped', skipped);
    this.count('dropped', dropped);
    this.count('dead', isDead ? 1 : 0);
  }

  /** Looks again at that monotonic time, unless it looks by then. */
  wake(atMs: number): void {
    const timer = this.#timers.advance('look', atMs);
    if (timer === undefined) return;
    // Rounded up: a look that comes early finds nothing due.
    const delayMs = Math.max(0, Math.ceil(atMs - this.time.nowMs));
    this.#effects.push({ kind: 'schedule', timer, delayMs });
  }

  /** False for a timer that was set anew since. */
  takeTimer(timer: ScheduleTimer): boolean {
    return this.#timers.take(timer, this.time.nowMs) !== undefined;
  }

  take(): readonly ScheduleEffect[] {
    const effects = this.#effects;
    for (const [what, count] of this.#counts) effects.push({ kind: 'count', what, count });
    this.#effects = [];
    this.#counts = new Map();
    return effects;
  }
}
