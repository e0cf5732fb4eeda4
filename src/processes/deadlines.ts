/**
 * Many deadlines, few timers. Most calls have one of few time-outs, and those of equal time-out
 * are due in the order in which they began: one list and one timer for each time-out. To begin and
 * to end a deadline costs a few pointers, and no timer of the system is made for a call. Time-outs
 * are rounded up, by at most a hundredth of the long ones, so that there are few different ones.
 */
import type { Clock, Timers } from '../host/host.ts';
import { TIMEOUT_MS_MAX } from '../limits.ts';

/** Lists that may stay without entries until their timer fires, so that steady use is cheap. */
const EMPTY_LISTS_MAX = 64;

/** What carries a deadline; `Deadlines` alone touches these fields. */
export interface DeadlineEntry {
  dueMs: number;
  earlier: DeadlineEntry | undefined;
  later: DeadlineEntry | undefined;
  list: DeadlineList | undefined;
  /** Called once when the deadline passes, unless it was removed. */
  expire(): void;
}

/** Deadlines of one time-out, the next one first. */
export interface DeadlineList {
  readonly delayMs: number;
  head: DeadlineEntry | undefined;
  tail: DeadlineEntry | undefined;
  timer: Disposable | undefined;
}

/** @typeParam E - what carries the deadlines */
export class Deadlines<E extends DeadlineEntry = DeadlineEntry> {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #lists = new Map<number, DeadlineList>();

  constructor(host: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = host.clock;
    this.#timers = host.timers;
  }

  /** Number of time-outs that a list is kept for. */
  get listCount(): number {
    return this.#lists.size;
  }

  /** The entry expires after `timeoutMs`, rounded up, unless it is removed before. */
  add(entry: E, timeoutMs: number): void {
    const delayMs = roundedMs(timeoutMs);
    const list = this.#listOf(delayMs);
    entry.dueMs = this.#clock.monotonicMs() + delayMs;
    entry.list = list;
    entry.earlier = list.tail;
    if (list.tail === undefined) list.head = entry;
    else list.tail.later = entry;
    list.tail = entry;
    list.timer ??= this.#timers.after(delayMs, () => this.#run(list));
  }

  /** No effect on an entry that is not waiting. */
  remove(entry: DeadlineEntry): void {
    const { list, earlier, later } = entry;
    if (list === undefined) return;
    if (earlier === undefined) list.head = later;
    else earlier.later = later;
    if (later === undefined) list.tail = earlier;
    else later.earlier = earlier;
    entry.list = undefined;
    entry.earlier = undefined;
    entry.later = undefined;
    if (list.head === undefined && this.#lists.size > EMPTY_LISTS_MAX) this.#drop(list);
  }

  /** Everything that has a deadline now. */
  entries(): E[] {
    const entries: E[] = [];
    for (const list of this.#lists.values()) {
      // Only `add` fills the lists.
      for (let entry = list.head; entry !== undefined; entry = entry.later)
        entries.push(entry as E);
    }
    return entries;
  }

  /** Cancels all timers; nothing expires afterwards. */
  close(): void {
    for (const { timer } of this.#lists.values()) timer?.[Symbol.dispose]();
    this.#lists.clear();
  }

  #listOf(delayMs: number): DeadlineList {
    const known = this.#lists.get(delayMs);
    if (known !== undefined) return known;
    const list = { delayMs, head: undefined, tail: undefined, timer: undefined };
    this.#lists.set(delayMs, list);
    return list;
  }

  #run(list: DeadlineList): void {
    list.timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let entry = list.head; entry !== undefined && entry.dueMs <= nowMs; entry = list.head) {
      this.remove(entry);
      entry.expire();
    }
    this.#rearm(list);
  }

  /** Timers may fire a little early; the head is then waited for again. */
  #rearm(list: DeadlineList): void {
    if (list.timer !== undefined) return;
    if (list.head === undefined) {
      this.#drop(list);
      return;
    }
    const delayMs = Math.max(1, list.head.dueMs - this.#clock.monotonicMs());
    list.timer = this.#timers.after(delayMs, () => this.#run(list));
  }

  /** Of a list that was dropped before, another one may have taken the place. */
  #drop(list: DeadlineList): void {
    list.timer?.[Symbol.dispose]();
    list.timer = undefined;
    if (this.#lists.get(list.delayMs) === list) this.#lists.delete(list.delayMs);
  }
}

/** Steps of 1 ms, from a second on of 10 ms, from a minute on of 500 ms. */
function roundedMs(timeoutMs: number): number {
  const stepMs = timeoutMs < 1_000 ? 1 : timeoutMs < 60_000 ? 10 : 500;
  return Math.min(Math.ceil(timeoutMs / stepMs) * stepMs, TIMEOUT_MS_MAX);
}
